"""Filters of applications."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from applications.choices import Stage
from applications.models import Application, ApplicationBorrower
from applications.stages import ALIASES
from crm_backend.common.filters import DayFilter, EnumFilter, FilterSet, IdFilter, NumberFilter


class ApplicationFilter(FilterSet):
    """By stage (aliases too), type, people, amounts, rates, and date of creation (inclusive, UTC)."""

    stage = EnumFilter(choices=Stage.choices, method="filter_stage")
    broker = IdFilter(field_name="broker_id")
    bd = IdFilter(field_name="bd_id")
    branch = IdFilter(field_name="branch_id")
    borrower = IdFilter(method="filter_borrower")
    min_loan_amount = NumberFilter(field_name="loan_amount", lookup_expr="gte")
    max_loan_amount = NumberFilter(field_name="loan_amount", lookup_expr="lte")
    min_interest_rate = NumberFilter(field_name="interest_rate", lookup_expr="gte")
    max_interest_rate = NumberFilter(field_name="interest_rate", lookup_expr="lte")
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    date_from = DayFilter(field_name="created_at", lookup_expr="gte")
    date_to = DayFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = Application
        fields = ["application_type", "repayment_frequency"]

    def filter_stage(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """By a stage, or by a name that some clients use for one."""
        return queryset.filter(stage=ALIASES.get(value, value))

    def filter_borrower(self, queryset: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        """Those that a borrower is on."""
        links = ApplicationBorrower.objects.filter(borrower_id=value)
        return queryset.filter(pk__in=links.values("application"))
