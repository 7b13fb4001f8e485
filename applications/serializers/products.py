"""Shapes of products."""

from dataclasses import fields
from typing import Any

from rest_framework import serializers

from applications.choices import ApplicationType, Component, RepaymentFrequency
from applications.funding import FundingInput
from applications.models import Product
from crm_backend.common.serializers import ModelSerializer

FEES = [field.name for field in fields(FundingInput)]
LIMITS = ("loan_amount", "loan_term", "interest_rate")


class FeesSerializer(ModelSerializer):
    """What the funding calculator takes where its input says nothing; null: nothing is usual."""

    class Meta:
        model = Product
        fields = FEES


class ProductSerializer(ModelSerializer):
    """A product."""

    application_types = serializers.ListField(
        child=serializers.ChoiceField(ApplicationType.choices),
        required=False,
        max_length=len(ApplicationType),
        help_text="Those that it is for; none: all.",
    )
    repayment_frequencies = serializers.ListField(
        child=serializers.ChoiceField(RepaymentFrequency.choices),
        required=False,
        max_length=len(RepaymentFrequency),
        help_text="Those that it allows; none: all.",
    )
    allocation_order = serializers.ListField(
        child=serializers.ChoiceField(Component.choices),
        required=False,
        min_length=len(Component),
        max_length=len(Component),
        help_text="What a payment pays first: all four, each once.",
    )
    fees = FeesSerializer(source="*", required=False)

    class Meta:
        model = Product
        fields = [
            "id",
            "name",
            "code",
            "description",
            "is_active",
            "is_secured",
            "application_types",
            "repayment_frequencies",
            "min_loan_amount",
            "max_loan_amount",
            "min_loan_term",
            "max_loan_term",
            "min_interest_rate",
            "max_interest_rate",
            "max_loan_to_value_ratio",
            "default_repayment_frequency",
            "repayment_method",
            "day_count",
            "rounding",
            "instalment_multiple",
            "allocation_order",
            "late_fee",
            "late_fee_after_days",
            "fees",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]

    def validate_allocation_order(self, order: list[str]) -> list[str]:
        """Every component once."""
        if sorted(order) != sorted(Component.values):
            raise serializers.ValidationError("Name each component once.")
        return order

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Limits are in order, and the usual frequency is an allowed one."""

        def value(name: str) -> Any:
            if name in attrs or self.instance is None:
                return attrs.get(name)
            return getattr(self.instance, name)

        errors = {}
        for name in LIMITS:
            low, high = value(f"min_{name}"), value(f"max_{name}")
            if low is not None and high is not None and low > high:
                errors[f"max_{name}"] = [f"The maximum is below the minimum of {low}."]
        usual = value("default_repayment_frequency") or RepaymentFrequency.MONTHLY
        allowed = value("repayment_frequencies")
        if allowed and usual not in allowed:
            errors["default_repayment_frequency"] = ["This is not one of the allowed frequencies."]
        if errors:
            raise serializers.ValidationError(errors)
        return attrs


class ProductSummarySerializer(ModelSerializer):
    """A product in a list, and to choose from."""

    class Meta:
        model = Product
        fields = [
            "id",
            "name",
            "code",
            "description",
            "is_active",
            "is_secured",
            "application_types",
            "repayment_frequencies",
            "min_loan_amount",
            "max_loan_amount",
            "min_loan_term",
            "max_loan_term",
            "min_interest_rate",
            "max_interest_rate",
            "default_repayment_frequency",
        ]
        read_only_fields = fields
