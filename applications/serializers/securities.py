"""Shapes of securities."""

from typing import Any

from rest_framework import serializers

from applications.models import Security
from crm_backend.common.serializers import ModelSerializer

INPUT_FIELDS = [
    "security_type",
    "street",
    "city",
    "state",
    "postcode",
    "description",
    "value",
    "valuation_amount",
    "valuation_date",
]


class ValuedSerializer(ModelSerializer):
    """What every security has to keep to."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A valuation's date comes with its amount."""

        def value(name: str) -> Any:
            return attrs.get(name, getattr(self.instance, name, None))

        if value("valuation_date") is not None and value("valuation_amount") is None:
            raise serializers.ValidationError({"valuation_amount": ["A dated valuation needs its amount."]})
        return attrs


class SecuritySerializer(ValuedSerializer):
    """A security."""

    lending_value = serializers.DecimalField(
        max_digits=14, decimal_places=2, read_only=True, help_text="The valuation, else the stated value."
    )
    loan_to_value_ratio = serializers.DecimalField(
        max_digits=20,
        decimal_places=2,
        read_only=True,
        help_text="Percent, of the whole loan against this security alone.",
    )

    class Meta:
        model = Security
        fields = ["id", *INPUT_FIELDS, "lending_value", "loan_to_value_ratio", "created_at", "updated_at"]
        read_only_fields = ["created_at", "updated_at"]


class SecurityInputSerializer(ValuedSerializer):
    """A security of an application that is being created."""

    class Meta:
        model = Security
        fields = INPUT_FIELDS
