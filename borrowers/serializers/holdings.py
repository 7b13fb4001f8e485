"""Shapes of assets and liabilities."""

from typing import Any

from rest_framework import serializers

from borrowers.choices import LiabilityType
from borrowers.models import Asset, Liability
from crm_backend.common.serializers import ModelSerializer


class AssetSerializer(ModelSerializer):
    """Something that a borrower owns."""

    class Meta:
        model = Asset
        fields = ["id", "asset_type", "description", "value", "created_at", "updated_at"]
        read_only_fields = ["created_at", "updated_at"]


class LiabilitySerializer(ModelSerializer):
    """Something that a borrower owes."""

    class Meta:
        model = Liability
        fields = [
            "id",
            "liability_type",
            "lender",
            "description",
            "balance",
            "credit_limit",
            "monthly_repayment",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A credit card has a limit, and nothing else has."""

        def value(name: str) -> Any:
            return attrs.get(name, getattr(self.instance, name, None))

        is_card = value("liability_type") == LiabilityType.CREDIT_CARD
        if is_card and value("credit_limit") is None:
            raise serializers.ValidationError({"credit_limit": ["A credit card has a limit."]})
        if not is_card and value("credit_limit") is not None:
            raise serializers.ValidationError({"credit_limit": ["Only a credit card has a limit."]})
        return attrs
