"""Money that came in on a loan, and money that went back."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from crm_backend.common.errors import InvalidInput
from crm_backend.common.idempotency import idempotent
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import ChildMixin, ListMixin, RetrieveMixin, ScopedViewSet
from servicing.dates import business_date
from servicing.models import Payment
from servicing.permissions import PAYMENTS
from servicing.selectors.loans import with_shares
from servicing.serializers.fields import without_nulls
from servicing.serializers.payments import (
    PaymentSerializer,
    RecordPaymentSerializer,
    RefundInputSerializer,
    RefundSerializer,
    ReverseSerializer,
)
from servicing.services import payments
from servicing.services.errors import LoanNotOpen, NotHeld, RefundedAlready


@extend_schema(tags=["applications"])
class PaymentViewSet(ChildMixin, ListMixin, RetrieveMixin, ScopedViewSet):
    """Payments on an application."""

    queryset = Payment.objects.all()
    parent_model = Application
    parent_field = "application"
    policy = PAYMENTS
    serializer_class = PaymentSerializer
    serializer_classes = {
        "record_payment": RecordPaymentSerializer,
        "reverse": ReverseSerializer,
        "refund": RefundInputSerializer,
    }
    querysets = {"list": with_shares, "retrieve": with_shares, "reverse": with_shares}
    filter_backends = ()
    ordering = ["-received_on", "-id"]

    @extend_schema(request=RecordPaymentSerializer, responses={201: PaymentSerializer})
    @idempotent()
    @refuses(LoanNotOpen, RefundedAlready)
    def record_payment(self, request: Request, application_id: int) -> Response:
        """Record a payment: it pays what is due in the loan's order; the rest is held for what comes next.

        One that is found out late is dated back: who paid what is then worked out anew from the beginning.
        """
        data = self._validated()
        data.setdefault("received_on", business_date())
        with transaction.atomic():
            payment = payments.payment_record(application=self.parent, actor=self.caller, **data)
            response = self.detail_response(payment.pk, status.HTTP_201_CREATED)
        place = {"application_id": application_id, "pk": payment.pk}
        response["Location"] = self.location_of("application-payments-detail", **place)
        return response

    @extend_schema(request=ReverseSerializer, responses=PaymentSerializer)
    @idempotent()
    @refuses(LoanNotOpen, RefundedAlready)
    def reverse(self, request: Request, application_id: int, pk: int) -> Response:
        """Take a payment back: it bounced, or was entered in error. Both stay in the ledger."""
        payment = self.get_object()
        data = self._validated()
        with transaction.atomic():
            payments.payment_reverse(payment=payment, actor=self.caller, **data)
            return self.detail_response(payment.pk)

    @extend_schema(request=RefundInputSerializer, responses={201: RefundSerializer})
    @idempotent()
    @refuses(LoanNotOpen, NotHeld)
    def refund(self, request: Request, application_id: int) -> Response:
        """Give back money that is held for the borrower, or a fee that was paid."""
        data = self._validated()
        fee = data.get("fee")
        if fee is not None and fee.application_id != self.parent.pk:
            raise InvalidInput.field("fee", "This fee is of another application.")
        with transaction.atomic():
            row = payments.refund(application=self.parent, actor=self.caller, **data)
            return Response(RefundSerializer(row).data, status=status.HTTP_201_CREATED)

    def _validated(self) -> dict[str, Any]:
        serializer = self.get_serializer(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return without_nulls(serializer.validated_data)
