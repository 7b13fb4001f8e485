"""Commissions of a broker, under the broker's address, and the terms that they come from.

They live here because servicing is above the app that owns that address.
"""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from brokers.models import Broker
from brokers.permissions import BROKERS
from crm_backend.common.idempotency import idempotent
from crm_backend.common.permissions import touches
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import (
    ChildMixin,
    CrudViewSet,
    ListMixin,
    ReadOnlyViewSet,
    RetrieveMixin,
    ScopedViewSet,
)
from events.viewsets import RecordedMixin
from servicing import events
from servicing.allocation import ZERO
from servicing.filters import CommissionFilter, PayeeCommissionFilter
from servicing.models import Commission, CommissionTerms
from servicing.permissions import COMMISSION_TERMS, COMMISSIONS
from servicing.selectors.commissions import commission_summary
from servicing.serializers.commissions import (
    CommissionMarkPaidSerializer,
    CommissionSerializer,
    CommissionsPaidSerializer,
    CommissionsPaySerializer,
    CommissionSummarySerializer,
    CommissionTermsSerializer,
)
from servicing.serializers.fields import without_nulls
from servicing.services.commission_payments import commission_mark_paid, commissions_mark_paid
from servicing.services.errors import PaidAlready


@extend_schema(tags=["commissions"])
class CommissionTermsViewSet(RecordedMixin, CrudViewSet):
    """Commission terms on offer. A change is for loans that are settled after it."""

    queryset = CommissionTerms.objects.select_related("broker", "product")
    policy = COMMISSION_TERMS
    serializer_class = CommissionTermsSerializer
    record_events = events.COMMISSION_TERMS
    ordering = ["id"]


def _with_application(rows: Any) -> Any:
    return rows.select_related("application")


@extend_schema(tags=["commissions"])
class CommissionViewSet(ReadOnlyViewSet):
    """Commissions of all brokers and referral partners that one may see."""

    queryset = Commission.objects.all()
    policy = COMMISSIONS
    serializer_class = CommissionSerializer
    serializer_classes = {"pay": CommissionsPaySerializer}
    querysets = {"list": _with_application, "retrieve": _with_application}
    filterset_class = CommissionFilter
    ordering_fields = ["accrued_on", "amount"]
    ordering = ["-accrued_on"]

    @extend_schema(request=CommissionsPaySerializer, responses=CommissionsPaidSerializer)
    @action(detail=False, methods=["post"])
    @idempotent()
    @refuses(PaidAlready)
    def pay(self, request: Request) -> Response:
        """Say that several were paid together, and clawbacks among them taken off: all of them or none."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            data = without_nulls(serializer.validated_data)
            paid = commissions_mark_paid(actor=self.caller, **data)
            rows = _with_application(Commission.objects.filter(pk__in=[row.pk for row in paid])).order_by(
                "pk"
            )
            sums = {
                name: sum((getattr(row, name) for row in rows), ZERO)
                for name in ("amount", "broker_amount", "branch_amount", "partner_amount")
            }
            reply = {"count": len(rows), **sums, "commissions": rows}
            return Response(CommissionsPaidSerializer(reply).data)


class PayeeCommissionViewSet(ChildMixin, ListMixin, RetrieveMixin, ScopedViewSet):
    """Commissions of one payee, latest first, which are paid one by one."""

    serializer_classes = {"mark_paid": CommissionMarkPaidSerializer}
    querysets = {
        "list": _with_application,
        "retrieve": _with_application,
        "mark_paid": _with_application,
    }
    filterset_class = PayeeCommissionFilter
    ordering_fields: list[str] = []
    ordering = ["-accrued_on"]

    def marked_paid(self, request: Request) -> Response:
        """Mark the one of the address, and reply with it."""
        commission = self.get_object()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            data = without_nulls(serializer.validated_data)
            commission_mark_paid(commission=commission, actor=self.caller, **data)
            return self.detail_response(commission.pk)


@extend_schema(tags=["commissions"])
class BrokerCommissionViewSet(PayeeCommissionViewSet):
    """Commissions of a broker, latest first."""

    queryset = Commission.objects.all()
    parent_model = Broker
    parent_field = "broker"
    policy = COMMISSIONS
    serializer_class = CommissionSerializer

    @extend_schema(request=CommissionMarkPaidSerializer, responses=CommissionSerializer)
    @idempotent()
    @refuses(PaidAlready)
    def mark_paid(self, request: Request, broker_id: int, pk: int) -> Response:
        """Say that it was paid to broker and branch, or that a clawback was recovered from them."""
        return self.marked_paid(request)


@extend_schema(tags=["commissions"])
class BrokerCommissionSummaryViewSet(ScopedViewSet):
    """What a broker's commissions come to."""

    queryset = Broker.objects.all()
    policy = BROKERS
    serializer_class = CommissionSummarySerializer
    filter_backends = ()

    @extend_schema(responses=CommissionSummarySerializer)
    @touches("commissions")
    def commission_summary(self, request: Request, pk: int) -> Response:
        """Sum up the commissions of a broker, in all and by month, with what each figure means."""
        return Response(CommissionSummarySerializer(commission_summary(self.get_object())).data)
