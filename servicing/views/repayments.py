"""Scheduled repayments, of everybody and of one application. Schedules make them; nobody else writes one."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from crm_backend.common.idempotency import idempotent
from crm_backend.common.permissions import touches
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import ChildMixin, ListMixin, ReadOnlyViewSet, ScopedViewSet
from servicing.filters import RepaymentFilter
from servicing.models import Repayment
from servicing.permissions import REPAYMENTS
from servicing.serializers.fees import MarkPaidSerializer
from servicing.serializers.fields import without_nulls
from servicing.serializers.repayments import RepaymentSerializer
from servicing.services.errors import LoanNotOpen, RefundedAlready
from servicing.services.payments import repayment_mark_paid


def _with_application(rows: Any) -> Any:
    return rows.select_related("application")


@extend_schema(tags=["repayments"])
class RepaymentViewSet(ReadOnlyViewSet):
    """Scheduled repayments, superseded ones as well."""

    queryset = Repayment.objects.all()
    policy = REPAYMENTS
    serializer_class = RepaymentSerializer
    serializer_classes = {"mark_paid": MarkPaidSerializer}
    querysets = {"mark_paid": _with_application}
    # They change with the day.
    untagged = frozenset({"days_until_due", "days_late"})
    filterset_class = RepaymentFilter
    ordering_fields = ["due_date", "amount"]
    ordering = ["due_date"]

    @extend_schema(request=MarkPaidSerializer, responses=RepaymentSerializer)
    @action(detail=True, methods=["post"], url_path="mark-paid")
    @touches("payments")
    @idempotent()
    @refuses(LoanNotOpen, RefundedAlready)
    def mark_paid(self, request: Request, pk: int) -> Response:
        """Record a payment that goes to this repayment first: of what is unpaid, unless it says otherwise."""
        repayment = self.get_object()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            data = without_nulls(serializer.validated_data)
            repayment_mark_paid(repayment=repayment, actor=self.caller, **data)
            return self.detail_response(repayment.pk)


@extend_schema(tags=["applications"])
class ApplicationRepaymentViewSet(ChildMixin, ListMixin, ScopedViewSet):
    """Repayments of an application, superseded ones as well."""

    queryset = Repayment.objects.all()
    parent_model = Application
    parent_field = "application"
    policy = REPAYMENTS
    serializer_class = RepaymentSerializer
    filter_backends = ()
    ordering = ["due_date", "id"]
