"""Filters of fees, repayments and commissions."""

from typing import Any

from django.db.models import QuerySet
from django_filters import DateFilter

from crm_backend.common.filters import BooleanFilter, EnumFilter, FilterSet, IdFilter
from servicing.choices import (
    UNPAID,
    CommissionKind,
    CommissionStatus,
    FeeStatus,
    FeeType,
    Payee,
    RepaymentStatus,
)
from servicing.dates import business_date
from servicing.models import Commission, Fee, Repayment


class _DueFilter(FilterSet):
    """By when something is due."""

    application = IdFilter(field_name="application")
    due_after = DateFilter(field_name="due_date", lookup_expr="gte", help_text="First day, inclusive.")
    due_before = DateFilter(field_name="due_date", lookup_expr="lte", help_text="Last day, inclusive.")


class FeeFilter(_DueFilter):
    """Which fees."""

    fee_type = EnumFilter(choices=FeeType.choices)
    status = EnumFilter(choices=FeeStatus.choices)

    class Meta:
        model = Fee
        fields: list[str] = []


class RepaymentFilter(_DueFilter):
    """Which repayments. Partly paid ones can be overdue as well: `is_overdue` finds them."""

    status = EnumFilter(choices=RepaymentStatus.choices)
    is_overdue = BooleanFilter(method="by_overdue", field_name="due_date")

    class Meta:
        model = Repayment
        fields: list[str] = []

    def by_overdue(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """Past due and not paid in full."""
        late = {"due_date__lt": business_date(), "status__in": UNPAID}
        return rows.filter(**late) if value else rows.exclude(**late)


class PayeeCommissionFilter(FilterSet):
    """Which commissions of a broker or a partner."""

    kind = EnumFilter(choices=CommissionKind.choices)
    status = EnumFilter(choices=CommissionStatus.choices)
    accrued_after = DateFilter(field_name="accrued_on", lookup_expr="gte", help_text="First day, inclusive.")
    accrued_before = DateFilter(field_name="accrued_on", lookup_expr="lte", help_text="Last day, inclusive.")

    class Meta:
        model = Commission
        fields: list[str] = []


class CommissionFilter(PayeeCommissionFilter):
    """Which commissions."""

    payee = EnumFilter(choices=Payee.choices, method="by_payee")
    broker = IdFilter(field_name="broker")
    partnership = IdFilter(field_name="partnership")
    branch = IdFilter(field_name="branch")
    application = IdFilter(field_name="application")

    def by_payee(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Those of brokers, or of referral partners."""
        if value not in Payee.values:
            return rows.none()
        return rows.filter(partnership__isnull=value == Payee.BROKER)
