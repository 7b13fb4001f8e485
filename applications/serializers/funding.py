"""Shapes of the funding calculator."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from applications.funding import RESULT_FIELDS
from applications.models import FundingCalculation
from crm_backend.common.serializers import ModelSerializer, Serializer
from events.serializers import ActorSerializer


def _rate(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=7, decimal_places=4, min_value=Decimal(0), max_value=Decimal(100), **kwargs
    )


def _amount(**kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=14, decimal_places=2, min_value=Decimal(0), **kwargs)


class FundingInputSerializer(Serializer):
    """Fees: rates in percent, amounts in AUD."""

    establishment_fee_rate = _rate()
    capped_interest_months = serializers.IntegerField(min_value=0, max_value=600, default=9)
    monthly_line_fee_rate = _rate()
    brokerage_fee_rate = _rate()
    application_fee = _amount()
    due_diligence_fee = _amount()
    legal_fee_before_gst = _amount()
    valuation_fee = _amount()
    monthly_account_fee = _amount()
    working_fee = _amount(default=Decimal(0))


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
    def get_input(self, calculation: FundingCalculation) -> dict[str, Any]:
        """As it was given."""
        return dict(calculation.input)

    @extend_schema_field(
        {
            "type": "object",
            "properties": {name: {"type": ["string", "null"], "format": "decimal"} for name in RESULT_FIELDS},
        }
    )
    def get_result(self, calculation: FundingCalculation) -> dict[str, Any]:
        """AUD by line."""
        return dict(calculation.result)
