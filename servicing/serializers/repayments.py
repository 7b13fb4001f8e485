"""Shapes of repayments."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer
from servicing.choices import RepaymentStatus
from servicing.dates import business_date
from servicing.models import Repayment

FIELDS = [
    "id",
    "application",
    "number",
    "due_date",
    "amount",
    "interest",
    "principal",
    "balance_after",
    "interest_paid",
    "principal_paid",
    "paid_amount",
    "outstanding",
    "paid_on",
    "status",
    "days_until_due",
    "days_late",
    "superseded_on",
    "created_at",
    "updated_at",
]


class RepaymentSerializer(ModelSerializer):
    """A scheduled repayment. A negative principal is interest that joins the loan instead of being paid."""

    paid_amount = serializers.DecimalField(max_digits=14, decimal_places=2, read_only=True)
    outstanding = serializers.DecimalField(max_digits=14, decimal_places=2, read_only=True)
    days_until_due = serializers.SerializerMethodField()
    days_late = serializers.SerializerMethodField()

    class Meta:
        model = Repayment
        fields = FIELDS
        read_only_fields = FIELDS

    @extend_schema_field({"type": "integer", "minimum": 0})
    @reads("due_date")
    def get_days_until_due(self, row: Repayment) -> int:
        """Days until it falls due; 0 when it has."""
        return max(0, (row.due_date - business_date()).days)

    @extend_schema_field({"type": "integer", "minimum": 0})
    @reads("status", "paid_on", "due_date")
    def get_days_late(self, row: Repayment) -> int:
        """Days since it fell due, while it is unpaid; of a paid one, the days that it was paid late."""
        if row.status == RepaymentStatus.SUPERSEDED:
            return 0
        return max(0, ((row.paid_on or business_date()) - row.due_date).days)
