"""Customers: borrowers, and what all apps know of them."""

from typing import Any

from drf_spectacular.utils import extend_schema

from borrowers.filters import SEARCHED, PartySearch
from borrowers.merging import BorrowerMergedAway, merged_away
from borrowers.models import Borrower
from borrowers.selectors import for_list
from crm_backend.common.filters import FilterBackend, OrderingFilter
from crm_backend.common.viewsets import ListMixin, RetrieveMixin, ScopedViewSet
from customers import selectors
from customers.filters import CustomerFilter
from customers.permissions import CUSTOMERS
from customers.serializers import CustomerListSerializer, CustomerSerializer


class _CustomerViewSet(ScopedViewSet):
    """Borrowers with figures over the applications that the caller sees."""

    queryset = Borrower.objects.all()
    policy = CUSTOMERS
    querysets = {"list": for_list, "retrieve": for_list}

    def narrow(self, queryset: Any) -> Any:
        """Each with the figures of the loans that the caller sees."""
        return selectors.with_figures(queryset, reader=self.caller)


@extend_schema(tags=["customers"])
class CustomerListViewSet(ListMixin, _CustomerViewSet):
    """Customers in a list."""

    serializer_class = CustomerListSerializer
    shows = ("borrowers", "applications")
    filter_backends = (FilterBackend, PartySearch, OrderingFilter)
    filterset_class = CustomerFilter
    search_fields = SEARCHED
    ordering_fields = ["last_name", "company_name", "created_at", "updated_at"]
    ordering = ["-created_at"]


@extend_schema(tags=["customers"])
class CustomerViewSet(RetrieveMixin, _CustomerViewSet):
    """One customer, and what is around them."""

    serializer_class = CustomerSerializer
    shows = (
        "borrowers",
        "applications",
        "brokers",
        "bdms",
        "guarantors",
        "interactions",
        "appointments",
        "conversations",
        "reviews",
    )
    plain_because = "what is around a borrower are the latest rows on any of several others"
    filter_backends = ()
    missing_as = (BorrowerMergedAway,)

    def get_object(self) -> Any:
        """The borrower, and what the caller sees around them."""
        borrower = super().get_object()
        borrower.around = selectors.Around(borrower, self.caller)
        return borrower

    def missing(self, pk: Any) -> Exception:
        """410 for one that was merged into another one, as borrowers have it."""
        return merged_away(pk, reader=self.caller) or super().missing(pk)
