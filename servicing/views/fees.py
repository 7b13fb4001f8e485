"""Fees, of everybody and of one application."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from crm_backend.common.idempotency import idempotent
from crm_backend.common.permissions import touches
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import ChildMixin, CrudViewSet, ListMixin, ScopedViewSet
from servicing.filters import FeeFilter
from servicing.models import Fee
from servicing.permissions import FEES
from servicing.serializers.fees import (
    FeeCreateSerializer,
    FeeInputSerializer,
    FeeSerializer,
    MarkPaidSerializer,
    WaiveSerializer,
)
from servicing.serializers.fields import without_nulls
from servicing.services import fees, payments
from servicing.services.errors import LoanNotOpen, RefundedAlready


def _with_names(rows: Any) -> Any:
    return rows.select_related("created_by", "application")


@extend_schema(tags=["fees"])
class FeeViewSet(CrudViewSet):
    """Fees."""

    queryset = Fee.objects.filter(cancelled_at=None)
    policy = FEES
    serializer_class = FeeSerializer
    serializer_classes = {
        "create": FeeCreateSerializer,
        "update": FeeInputSerializer,
        "mark_paid": MarkPaidSerializer,
        "waive": WaiveSerializer,
    }
    querysets = {"list": _with_names, "retrieve": _with_names, "mark_paid": _with_names, "waive": _with_names}
    filterset_class = FeeFilter
    ordering_fields = ["due_date", "amount", "created_at"]
    ordering = ["-due_date"]

    @idempotent()
    @refuses(LoanNotOpen)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Charge a fee. Money that is held for the borrower pays it when it is due."""
        return super().create(request, *args, **kwargs)

    def get_locked_object(self) -> Fee:
        """The fee, after its application: the order in which every money service locks."""
        Application.objects.lock().get(pk=self.get_object().application_id)
        fee: Fee = super().get_locked_object()
        return fee

    def perform_create(self, serializer: Any) -> Fee:
        """Charge it."""
        return fees.fee_add(actor=self.caller, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        """Edit it; another amount is posted as an adjustment."""
        fees.fee_update(fee=serializer.instance, actor=self.caller, **serializer.validated_data)

    def perform_destroy(self, obj: Any) -> None:
        """Cancel it, unless it was paid or waived; the ledger keeps both entries."""
        fees.fee_cancel(fee=obj, actor=self.caller)

    @extend_schema(request=MarkPaidSerializer, responses=FeeSerializer)
    @action(detail=True, methods=["post"], url_path="mark-paid")
    @touches("payments")
    @idempotent()
    @refuses(LoanNotOpen, RefundedAlready)
    def mark_paid(self, request: Request, pk: int) -> Response:
        """Record a payment that goes to this fee first: of what is unpaid, unless it says otherwise."""
        return self._do(payments.fee_mark_paid)

    @extend_schema(request=WaiveSerializer, responses=FeeSerializer)
    @action(detail=True, methods=["post"])
    @idempotent()
    @refuses(LoanNotOpen)
    def waive(self, request: Request, pk: int) -> Response:
        """Waive what is unpaid of a fee."""
        return self._do(fees.fee_waive)

    def _do(self, service: Any) -> Response:
        fee = self.get_object()
        serializer = self.get_serializer(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            service(fee=fee, actor=self.caller, **without_nulls(serializer.validated_data))
            return self.detail_response(fee.pk)


@extend_schema(tags=["applications"])
class ApplicationFeeViewSet(ChildMixin, ListMixin, ScopedViewSet):
    """Fees of an application."""

    queryset = Fee.objects.filter(cancelled_at=None).select_related("created_by")
    parent_model = Application
    parent_field = "application"
    policy = FEES
    serializer_class = FeeSerializer
    serializer_classes = {"create": FeeInputSerializer}
    filter_backends = ()
    ordering = ["due_date", "id"]

    @idempotent()
    @refuses(LoanNotOpen)
    def create(self, request: Request, application_id: int) -> Response:
        """Charge a fee. Money that is held for the borrower pays it when it is due."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            fee = fees.fee_add(application=self.parent, actor=self.caller, **serializer.validated_data)
            return Response(FeeSerializer(fee).data, status=status.HTTP_201_CREATED)
