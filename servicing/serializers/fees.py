"""Shapes of fees."""

from typing import Any

from rest_framework import serializers

from applications.models import Application
from crm_backend.common.serializers import ModelSerializer, Serializer, VisiblePrimaryKeyField
from events.serializers import ActorSerializer
from servicing.models import Fee
from servicing.serializers.fields import OPTIONAL, amount_field, money_method, past_date, text, validate_near

FIELDS = [
    "id",
    "application",
    "fee_type",
    "description",
    "amount",
    "due_date",
    "waived_amount",
    "paid_amount",
    "outstanding",
    "paid_on",
    "status",
    "repayment",
    "created_by",
    "created_at",
    "updated_at",
]


class FeeSerializer(ModelSerializer):
    """A fee. `outstanding` is what is still to be paid; `repayment` is what a late fee is for."""

    outstanding = serializers.DecimalField(max_digits=14, decimal_places=2, read_only=True)
    created_by = ActorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Fee
        fields = FIELDS
        read_only_fields = FIELDS


class FeeInputSerializer(ModelSerializer):
    """A fee to be charged, or edited."""

    due_date = serializers.DateField(validators=[validate_near])

    class Meta:
        model = Fee
        fields = ["fee_type", "description", "amount", "due_date"]


class FeeCreateSerializer(FeeInputSerializer):
    """A fee to be charged on an application."""

    application = VisiblePrimaryKeyField(queryset=Application.objects.all())

    class Meta(FeeInputSerializer.Meta):
        fields = ["application", *FeeInputSerializer.Meta.fields]


class SettlementFeeSerializer(FeeInputSerializer):
    """A fee that is charged at settlement; due then unless it says otherwise."""

    due_date = serializers.DateField(validators=[validate_near], **OPTIONAL)
    deducted = serializers.BooleanField(
        required=False, help_text="Whether it is taken out of what is paid to the borrower."
    )

    class Meta(FeeInputSerializer.Meta):
        fields = [*FeeInputSerializer.Meta.fields, "deducted"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A null is nothing."""
        return {name: value for name, value in attrs.items() if value is not None}


class MarkPaidSerializer(Serializer):
    """A payment that goes to this first; of what is unpaid, unless it says otherwise."""

    amount = amount_field(**OPTIONAL)
    received_on = past_date()
    method = money_method()
    reference = text(100)
    notes = text(500)


class WaiveSerializer(Serializer):
    """Why a fee is waived."""

    reason = text(400)
