"""Shapes of commissions, of brokers' terms and of a payee's figures."""

from typing import Any

from rest_framework import serializers

from applications.models import Product
from brokers.models import Broker
from crm_backend.common.serializers import (
    ModelSerializer,
    Serializer,
    VisiblePrimaryKeyField,
    VisiblePrimaryKeysField,
)
from servicing.models import Commission, CommissionTerms, PartnerCommission
from servicing.serializers.fields import OPTIONAL, past_date, shown_amount, text


class CommissionTermsSerializer(ModelSerializer):
    """Terms for a broker and a product, a broker, a product, or all. A loan keeps those of its settlement."""

    broker = VisiblePrimaryKeyField(
        queryset=Broker.objects.all(), **OPTIONAL, help_text="All brokers if null."
    )
    product = VisiblePrimaryKeyField(
        queryset=Product.objects.all(), **OPTIONAL, help_text="All products, and loans without one, if null."
    )

    class Meta:
        model = CommissionTerms
        fields = [
            "id",
            "broker",
            "product",
            "upfront_rate",
            "trail_rate",
            "branch_share",
            "clawback_months",
            "clawback_percentage",
            "clawback_method",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]
        # The database refuses second terms for the same (409), nulls included.
        validators: list[Any] = []


class CommissionSerializer(ModelSerializer):
    """A commission: `rate` percent of `base`, shared between broker and branch, or a referral partner's.

    A clawback is negative.
    """

    reference_number = serializers.CharField(source="application.reference_number", read_only=True)

    class Meta:
        model = Commission
        fields = [
            "id",
            "application",
            "reference_number",
            "broker",
            "partnership",
            "partner_terms",
            "branch",
            "kind",
            "status",
            "month",
            "accrued_on",
            "base",
            "rate",
            "amount",
            "broker_amount",
            "branch_amount",
            "partner_amount",
            "paid_on",
            "reference",
            "created_at",
        ]
        read_only_fields = fields


class CommissionMarkPaidSerializer(Serializer):
    """When it was paid, or a clawback recovered."""

    paid_on = past_date()
    reference = text(100)


class CommissionsPaySerializer(CommissionMarkPaidSerializer):
    """Which commissions were paid, or recovered, in one go."""

    commissions = VisiblePrimaryKeysField(queryset=Commission.objects.all(), allow_empty=False)


class CommissionsPaidSerializer(Serializer):
    """What was paid, and to whom, AUD: less clawbacks that were taken off."""

    count = serializers.IntegerField(read_only=True)
    amount = shown_amount()
    broker_amount = shown_amount()
    branch_amount = shown_amount()
    partner_amount = shown_amount()
    commissions = CommissionSerializer(many=True, read_only=True)


class MonthFiguresSerializer(Serializer):
    """Sums of a month, AUD."""

    accrued = shown_amount()
    clawed_back = shown_amount()
    paid = shown_amount()


class FiguresSerializer(MonthFiguresSerializer):
    """Sums, AUD."""

    payable = shown_amount()


class CommissionMonthSerializer(Serializer):
    """What a month came to."""

    month = serializers.DateField(read_only=True, help_text="Its first day.")
    as_broker = MonthFiguresSerializer(read_only=True)
    as_branch = MonthFiguresSerializer(read_only=True)


class DefinitionsSerializer(Serializer):
    """What each figure is."""

    accrued = serializers.CharField(read_only=True)
    clawed_back = serializers.CharField(read_only=True)
    paid = serializers.CharField(read_only=True)
    payable = serializers.CharField(read_only=True)


class CommissionSummarySerializer(Serializer):
    """What a broker's loans brought the broker, and, beside that, the branches they were brought by."""

    broker = serializers.IntegerField(read_only=True)
    as_broker = FiguresSerializer(read_only=True)
    as_branch = FiguresSerializer(read_only=True)
    by_month = CommissionMonthSerializer(many=True, read_only=True)
    definitions = DefinitionsSerializer(read_only=True)


class PartnerCommissionSerializer(CommissionSerializer):
    """A commission of a referral partner: `rate` percent of `base`; of a flat sum and of tiers, null."""

    class Meta:
        model = PartnerCommission
        fields = [
            name
            for name in CommissionSerializer.Meta.fields
            if name not in ("broker", "broker_amount", "branch_amount", "partner_amount")
        ]
        read_only_fields = fields


class PartnerCommissionMonthSerializer(Serializer):
    """What a month came to."""

    month = serializers.DateField(read_only=True, help_text="Its first day.")
    as_partner = MonthFiguresSerializer(read_only=True)


class PartnerCommissionSummarySerializer(Serializer):
    """What the loans that a partner referred brought it."""

    partnership = serializers.IntegerField(read_only=True)
    as_partner = FiguresSerializer(read_only=True)
    by_month = PartnerCommissionMonthSerializer(many=True, read_only=True)
    definitions = DefinitionsSerializer(read_only=True)
