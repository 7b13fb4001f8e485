"""Filters and search of documents, notes, templates and signature requests."""

from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db.models import Exists, Func, OuterRef, QuerySet, TextField, Value
from django_filters import DateFilter
from rest_framework.request import Request

from crm_backend.common.filters import (
    BooleanFilter,
    DayFilter,
    EnumFilter,
    FilterSet,
    IdFilter,
    SearchFilter,
    Terms,
)
from documents.choices import (
    DocumentKind,
    LetterFormat,
    LetterType,
    NoteVisibility,
    SignatureRequestStatus,
    SignerStatus,
)
from documents.models import Batch, Document, LetterTemplate, Note, SignatureRequest, Signer
from servicing.dates import business_date


class Beginning(Func):
    """Any text as a query for what begins with it; a phrase for words that follow each other."""

    # As a quoted operand: what means something in a query is text again.
    template = (
        r"'''' || replace(replace(translate(%(expressions)s, '’', ''''), '\', '\\'), '''', '''''') || ''':*'"
    )
    output_field = TextField()


class DocumentFilter(FilterSet):
    """Which documents; days are of their creation, inclusive, UTC."""

    application = IdFilter(field_name="application")
    kind = EnumFilter(choices=DocumentKind.choices)
    visible_to_client = BooleanFilter()
    date_from = DayFilter(field_name="created_at", lookup_expr="gte")
    date_to = DayFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = Document
        fields: list[str] = []


class DocumentSearch(SearchFilter):
    """Words of the title, of the file's name, and of the text of the current version, by their beginnings."""

    def get_search_fields(self, view: Any, request: Request) -> list[str]:
        """The one column."""
        return ["words__words"]

    def apply(self, queryset: Any, terms: Terms, request: Request, view: Any) -> Any:
        """Every word has to be found, each by the index."""
        for _, (word,) in terms:
            query = SearchQuery(Beginning(Value(word)), config="simple", search_type="raw")
            queryset = queryset.filter(words__words=query)
        return queryset


class BatchFilter(FilterSet):
    """Which batches."""

    application = IdFilter(field_name="application")

    class Meta:
        model = Batch
        fields: list[str] = []


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


class SignatureRequestFilter(FilterSet):
    """Which requests for signatures; those that wait for the caller are `mine`."""

    document = IdFilter(field_name="document")
    status = EnumFilter(choices=SignatureRequestStatus.choices)
    mine = BooleanFilter(method="by_mine", field_name="id")

    class Meta:
        model = SignatureRequest
        fields: list[str] = []

    def by_mine(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """The caller is to sign, and can: in order, it is their turn."""
        waiting = Signer.objects.filter(user=self.request.user, status=SignerStatus.WAITING)
        before = Signer.objects.filter(
            request=OuterRef("request"), position__lt=OuterRef("position"), status=SignerStatus.WAITING
        )
        waiting = waiting.exclude(Exists(before), request__in_order=True)
        mine = {"pk__in": waiting.values("request"), "status": SignatureRequestStatus.OPEN}
        return rows.filter(**mine) if value else rows.exclude(**mine)
