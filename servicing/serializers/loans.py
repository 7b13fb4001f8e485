"""Shapes of loans: settlement, schedule, payoff, changes."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from applications.choices import MAX_TERM_MONTHS
from crm_backend.common.serializers import ModelSerializer, Serializer
from events.serializers import ActorSerializer
from servicing.choices import ArrearsBucket
from servicing.models import Loan, ScheduleVersion, WriteOff
from servicing.serializers.fees import SettlementFeeSerializer
from servicing.serializers.fields import (
    OPTIONAL,
    amount_field,
    money_method,
    past_date,
    shown_amount,
    text,
    validate_near,
)
from servicing.serializers.repayments import RepaymentSerializer

MAX_FEES = 50
MAX_PAYOFF_DAYS = 10


class SettleSerializer(Serializer):
    """How a loan is disbursed; what is left out is as the application and its product say."""

    settlement_date = past_date()
    first_due_date = serializers.DateField(validators=[validate_near], **OPTIONAL)
    balloon = amount_field(
        min_value=Decimal(0), **OPTIONAL, help_text="AUD of principal left for the last repayment."
    )
    principal_grace_periods = serializers.IntegerField(min_value=0, max_value=MAX_TERM_MONTHS, **OPTIONAL)
    principal_percentage = serializers.DecimalField(
        max_digits=7,
        decimal_places=4,
        min_value=Decimal("0.0001"),
        max_value=Decimal(100),
        **OPTIONAL,
        help_text="Percent of the principal in each repayment, where the product's method asks for it.",
    )
    fees = SettlementFeeSerializer(many=True, required=False, max_length=MAX_FEES)
    reason = text(500, help_text="Of the move; read by everyone on the application.")
    notes = text(5000, help_text="Read by the lender's staff only.")


class VersionSerializer(ModelSerializer):
    """The terms of one schedule: amounts in AUD, the rate percent per annum."""

    created_by = ActorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = ScheduleVersion
        fields = [
            "id",
            "version",
            "starts_on",
            "first_due_date",
            "number_of_instalments",
            "principal",
            "advanced",
            "annual_rate",
            "frequency",
            "method",
            "day_count",
            "rounding",
            "balloon",
            "principal_grace_periods",
            "interest_brought_forward",
            "reason",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields


class ArrearsSerializer(Serializer):
    """How late a loan is today."""

    days_past_due = serializers.IntegerField(read_only=True, min_value=0)
    bucket = serializers.ChoiceField(ArrearsBucket.choices, read_only=True)
    bucket_display = serializers.CharField(source="bucket.label", read_only=True)
    amount = shown_amount()
    oldest_due = serializers.DateField(read_only=True, allow_null=True)


class LoanTotalsSerializer(Serializer):
    """Sums over the repayments that are not superseded, AUD."""

    interest = shown_amount()
    principal = shown_amount()
    amount = shown_amount()
    paid = shown_amount()
    outstanding = shown_amount()


class LoanSerializer(ModelSerializer):
    """A settled loan and its schedule. `versions` are all terms it has had; superseded repayments are in
    `repayments/`.
    """

    balance = shown_amount(help_text="AUD of principal, charged interest and fees, less money held.")
    principal_balance = shown_amount()
    accrued_interest = shown_amount(
        help_text="AUD that has been earned by today and is not due; with the balance, the payoff figure."
    )
    held = shown_amount(help_text="AUD received that waits for what falls due next.")
    arrears = ArrearsSerializer(read_only=True)
    totals = LoanTotalsSerializer(read_only=True)
    versions = VersionSerializer(many=True, read_only=True)
    repayments = RepaymentSerializer(many=True, read_only=True)

    class Meta:
        model = Loan
        fields = [
            "id",
            "application",
            "status",
            "settled_on",
            "closed_on",
            "allocation_order",
            "late_fee",
            "late_fee_after_days",
            "balance",
            "principal_balance",
            "accrued_interest",
            "held",
            "arrears",
            "totals",
            "versions",
            "repayments",
        ]
        read_only_fields = fields


class PayoffQuerySerializer(Serializer):
    """Which days to give figures for."""

    date = serializers.DateField(**OPTIONAL, validators=[validate_near], help_text="Today when left out.")
    days = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_PAYOFF_DAYS, help_text="So many figures, day by day."
    )


class FigureSerializer(Serializer):
    """What pays the loan out on a day, by part, AUD."""

    date = serializers.DateField(read_only=True)
    principal = shown_amount()
    interest_due = shown_amount()
    accrued_interest = shown_amount(help_text="AUD that the running period has earned by the day.")
    fees = shown_amount()
    penalties = shown_amount()
    unapplied = shown_amount(help_text="AUD that is held and taken off.")
    total = shown_amount()


class PayoffSerializer(FigureSerializer):
    """The figure of the day, and those of the days asked for."""

    figures = FigureSerializer(many=True, read_only=True)


class PayOutSerializer(Serializer):
    """The payment that pays a loan out."""

    amount = amount_field(min_value=Decimal(0), help_text="AUD: the payoff figure of the day, exactly.")
    received_on = past_date()
    method = money_method()
    reference = text(100)
    notes = text(500)


class ExtendSerializer(Serializer):
    """Other terms from a day on; at least one of term, rate and amount."""

    effective_date = serializers.DateField(
        validators=[validate_near], **OPTIONAL, help_text="Today when left out."
    )
    loan_term = serializers.IntegerField(
        min_value=1, max_value=MAX_TERM_MONTHS, **OPTIONAL, help_text="Months from the effective date on."
    )
    interest_rate = serializers.DecimalField(
        max_digits=7, decimal_places=4, min_value=Decimal(0), max_value=Decimal(100), **OPTIONAL
    )
    additional_amount = amount_field(**OPTIONAL, help_text="AUD lent in addition.")
    reason = text(500)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Something changes."""
        if all(attrs.get(name) is None for name in ("loan_term", "interest_rate", "additional_amount")):
            raise serializers.ValidationError({"loan_term": ["Give a term, a rate or an amount to change."]})
        return attrs


class WriteOffInputSerializer(Serializer):
    """Why a loan is given up."""

    reason = serializers.CharField(max_length=400)


class WriteOffSerializer(ModelSerializer):
    """What was given up, AUD."""

    created_by = ActorSerializer(read_only=True)

    class Meta:
        model = WriteOff
        fields = [
            "id",
            "application",
            "written_off_on",
            "principal",
            "interest",
            "accrued_interest",
            "fees",
            "penalties",
            "reason",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields
