"""Filters of leads, interactions, appointments and reviews."""

from datetime import date, datetime, timedelta
from typing import Any

import django_filters
from django.conf import settings
from django.db.models import QuerySet

from applications.serializers.applications import REFERRAL_READERS
from crm_backend.common.filters import (
    BooleanFilter,
    DayFilter,
    EnumFilter,
    FilterSet,
    IdFilter,
    MomentFilter,
    WholeFilter,
)
from engagement.choices import AppointmentKind, AppointmentStatus, Direction, HoursKind, InteractionKind
from engagement.models import Appointment, Interaction, Lead, OfficeHours, Review
from engagement.stages import WORKED_ON
from servicing.dates import business_date, day_begins

# --- leads ------------------------------------------------------------------------------------


class LenderDayFilter(DayFilter):
    """As `DayFilter`, by the lender's days, which figures are of."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = f"midnight in {settings.BUSINESS_TIME_ZONE}"
        self.extra["help_text"] = self.extra["help_text"].replace("midnight UTC", zone)

    def prepare(self, value: date) -> datetime | None:
        """The moment to compare with; None when no day follows."""
        if self.lookup_expr == "gte":
            return day_begins(value)
        return None if value == date.max else day_begins(value + timedelta(days=1))


class LeadFilter(FilterSet):
    """By status, source, temperature, urgency, people, amounts, days of follow-up and of coming in."""

    assignee = IdFilter(field_name="assignee_id")
    branch = IdFilter(field_name="branch_id")
    partnership = IdFilter(method="filter_partnership")
    follow_up_after = django_filters.DateFilter(
        field_name="follow_up_on", lookup_expr="gte", help_text="First day, inclusive."
    )
    follow_up_before = django_filters.DateFilter(
        field_name="follow_up_on", lookup_expr="lte", help_text="Last day, inclusive."
    )
    follow_up_due = BooleanFilter(
        method="filter_due", help_text="Whether it is open and its day of follow-up has come."
    )
    min_score = WholeFilter(field_name="score", lookup_expr="gte")
    max_score = WholeFilter(field_name="score", lookup_expr="lte")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")
    date_from = LenderDayFilter(field_name="created_at", lookup_expr="gte")
    date_to = LenderDayFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = Lead
        fields = ["status", "source", "temperature", "urgency"]

    def filter_partnership(self, queryset: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        """Those that a partner referred: the lender's staff find them, others none."""
        if self.request.user.role not in REFERRAL_READERS:
            return queryset.none()
        return queryset.filter(partnership_id=value)

    def filter_due(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """Those to be seen to by today, by the lender's day, or all others."""
        due = {"follow_up_on__lte": business_date(), "status__in": WORKED_ON}
        if value:
            return queryset.filter(**due)
        # Not `exclude` alone: a lead without a day is not due either.
        return queryset.exclude(pk__in=Lead.objects.filter(**due).values("pk"))


# --- appointments, interactions, reviews ---


class AppointmentFilter(FilterSet):
    """Which appointments; days are of their start, inclusive, UTC."""

    host = IdFilter(field_name="host")
    lead = IdFilter(field_name="lead")
    borrower = IdFilter(field_name="borrower")
    application = IdFilter(field_name="application")
    status = EnumFilter(choices=AppointmentStatus.choices)
    kind = EnumFilter(choices=AppointmentKind.choices)
    date_from = DayFilter(field_name="starts_at", lookup_expr="gte")
    date_to = DayFilter(field_name="starts_at", lookup_expr="lte")

    class Meta:
        model = Appointment
        fields: list[str] = []


class OfficeHoursFilter(FilterSet):
    """Which office hours."""

    host = IdFilter(field_name="host")
    kind = EnumFilter(choices=HoursKind.choices)

    class Meta:
        model = OfficeHours
        fields: list[str] = []


class InteractionFilter(FilterSet):
    """Which interactions; days are of when they took place, inclusive, UTC."""

    lead = IdFilter(field_name="lead")
    borrower = IdFilter(field_name="borrower")
    application = IdFilter(field_name="application")
    author = IdFilter(field_name="author")
    kind = EnumFilter(choices=InteractionKind.choices)
    direction = EnumFilter(choices=Direction.choices)
    date_from = DayFilter(field_name="occurred_at", lookup_expr="gte")
    date_to = DayFilter(field_name="occurred_at", lookup_expr="lte")

    class Meta:
        model = Interaction
        fields: list[str] = []


class ReviewFilter(FilterSet):
    """Which reviews; `broker` and `branch` are those of the loan."""

    application = IdFilter(field_name="application")
    broker = IdFilter(field_name="application__broker")
    branch = IdFilter(field_name="application__branch")
    rating = WholeFilter(field_name="rating")
    is_hidden = BooleanFilter(field_name="hidden_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Review
        fields: list[str] = []
