"""Filters of borrowers."""

from typing import Any

from django.db.models import Q, QuerySet

from borrowers.choices import PartyType
from borrowers.models import Borrower
from crm_backend.common.filters import BooleanFilter, FilterSet


class BorrowerFilter(FilterSet):
    """By type, residency, marital status, and whether they are on any application."""

    is_company = BooleanFilter(method="filter_company")
    has_applications = BooleanFilter(method="filter_has_applications")

    class Meta:
        model = Borrower
        fields = ["borrower_type", "residency_status", "marital_status", "state"]

    def filter_company(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: companies; `false`: people."""
        kind = PartyType.COMPANY if value else PartyType.INDIVIDUAL
        return queryset.filter(borrower_type=kind)

    def filter_has_applications(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: those on an application; `false`: the others. By keys: a join would repeat rows."""
        on_one = Q(pk__in=Borrower.objects.filter(application_links__isnull=False).values("pk"))
        return queryset.filter(on_one if value else ~on_one)
