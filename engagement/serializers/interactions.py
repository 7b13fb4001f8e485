"""Shapes of interactions."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from applications.models import Application
from borrowers.models import Borrower
from crm_backend.common.serializers import ModelSerializer, VisiblePrimaryKeyField
from engagement.models import Interaction, Lead
from engagement.serializers.appointments import check_one
from events.serializers import ActorSerializer

# How far a caller's clock may be ahead of ours.
AHEAD = timedelta(minutes=5)


class InteractionSerializer(ModelSerializer):
    """An interaction."""

    author = ActorSerializer(read_only=True)

    class Meta:
        model = Interaction
        fields = [
            "id",
            "lead",
            "borrower",
            "application",
            "author",
            "kind",
            "direction",
            "subject",
            "body",
            "occurred_at",
            "duration_minutes",
            "outcome",
            "next_step",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class InteractionUpdateSerializer(ModelSerializer):
    """What may be edited of an interaction."""

    duration_minutes = serializers.IntegerField(min_value=0, max_value=1440, required=False, allow_null=True)

    class Meta:
        model = Interaction
        fields = [
            "kind",
            "direction",
            "subject",
            "body",
            "occurred_at",
            "duration_minutes",
            "outcome",
            "next_step",
        ]
        extra_kwargs = {"occurred_at": {"required": False}}

    def validate_occurred_at(self, value: Any) -> Any:
        """What is to come is an appointment."""
        if value > timezone.now() + AHEAD:
            raise serializers.ValidationError("This is in the future. Book an appointment.")
        return value


class InteractionInputSerializer(InteractionUpdateSerializer):
    """An interaction on a lead, a borrower or an application; now unless it says when."""

    lead = VisiblePrimaryKeyField(queryset=Lead.objects.all(), required=False, allow_null=True)
    borrower = VisiblePrimaryKeyField(queryset=Borrower.objects.all(), required=False, allow_null=True)
    application = VisiblePrimaryKeyField(queryset=Application.objects.all(), required=False, allow_null=True)

    class Meta(InteractionUpdateSerializer.Meta):
        fields = ["lead", "borrower", "application", *InteractionUpdateSerializer.Meta.fields]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One subject."""
        check_one(attrs, ("lead", "borrower", "application"))
        attrs.setdefault("occurred_at", timezone.now())
        return attrs
