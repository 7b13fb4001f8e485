"""Shapes of notes."""

from typing import Any

from rest_framework import serializers

from crm_backend.common.serializers import ModelSerializer
from documents.choices import NoteVisibility
from documents.models import Note
from events.serializers import ActorSerializer
from users.choices import Role


class NoteSerializer(ModelSerializer):
    """A note. Staff's are internal unless they say otherwise; a broker's are for staff and broker."""

    author = ActorSerializer(read_only=True)

    class Meta:
        model = Note
        fields = ["id", "author", "text", "visibility", "created_at", "updated_at"]
        read_only_fields = ["created_at", "updated_at"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A broker cannot write what a broker cannot read."""
        by_broker = self.context["request"].user.role == Role.BROKER
        default = NoteVisibility.BROKER if by_broker else NoteVisibility.INTERNAL
        attrs["visibility"] = NoteVisibility(attrs.get("visibility") or default)
        if by_broker and attrs["visibility"] == NoteVisibility.INTERNAL:
            raise serializers.ValidationError({"visibility": ["Internal notes are the lender's staff's."]})
        return attrs
