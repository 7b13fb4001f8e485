"""Filters of applications."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.functions import Concat, Upper
from rest_framework.request import Request

from applications.choices import Stage
from applications.models import Application, ApplicationBorrower
from applications.stages import ALIASES
from crm_backend.common.filters import (
    DayFilter,
    EnumFilter,
    FilterSet,
    IdFilter,
    MomentFilter,
    NumberFilter,
    SearchFilter,
)
from users.choices import Role

SHORTEST_INSIDE = 3
REFERENCES = "APP-"
# The whole document as an expression that the index is not asked for.
UNINDEXED_TEXT = Concat("search_document__text", Value(""), output_field=TextField())


class ApplicationSearch(SearchFilter):
    """By reference and purpose, and by the names and e-mail addresses of the broker and the borrowers.

    A word is found anywhere in them; one of fewer than three characters only where a word begins, since the
    index knows groups of three. Clients search reference and purpose only, as they are not shown how to
    reach the others on an application.
    """

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        """Every word has to be found somewhere."""
        words = self.get_search_terms(request)
        if getattr(request.user, "role", "") == Role.CLIENT:
            return _by_reference_or_purpose(queryset, words)
        for word in words:
            # In capitals by the database, whose capitals the document has. Wildcards are taken literally.
            queryset = queryset.filter(search_document__text__contains=Upper(Value(_looked_up(word))))
            if word.upper().startswith(REFERENCES):
                queryset = queryset.alias(text=UNINDEXED_TEXT).filter(text__contains=Upper(Value(word)))
        return queryset


def _by_reference_or_purpose(queryset: Any, words: list[str]) -> Any:
    """For clients, whose own applications are so few that no index is asked."""
    for word in words:
        queryset = queryset.filter(Q(reference_number__icontains=word) | Q(purpose__icontains=word))
    return queryset


def _looked_up(word: str) -> str:
    """What the index is asked for: for a reference not the letters that each of them begins with."""
    if len(word) < SHORTEST_INSIDE:
        return f" {word}"
    if word.upper().startswith(REFERENCES):
        return word[len(REFERENCES) - 1 :]
    return word


class ApplicationFilter(FilterSet):
    """By stage (aliases too), type, people, amounts, rates, and date of creation (inclusive, UTC)."""

    stage = EnumFilter(choices=Stage.choices, method="filter_stage")
    product = IdFilter(field_name="product_id")
    broker = IdFilter(field_name="broker_id")
    bd = IdFilter(field_name="bd_id")
    branch = IdFilter(field_name="branch_id")
    borrower = IdFilter(method="filter_borrower")
    min_loan_amount = NumberFilter(field_name="loan_amount", lookup_expr="gte")
    max_loan_amount = NumberFilter(field_name="loan_amount", lookup_expr="lte")
    min_interest_rate = NumberFilter(field_name="interest_rate", lookup_expr="gte")
    max_interest_rate = NumberFilter(field_name="interest_rate", lookup_expr="lte")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")
    client_reference = django_filters.CharFilter()
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
