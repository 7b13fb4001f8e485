"""Shapes of what referral partners are paid by."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from crm_backend.common.serializers import ModelSerializer
from servicing.choices import PartnerTermsKind, TierBasis
from servicing.models import PartnershipTerms, PartnershipTier
from servicing.serializers.fields import validate_near

MAX_TIERS = 20
# What each kind is said by.
SAID_BY: dict[str, tuple[str, ...]] = {
    PartnerTermsKind.NONE: (),
    PartnerTermsKind.FLAT: ("flat_amount",),
    PartnerTermsKind.PERCENTAGE: ("rate",),
    PartnerTermsKind.TIERED: ("tier_basis", "tiers"),
}


class TierSerializer(ModelSerializer):
    """From an amount on, each dollar earns `rate` percent, up to where the next tier begins."""

    class Meta:
        model = PartnershipTier
        fields = ["from_amount", "rate"]
        extra_kwargs = {"rate": {"required": True}}


class PartnershipTermsSerializer(ModelSerializer):
    """A version of what a partner gets for a loan that it referred.

    It is valid for loans that are settled from its first day on, up to where the next version begins. Of the
    `kind`, `flat_amount`, `rate`, or `tier_basis` and `tiers` are given, and the others left out.
    """

    valid_from = serializers.DateField(
        validators=[validate_near], help_text="First day, by the date of settlement."
    )
    rate = serializers.DecimalField(
        max_digits=7,
        decimal_places=4,
        min_value=Decimal("0.0001"),
        max_value=Decimal(100),
        required=False,
        allow_null=True,
        help_text="Percent of the amount lent.",
    )
    tier_basis = serializers.ChoiceField(
        choices=TierBasis.choices,
        required=False,
        allow_blank=True,
        help_text="What tiers are of: each loan, or what was settled in the period, this loan last.",
    )
    tiers = TierSerializer(many=True, required=False, max_length=MAX_TIERS)

    class Meta:
        model = PartnershipTerms
        fields = [
            "id",
            "partnership",
            "valid_from",
            "kind",
            "flat_amount",
            "rate",
            "tier_basis",
            "tiers",
            "clawback_months",
            "clawback_percentage",
            "clawback_method",
            "created_at",
        ]
        read_only_fields = ["partnership", "created_at"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What the kind is said by, and nothing else; tiers from zero on, each once."""
        wanted = SAID_BY[attrs["kind"]]
        errors: dict[str, list[str]] = {}
        for names in SAID_BY.values():
            for name in names:
                given = attrs.get(name) not in (None, "", [])
                if given and name not in wanted:
                    errors[name] = ["Not of terms of this kind."]
                elif not given and name in wanted:
                    errors[name] = ["Terms of this kind need it."]
        tiers = sorted(tier["from_amount"] for tier in attrs.get("tiers", ()))
        if tiers and "tiers" not in errors:
            if tiers[0] != 0:
                errors["tiers"] = ["The first tier begins at zero."]
            elif len(set(tiers)) < len(tiers):
                errors["tiers"] = ["Two tiers begin at the same amount."]
        if errors:
            raise serializers.ValidationError(errors)
        return attrs
