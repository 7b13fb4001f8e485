"""Filters of customers: those of borrowers, and by their loans."""

from typing import Any

from django.db.models import QuerySet

from borrowers.filters import BorrowerFilter
from crm_backend.common.filters import BooleanFilter, NumberFilter
from customers import selectors


class CustomerFilter(BorrowerFilter):
    """As borrowers are filtered, and by the loans that the caller sees."""

    has_open_loan = BooleanFilter(method="filter_open_loan")
    in_arrears = BooleanFilter(method="filter_arrears")
    min_balance = NumberFilter(method="filter_balance")

    def filter_open_loan(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: those with a settled loan, neither paid out nor written off; `false`: the others."""
        return _among(queryset, selectors.with_open_loan(self.request.user), value)

    def filter_arrears(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: those with a loan on which something is overdue; `false`: the others."""
        return _among(queryset, selectors.in_arrears(self.request.user), value)

    def filter_balance(self, queryset: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        """Those who owe at least so much."""
        return _among(queryset, selectors.owing(self.request.user, value), True)


def _among(queryset: QuerySet[Any], ids: QuerySet[Any], wanted: bool) -> QuerySet[Any]:
    found = queryset.filter if wanted else queryset.exclude
    return found(pk__in=ids)
