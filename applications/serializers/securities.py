"""Shapes of securities."""

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


class SecuritySerializer(ModelSerializer):
    """A security."""

    lending_value = serializers.DecimalField(max_digits=14, decimal_places=2, read_only=True)

    class Meta:
        model = Security
        fields = ["id", *INPUT_FIELDS, "lending_value", "created_at", "updated_at"]
        read_only_fields = ["created_at", "updated_at"]


class SecurityInputSerializer(ModelSerializer):
    """A security of an application that is being created."""

    class Meta:
        model = Security
        fields = INPUT_FIELDS
