"""Shapes of partnerships, with figures of what they referred."""

from typing import Any

from rest_framework import serializers

from applications.serializers.portfolios import AmountField
from brokers.choices import PartnershipStatus
from brokers.models import Bdm, Branch, Partnership
from crm_backend.common.australia import validate_abn
from crm_backend.common.serializers import (
    DigitsField,
    ModelSerializer,
    PhoneField,
    Serializer,
    VisiblePrimaryKeyField,
)


class PartnershipSerializer(ModelSerializer):
    """A referral partner. The figures are over the applications that the caller may see, AUD."""

    branch = VisiblePrimaryKeyField(queryset=Branch.objects.all())
    branch_name = serializers.CharField(source="branch.name", read_only=True)
    owner = VisiblePrimaryKeyField(queryset=Bdm.objects.all(), required=False, allow_null=True)
    owner_name = serializers.CharField(
        source="owner.user.full_name", read_only=True, allow_null=True, default=None
    )
    phone = PhoneField(required=False, allow_blank=True)
    abn = DigitsField(required=False, allow_blank=True, validators=[validate_abn])
    referrals = serializers.IntegerField(read_only=True, help_text="Applications that it referred.")
    open_referrals = serializers.IntegerField(read_only=True, help_text="Those before settlement.")
    settled_referrals = serializers.IntegerField(read_only=True, help_text="Those settled or closed.")
    settled_amount = AmountField(help_text="AUD lent on the settled ones.")
    conversion_rate = AmountField(
        allow_null=True, help_text="Percent of all referrals that settled; null without any."
    )

    class Meta:
        model = Partnership
        fields = [
            "id",
            "kind",
            "organisation",
            "contact_name",
            "email",
            "phone",
            "abn",
            "branch",
            "branch_name",
            "owner",
            "owner_name",
            "status",
            "agreement_start",
            "agreement_end",
            "referrals",
            "open_referrals",
            "settled_referrals",
            "settled_amount",
            "conversion_rate",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["status", "created_at", "updated_at"]
        # The database refuses a second one of a branch with the same ABN (409).
        validators: list[Any] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The agreement ends after it began, and the owner is of the branch."""
        given = {
            name: attrs.get(name, getattr(self.instance, name, None))
            for name in ("agreement_start", "agreement_end", "owner", "branch")
        }
        start, end = given["agreement_start"], given["agreement_end"]
        if end and (start is None or end < start):
            raise serializers.ValidationError({"agreement_end": ["The agreement begins before it ends."]})
        running = (PartnershipStatus.ACTIVE, PartnershipStatus.PAUSED)
        if start is None and getattr(self.instance, "status", "") in running:
            raise serializers.ValidationError({"agreement_start": ["A running agreement has a first day."]})
        owner = given["owner"]
        if owner is not None and owner.branch != given["branch"]:
            raise serializers.ValidationError({"owner": ["This BDM is of another branch."]})
        return attrs


class PartnershipStatusSerializer(Serializer):
    """Where to move it."""

    status = serializers.ChoiceField(choices=PartnershipStatus.choices)
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)
