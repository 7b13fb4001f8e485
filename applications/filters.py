"""Filters of applications."""

from typing import Any

import django_filters
from django.db.models import QuerySet, TextField, Value
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
    Terms,
)
from users.choices import Role

SHORTEST_INSIDE = 3
REFERENCES = "APP-"
INSIDE, START, REFERENCE = "inside", "start", "reference"
CLIENTS_FIELDS = ["reference_number", "purpose"]
# The whole document as an expression that the index is not asked for.
UNINDEXED_TEXT = Concat("search_document__text", Value(""), output_field=TextField())


class ApplicationSearch(SearchFilter):
    """By reference and purpose, and by the names and e-mail addresses of the broker and the borrowers.

    A word is found anywhere in them; one of fewer than three characters only where a word begins, since the
    index knows groups of three. Clients search reference and purpose only, as they are not shown how to
    reach the others on an application.
    """

    def get_search_fields(self, view: Any, request: Request) -> list[str]:
        """The columns that clients search; others have the document."""
        return CLIENTS_FIELDS

    def get_terms(self, request: Request) -> Terms:
        """Each word, and what the index is asked for in its place.

        In a reference not the letters that each of them begins with; a short word where a word begins.
        """
        return [_looked_up(word) for word in self.get_search_terms(request)]

    def apply(self, queryset: Any, terms: Terms, request: Request, view: Any) -> Any:
        """Every word has to be found somewhere."""
        if getattr(request.user, "role", "") == Role.CLIENT:
            # Their own are so few that no index is asked.
            words: Terms = [("", texts[:1]) for _, texts in terms]
            return super().apply(queryset, words, request, view)
        for kind, texts in terms:
            # In capitals by the database, whose capitals the document has. Wildcards are taken literally.
            queryset = queryset.filter(search_document__text__contains=Upper(Value(texts[-1])))
            if kind == REFERENCE:
                whole = Upper(Value(texts[0]))
                queryset = queryset.alias(text=UNINDEXED_TEXT).filter(text__contains=whole)
        return queryset


def _looked_up(word: str) -> tuple[str, tuple[str, ...]]:
    """How to look for a word: itself, and what the index is asked for where that is another text."""
    if len(word) < SHORTEST_INSIDE:
        return START, (word, f" {word}")
    if word.upper().startswith(REFERENCES):
        return REFERENCE, (word, word[len(REFERENCES) - 1 :])
    return INSIDE, (word,)


class ApplicationFilter(FilterSet):
    """By stage (aliases too), type, people, amounts, rates, and date of creation (inclusive, UTC)."""

    stage = EnumFilter(choices=Stage.choices, method="filter_stage")
    product = IdFilter(field_name="product_id")
    broker = IdFilter(field_name="broker_id")
    bd = IdFilter(field_name="bd_id")
    branch = IdFilter(field_name="branch_id")
    referral_partner = IdFilter(method="filter_referral_partner")
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

    def filter_referral_partner(self, queryset: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        """Those that a partner referred: the lender's staff find them, others none."""
        if self.request.user.role not in (Role.ADMIN, Role.BD):
            return queryset.none()
        return queryset.filter(referral_partner_id=value)

    def filter_borrower(self, queryset: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        """Those that a borrower is on."""
        links = ApplicationBorrower.objects.filter(borrower_id=value)
        return queryset.filter(pk__in=links.values("application"))
