"""Filters of borrowers and guarantors."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from borrowers.choices import PartyType
from borrowers.models import Borrower
from crm_backend.common.filters import BooleanFilter, FilterSet

SEARCHED = ["first_name", "last_name", "company_name", "email"]


class BorrowerFilter(FilterSet):
    """By type, residency, marital status, state, tag, and whether they are on any application."""

    is_company = BooleanFilter(method="filter_company")
    has_applications = BooleanFilter(method="filter_has_applications")
    tag = django_filters.CharFilter(method="filter_tag", max_length=40)

    class Meta:
        model = Borrower
        fields = ["borrower_type", "residency_status", "marital_status", "state"]

    def filter_company(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: companies; `false`: people."""
        kind = PartyType.COMPANY if value else PartyType.INDIVIDUAL
        return queryset.filter(borrower_type=kind)

    def filter_tag(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Those with a tag, spelt exactly so."""
        return queryset.filter(tags__contains=[value])

    def filter_has_applications(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: those on an application; `false`: the others. By keys: a join would repeat rows."""
        on_one = Q(pk__in=Borrower.objects.filter(application_links__isnull=False).values("pk"))
        return queryset.filter(on_one if value else ~on_one)
