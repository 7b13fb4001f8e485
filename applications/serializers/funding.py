"""Shapes of the funding calculator."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from applications.choices import MAX_TERM_MONTHS
from applications.funding import RESULT_FIELDS
from applications.models import FundingCalculation
from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer, Serializer
from events.serializers import ActorSerializer


def _rate(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=7, decimal_places=4, min_value=Decimal(0), max_value=Decimal(100), **kwargs
    )


def _amount(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=14, decimal_places=2, min_value=Decimal(0), **kwargs)


def _months(minimum: int = 0, **kwargs: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=minimum, max_value=MAX_TERM_MONTHS, **kwargs)


OPTIONAL = {"required": False, "allow_null": True}
DEFAULTED = "9 unless the product says otherwise."


class FundingInputSerializer(Serializer):
    """Fees: rates in percent, amounts in AUD. What is left out or null is as the product says.

    Without a product, or where it says nothing, every fee is needed but the last three.
    """

    establishment_fee_rate = _rate(**OPTIONAL)
    monthly_line_fee_rate = _rate(**OPTIONAL)
    brokerage_fee_rate = _rate(**OPTIONAL)
    application_fee = _amount(**OPTIONAL)
    due_diligence_fee = _amount(**OPTIONAL)
    legal_fee_before_gst = _amount(**OPTIONAL)
    valuation_fee = _amount(**OPTIONAL)
    monthly_account_fee = _amount(**OPTIONAL)
    capped_interest_months = _months(**OPTIONAL, help_text=DEFAULTED)
    working_fee = _amount(**OPTIONAL, help_text="0.00 unless the product says otherwise.")
    line_fee_months = _months(1, **OPTIONAL, help_text="The loan's term unless the product says otherwise.")


class FundingCalculationSerializer(ModelSerializer):
    """One run: its input, its result, who and when."""

    calculated_by = ActorSerializer(read_only=True, allow_null=True)
    input = serializers.SerializerMethodField()
    result = serializers.SerializerMethodField()

    class Meta:
        model = FundingCalculation
        fields = ["id", "input", "result", "calculated_by", "calculated_at"]
        read_only_fields = fields

    @extend_schema_field(FundingInputSerializer)
    @reads("input")
    def get_input(self, calculation: FundingCalculation) -> dict[str, Any]:
        """As it was given."""
        return dict(calculation.input)

    @extend_schema_field(
        {
            "type": "object",
            "properties": {name: {"type": ["string", "null"], "format": "decimal"} for name in RESULT_FIELDS},
        }
    )
    @reads("result")
    def get_result(self, calculation: FundingCalculation) -> dict[str, Any]:
        """AUD by line."""
        return dict(calculation.result)
