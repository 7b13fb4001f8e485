"""Filters of notes, templates and signature requests."""

from typing import Any

from django.db.models import QuerySet
from django_filters import DateFilter

from crm_backend.common.filters import BooleanFilter, DayFilter, EnumFilter, FilterSet, IdFilter
from documents.choices import LetterFormat, LetterType, NoteVisibility
from documents.models import LetterTemplate, Note
from servicing.dates import business_date


class NoteFilter(FilterSet):
    """Which notes. One is due when the day of its reminder has come."""

    application = IdFilter(field_name="application")
    author = IdFilter(field_name="author")
    assigned_to = IdFilter(field_name="assigned_to")
    visibility = EnumFilter(choices=NoteVisibility.choices)
    remind_after = DateFilter(field_name="remind_date", lookup_expr="gte", help_text="First day, inclusive.")
    remind_before = DateFilter(field_name="remind_date", lookup_expr="lte", help_text="Last day, inclusive.")
    is_due = BooleanFilter(method="by_due", field_name="remind_date")
    created_after = DayFilter(field_name="created_at", lookup_expr="gte")
    created_before = DayFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = Note
        fields: list[str] = []

    def by_due(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """The day has come; not yet, or never."""
        due = {"remind_date__lte": business_date()}
        return rows.filter(**due) if value else rows.exclude(**due)


class TemplateFilter(FilterSet):
    """Which templates."""

    letter_type = EnumFilter(choices=LetterType.choices)
    made_as = EnumFilter(choices=LetterFormat.choices, field_name="format")
    is_active = BooleanFilter(field_name="is_active")

    class Meta:
        model = LetterTemplate
        fields: list[str] = []
