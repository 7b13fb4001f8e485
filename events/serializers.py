"""Shapes of events."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer, Serializer
from events.models import Event


class ActorSerializer(Serializer):
    """Who did it, as far as a reader may know: id and name."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(source="full_name", read_only=True)


class TimelineSerializer(ModelSerializer):
    """One entry of a timeline."""

    actor = ActorSerializer(read_only=True, allow_null=True)
    summary = serializers.CharField(read_only=True)
    data = serializers.SerializerMethodField()  # type: ignore[assignment]

    class Meta:
        model = Event
        fields = ["id", "type", "summary", "actor", "data", "occurred_at"]
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": True})
    @reads("data")
    def get_data(self, event: Event) -> dict[str, Any]:
        """The payload; its schema is in `/api/events/types/`."""
        return dict(event.data)


class AuditLogSerializer(TimelineSerializer):
    """One entry of the audit log. `api_key` is the prefix of the key that acted as the actor, if one did."""

    class Meta(TimelineSerializer.Meta):
        fields = [
            "id",
            "type",
            "summary",
            "actor",
            "subject_type",
            "subject_id",
            "application_id",
            "data",
            "recipients",
            "request_id",
            "api_key",
            "occurred_at",
            "dispatched_at",
        ]
        read_only_fields = fields


class EventTypeSerializer(Serializer):
    """One declared event type."""

    type = serializers.CharField()
    summary = serializers.CharField()
    notification_type = serializers.CharField(allow_null=True)
    told = serializers.CharField(help_text="Who is told; empty where nobody is.")
    silent = serializers.CharField(help_text="Why nobody is told; empty where somebody is.")
    payload_schema = serializers.DictField(child=serializers.JSONField())
