"""Shapes of notifications; the socket sends the same body as REST."""

from typing import Any

from rest_framework import serializers

from crm_backend.common.serializers import ModelSerializer, Serializer, StrictMixin
from notifications.choices import ALWAYS_ON, NotificationType
from notifications.models import Notification


class NotificationSerializer(ModelSerializer):
    """One notification."""

    is_read = serializers.BooleanField(read_only=True)
    event_type = serializers.CharField(source="event.type", read_only=True)

    class Meta:
        model = Notification
        fields = [
            "id",
            "seq",
            "notification_type",
            "event_type",
            "title",
            "body",
            "application_id",
            "subject_type",
            "subject_id",
            "is_read",
            "read_at",
            "created_at",
        ]
        read_only_fields = fields


def notification_body(notification: Notification) -> dict[str, Any]:
    """A notification as plain JSON-able data."""
    return dict(NotificationSerializer(notification).data)


class MarkReadSerializer(Serializer):
    """Which notifications: several, one, or all when neither is given."""

    notification_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, max_length=1000
    )
    notification_id = serializers.IntegerField(min_value=1, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse an ambiguous request."""
        if len(attrs) > 1:
            raise serializers.ValidationError("Give notification_ids or notification_id, not both.")
        return attrs


class MarkedSerializer(Serializer):
    """How many were marked, and how many are left."""

    marked = serializers.IntegerField()
    unread_count = serializers.IntegerField()


class UnreadCountSerializer(Serializer):
    """How many are unread."""

    unread_count = serializers.IntegerField()


class ChannelsSerializer(Serializer):
    """By which channels."""

    in_app = serializers.BooleanField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A type that is named says everything, also where other types are left out."""
        if "in_app" not in attrs:
            raise serializers.ValidationError({"in_app": ["This field is required."]})
        return attrs


def _preference_fields() -> dict[str, Any]:
    return {kind.value: ChannelsSerializer(required=False, help_text=kind.label) for kind in NotificationType}


class PreferencesSerializer(StrictMixin, serializers.Serializer[Any]):
    """Per type of notification, the channels; `system` cannot be turned off."""

    def get_fields(self) -> dict[str, Any]:
        """One field per type."""
        fields = _preference_fields()
        for field in fields.values():
            field.required = not self.partial
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Keep account safety on."""
        off = [kind for kind in ALWAYS_ON if not attrs.get(kind, {}).get("in_app", True)]
        if off:
            raise serializers.ValidationError({kind: ["This cannot be turned off."] for kind in off})
        return attrs
