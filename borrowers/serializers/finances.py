"""Shapes of the financial summary."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from borrowers.finances import Proposal
from crm_backend.common.serializers import Serializer

MAX_TERM_MONTHS = 600
LOAN = ("loan_amount", "interest_rate", "loan_term")


def _figure(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=20, decimal_places=2, read_only=True, **kwargs)


class ProposalQuerySerializer(Serializer):
    """A loan that is thought of; all three, or none."""

    loan_amount = serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=Decimal("0.01"), required=False, help_text="AUD."
    )
    interest_rate = serializers.DecimalField(
        max_digits=7,
        decimal_places=4,
        min_value=Decimal(0),
        max_value=Decimal(100),
        required=False,
        help_text="Percent per annum, without the buffer.",
    )
    loan_term = serializers.IntegerField(
        min_value=1, max_value=MAX_TERM_MONTHS, required=False, help_text="Months."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A repayment follows from amount, rate and term together."""
        missing = [name for name in LOAN if attrs.get(name) is None]
        if 0 < len(missing) < len(LOAN):
            message = "A proposed loan has an amount, a rate and a term."
            raise serializers.ValidationError({name: [message] for name in missing})
        return attrs

    @property
    def proposal(self) -> Proposal | None:
        """The loan, if one was given."""
        return Proposal(**self.validated_data) if self.validated_data.get("loan_amount") else None


class ProposedLoanSerializer(Serializer):
    """What a proposed loan would cost."""

    loan_amount = _figure()
    interest_rate = serializers.DecimalField(max_digits=7, decimal_places=4, read_only=True)
    loan_term = serializers.IntegerField(read_only=True)
    assessment_rate = serializers.DecimalField(max_digits=7, decimal_places=4, read_only=True)
    monthly_repayment = _figure()
    assessed_monthly_repayment = _figure()
    loan_to_income_ratio = _figure(allow_null=True)


class FinancialSummarySerializer(Serializer):
    """Amounts in AUD; what each figure means is in `definitions`."""

    gross_annual_income = _figure(allow_null=True)
    gross_monthly_income = _figure(allow_null=True)
    monthly_expenses = _figure(allow_null=True)
    total_assets = _figure(allow_null=True)
    total_liabilities = _figure(allow_null=True)
    net_worth = _figure(allow_null=True)
    total_debt = _figure(allow_null=True)
    monthly_commitments = _figure(allow_null=True)
    debt_to_income_ratio = _figure(allow_null=True)
    liabilities_to_assets_ratio = _figure(allow_null=True)
    debt_service_ratio = _figure(allow_null=True)
    net_monthly_surplus = _figure(allow_null=True)
    proposed_loan = ProposedLoanSerializer(read_only=True, allow_null=True)
    definitions = serializers.DictField(child=serializers.CharField(), read_only=True)
