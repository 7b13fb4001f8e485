"""Filters of borrowers."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from borrowers.choices import PartyType
from borrowers.models import Borrower
from crm_backend.common.filters import FilterSet


class BorrowerFilter(FilterSet):
    """By type, residency, marital status, and whether they are on any application."""

    is_company = django_filters.BooleanFilter(method="filter_company")
    has_applications = django_filters.BooleanFilter(
        field_name="applications", lookup_expr="isnull", exclude=True, distinct=True
    )

    class Meta:
        model = Borrower
        fields = ["borrower_type", "residency_status", "marital_status", "state"]

    def filter_company(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: companies; `false`: people."""
        kind = PartyType.COMPANY if value else PartyType.INDIVIDUAL
        return queryset.filter(borrower_type=kind)
