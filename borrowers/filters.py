"""Filters of borrowers and guarantors."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from borrowers.choices import PartyType
from borrowers.models import Borrower, BorrowerMerge, DuplicatePair
from crm_backend.common.filters import BooleanFilter, FilterSet, IdFilter, SearchFilter
from crm_backend.common.scoping import through
from users.choices import Role

NAMES = ["first_name", "last_name", "company_name"]
SEARCHED = [*NAMES, "email"]


class PartySearch(SearchFilter):
    """By name and e-mail address; for clients by name, as they are not shown how to reach others."""

    def get_search_fields(self, view: Any, request: Any) -> list[str]:
        """What the caller may look through."""
        return NAMES if request.user.role == Role.CLIENT else list(view.search_fields)


class BorrowerFilter(FilterSet):
    """By type, residency, marital status, state and tag, and by being on an application that one sees."""

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
        """Those with a tag, spelt exactly so; clients are not shown tags and find nothing by them."""
        if self.request.user.role == Role.CLIENT:
            return queryset.none()
        return queryset.filter(tags__contains=[value])

    def filter_has_applications(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: those on an application that the caller sees; `false`: the others."""
        on_one = through("applications").rows(queryset, self.request.user)
        return queryset.filter(on_one if value else ~on_one)


class BorrowerMergeFilter(FilterSet):
    """By either borrower, and by whether it was undone."""

    survivor = IdFilter(field_name="survivor")
    duplicate = IdFilter(field_name="duplicate_id")
    is_undone = BooleanFilter(field_name="undone_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = BorrowerMerge
        fields: list[str] = []


class DuplicatePairFilter(FilterSet):
    """By one of the two, and by whether somebody said that they are not the same."""

    borrower = IdFilter(method="filter_borrower")
    is_dismissed = BooleanFilter(field_name="dismissed_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = DuplicatePair
        fields: list[str] = []

    def filter_borrower(self, queryset: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        """Those that a borrower is in."""
        return queryset.filter(Q(first=value) | Q(second=value))
