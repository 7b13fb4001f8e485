"""Filters of applications."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from rest_framework.request import Request

from applications.choices import Stage
from applications.models import Application, ApplicationBorrower
from applications.stages import ALIASES
from borrowers.models import Borrower
from brokers.models import Broker
from crm_backend.common.filters import DayFilter, EnumFilter, FilterSet, IdFilter, NumberFilter, SearchFilter

PERSON_FIELDS = ("first_name", "last_name", "company_name", "email")


class ApplicationSearch(SearchFilter):
    """By reference and purpose, and by the names and e-mail addresses of the broker and the borrowers.

    People are found by subqueries of keys: their tables' own indexes serve, and nothing is listed twice.
    """

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        """Every word has to be found somewhere."""
        for word in self.get_search_terms(request):
            brokers = Broker.objects.filter(_contains(word, *PERSON_FIELDS))
            links = ApplicationBorrower.objects.filter(
                borrower__in=Borrower.objects.filter(_contains(word, *PERSON_FIELDS))
            )
            queryset = queryset.filter(
                _contains(word, "reference_number", "purpose")
                | Q(broker__in=brokers)
                | Q(pk__in=links.values("application"))
            )
        return queryset


def _contains(word: str, *fields: str) -> Q:
    found = Q()
    for field in fields:
        found |= Q(**{f"{field}__icontains": word})
    return found


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
