"""Shapes of payments and refunds."""

from typing import Any

from rest_framework import serializers

from crm_backend.common.serializers import ModelSerializer, Serializer, VisiblePrimaryKeyField
from events.serializers import ActorSerializer
from servicing.models import Fee, Payment, PaymentShare, Refund, Repayment
from servicing.serializers.fields import OPTIONAL, amount_field, money_method, past_date, shown_amount, text


class PaymentShareSerializer(ModelSerializer):
    """What a payment paid."""

    class Meta:
        model = PaymentShare
        fields = ["repayment", "fee", "component", "amount", "applied_on"]
        read_only_fields = fields


class PaymentSerializer(ModelSerializer):
    """A payment, and what it paid. `held` waits for what falls due next; `fee`, `repayment`: meant for it."""

    shares = PaymentShareSerializer(many=True, read_only=True)
    held = shown_amount()
    created_by = ActorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Payment
        fields = [
            "id",
            "application",
            "amount",
            "received_on",
            "method",
            "reference",
            "notes",
            "fee",
            "repayment",
            "status",
            "reversed_on",
            "reversal_reason",
            "held",
            "shares",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields


class RecordPaymentSerializer(Serializer):
    """Money that was received on a loan; a repayment or fee that is named is paid first."""

    amount = amount_field()
    repayment = VisiblePrimaryKeyField(queryset=Repayment.objects.all(), **OPTIONAL)
    fee = VisiblePrimaryKeyField(queryset=Fee.objects.filter(cancelled_at=None), **OPTIONAL)
    received_on = past_date()
    method = money_method()
    reference = text(100)
    notes = text(500)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """It is meant for one thing at most."""
        if attrs.get("repayment") is not None and attrs.get("fee") is not None:
            raise serializers.ValidationError({"fee": ["Name a repayment or a fee, not both."]})
        return attrs


class ReverseSerializer(Serializer):
    """Why a payment is taken back."""

    reason = serializers.CharField(max_length=400)


class RefundInputSerializer(Serializer):
    """Money to be given back: an amount that is held, or a fee that was paid."""

    amount = amount_field(**OPTIONAL)
    fee = VisiblePrimaryKeyField(queryset=Fee.objects.filter(cancelled_at=None), **OPTIONAL)
    method = money_method()
    reference = text(100)
    reason = text(400)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two."""
        if (attrs.get("amount") is None) == (attrs.get("fee") is None):
            raise serializers.ValidationError({"amount": ["Give an amount, or a fee that was paid."]})
        return attrs


class RefundSerializer(ModelSerializer):
    """Money that was given back."""

    created_by = ActorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Refund
        fields = [
            "id",
            "application",
            "amount",
            "refunded_on",
            "method",
            "reference",
            "reason",
            "fee",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields
