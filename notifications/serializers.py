"""Shapes of notifications, preferences, reminders, alerts and mails.

The socket sends the same body of a notification as REST.
"""

from functools import cache
from typing import Any

from rest_framework import serializers

from crm_backend.common.serializers import (
    ModelSerializer,
    Serializer,
    StrictMixin,
    VisiblePrimaryKeyField,
    caller_of,
)
from events.serializers import ActorSerializer
from notifications.choices import ALWAYS_ON, Cadence, NotificationType, RecipientType
from notifications.models import Alert, Notification, OutgoingMail, Reminder
from notifications.selectors import ADDRESSES, addresses
from users.choices import Role
from users.models import User


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
    return dict(_kept_serializer().to_representation(notification))


@cache
def _kept_serializer() -> NotificationSerializer:
    """One for all: making its fields anew for each of many costs several times what they do."""
    return NotificationSerializer()


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
    email = serializers.BooleanField()


class SomeChannelsSerializer(Serializer):
    """By which channels; one that is left out stays as it is."""

    in_app = serializers.BooleanField(required=False)
    email = serializers.BooleanField(required=False)


class PreferencesSerializer(StrictMixin, serializers.Serializer[Any]):
    """Per type of notification the channels, and the digests; `system` cannot be turned off."""

    channels: type[Serializer] = ChannelsSerializer

    def get_fields(self) -> dict[str, Any]:
        """One field per type, and one per digest."""
        required = not self.partial
        fields: dict[str, Any] = {
            kind.value: self.channels(required=required, help_text=kind.label) for kind in NotificationType
        }
        for cadence in Cadence:
            fields[cadence.value] = serializers.BooleanField(required=required, help_text=cadence.label)
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Keep account safety on."""
        off = [kind for kind in ALWAYS_ON if not all(attrs.get(kind, {}).values())]
        if off:
            raise serializers.ValidationError({kind: ["This cannot be turned off."] for kind in off})
        return {name: value for name, value in attrs.items() if name not in ALWAYS_ON}


class SomePreferencesSerializer(PreferencesSerializer):
    """Some of the preferences; what is left out stays as it is."""

    channels = SomeChannelsSerializer


class StopSerializer(Serializer):
    """What an unsubscribe link is for."""

    what = serializers.CharField(help_text="A type of notification, or a digest.")
    what_display = serializers.CharField()
    is_subscribed = serializers.BooleanField()


class ReminderSerializer(ModelSerializer):
    """A reminder."""

    send_as = ActorSerializer(read_only=True, allow_null=True)
    created_by = ActorSerializer(read_only=True)

    class Meta:
        model = Reminder
        fields = [
            "id",
            "recipient_type",
            "recipient_email",
            "subject",
            "body",
            "send_datetime",
            "send_as",
            "reply_to",
            "status",
            "sent_at",
            "error",
            "created_by",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class ReminderListSerializer(ReminderSerializer):
    """A reminder in a list."""

    class Meta(ReminderSerializer.Meta):
        fields = [name for name in ReminderSerializer.Meta.fields if name != "body"]
        read_only_fields = fields


class ReminderInputSerializer(ModelSerializer):
    """A reminder to be written: to whom one sees, in one's own name or that of one's team."""

    send_as = VisiblePrimaryKeyField(
        queryset=User.objects.get_queryset().active().exclude(role=Role.CLIENT),
        required=False,
        allow_null=True,
    )

    class Meta:
        model = Reminder
        fields = [
            "recipient_type",
            "recipient_email",
            "subject",
            "body",
            "send_datetime",
            "send_as",
            "reply_to",
        ]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse an address that is not the caller's to write to, or to have answers sent to."""
        caller = caller_of(self)
        to = self._value(attrs, "recipient_type")
        if {"recipient_type", "recipient_email"} & set(attrs):
            self._check_recipient(caller, to, self._value(attrs, "recipient_email"))
        if {"reply_to", "send_as"} & set(attrs):
            self._check_reply_to(caller, self._value(attrs, "reply_to"), self._value(attrs, "send_as"))
        return attrs

    def _value(self, attrs: dict[str, Any], name: str) -> Any:
        return attrs[name] if name in attrs else getattr(self.instance, name, None)

    def _check_recipient(self, caller: Any, to: str, email: str) -> None:
        if to == RecipientType.CUSTOM:
            if caller.role == Role.BROKER:
                raise serializers.ValidationError(
                    {"recipient_type": ["Only the lender's staff write to any address."]}
                )
            return
        _, column = ADDRESSES[RecipientType(to)]
        if not addresses(caller, to).filter(**{f"{column}__iexact": email}).exists():
            kind = RecipientType(to).label
            words = kind if kind.isupper() else kind.lower()
            raise serializers.ValidationError({"recipient_email": [f"You see no {words} with this address."]})

    def _check_reply_to(self, caller: Any, reply_to: str | None, send_as: Any) -> None:
        if not reply_to or caller.role == Role.ADMIN:
            return
        if reply_to.lower() in {caller.email, getattr(send_as, "email", caller.email)}:
            return
        if not User.objects.get_queryset().visible_to(caller).filter(email=reply_to.lower()).exists():
            raise serializers.ValidationError(
                {"reply_to": ["Answers go to yourself or somebody of your team."]}
            )


class AlertSerializer(ModelSerializer):
    """An alert."""

    assigned_to = ActorSerializer(read_only=True, allow_null=True)
    created_by = ActorSerializer(read_only=True, allow_null=True)
    acknowledged_by = ActorSerializer(read_only=True, allow_null=True)
    resolved_by = ActorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Alert
        fields = [
            "id",
            "source",
            "priority",
            "title",
            "body",
            "status",
            "assigned_to",
            "created_by",
            "occurrences",
            "last_seen_at",
            "acknowledged_by",
            "acknowledged_at",
            "resolved_by",
            "resolved_at",
            "resolution",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class AlertListSerializer(AlertSerializer):
    """An alert in a list."""

    class Meta(AlertSerializer.Meta):
        fields = [
            "id",
            "source",
            "priority",
            "title",
            "status",
            "assigned_to",
            "created_by",
            "occurrences",
            "last_seen_at",
            "created_at",
        ]
        read_only_fields = fields


class AlertInputSerializer(ModelSerializer):
    """An alert to be raised or edited; the lender's staff see to alerts."""

    assigned_to = VisiblePrimaryKeyField(
        queryset=User.objects.get_queryset().active().filter(role__in=(Role.ADMIN, Role.BD)),
        required=False,
        allow_null=True,
    )

    class Meta:
        model = Alert
        fields = ["priority", "title", "body", "assigned_to"]


class ResolveSerializer(Serializer):
    """How an alert was resolved."""

    resolution = serializers.CharField(max_length=1000, required=False, allow_blank=True)


class MailLogSerializer(ModelSerializer):
    """A mail: to whom, how far it is, and what the server said. Its text is not kept."""

    event_type = serializers.CharField(source="event.type", read_only=True, allow_null=True)
    message_id = serializers.CharField(read_only=True)

    class Meta:
        model = OutgoingMail
        fields = [
            "id",
            "kind",
            "status",
            "user",
            "address",
            "subject",
            "event_type",
            "reminder",
            "message_id",
            "attempts",
            "error",
            "retry_at",
            "sent_at",
            "created_at",
        ]
        read_only_fields = fields
