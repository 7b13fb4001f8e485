"""Shapes of `/api/realtime/`."""

from typing import Any

import orjson
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm_backend.common.serializers import Serializer
from integrations.protocol import (
    CHANNEL_PATTERN,
    EVENT_PATTERN,
    MAX_DATA_BYTES,
    MAX_EVENT_NAME,
    MAX_SUBSCRIPTIONS,
    SOCKET_ID_PATTERN,
    is_guarded,
)
from integrations.registry import find


class ConfigSerializer(Serializer):
    """The options of a Pusher client, under the names that pusher-js has for them."""

    key = serializers.CharField()
    cluster = serializers.CharField(help_text="Clients insist on one; it means nothing here.")
    wsHost = serializers.CharField()  # noqa: N815
    wsPort = serializers.IntegerField()  # noqa: N815
    wssPort = serializers.IntegerField()  # noqa: N815
    forceTLS = serializers.BooleanField()  # noqa: N815
    authEndpoint = serializers.URLField()  # noqa: N815


class StatusSerializer(Serializer):
    """How the gateway is."""

    available = serializers.BooleanField(help_text="Whether it is configured and Redis answers.")
    service = serializers.CharField()
    configured = serializers.BooleanField()
    connections = serializers.IntegerField(
        allow_null=True, help_text="Open sockets of all processes; null where Redis does not answer."
    )


class ChannelField(serializers.RegexField):
    """The name of a channel."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(CHANNEL_PATTERN, max_length=164, **kwargs)


class SocketIdField(serializers.RegexField):
    """The id that the greeting of a socket has."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(SOCKET_ID_PATTERN, max_length=41, **kwargs)


class AuthSerializer(Serializer):
    """Which socket wants to follow which channel."""

    socket_id = SocketIdField()
    channel_name = ChannelField()


class AuthorizedSerializer(Serializer):
    """The signature of a subscription; `channel_data` for presence channels only."""

    auth = serializers.CharField()
    channel_data = serializers.CharField(required=False)


@extend_schema_field(
    {
        "type": ["object", "array", "string", "number", "boolean"],
        "description": f"Any JSON but null, {MAX_DATA_BYTES} bytes at most. A text is sent as it is.",
    }
)
class DataField(serializers.JSONField):
    """What an event carries."""

    def to_internal_value(self, data: Any) -> Any:
        """Take what is not too large."""
        found: Any = super().to_internal_value(data)
        text = found.encode() if isinstance(found, str) else orjson.dumps(found)
        if len(text) > MAX_DATA_BYTES:
            raise serializers.ValidationError(f"This has more than {MAX_DATA_BYTES} bytes.")
        return found


class TriggerSerializer(Serializer):
    """An event for channels, and the socket that need not be told, because it is the one that did it."""

    name = serializers.RegexField(EVENT_PATTERN, max_length=MAX_EVENT_NAME)
    channels = serializers.ListField(child=ChannelField(), min_length=1, max_length=MAX_SUBSCRIPTIONS)
    data = DataField()  # type: ignore[assignment]
    socket_id = SocketIdField(required=False)

    def validate_channels(self, channels: list[str]) -> list[str]:
        """Each once, and no guarded one that nobody could ever follow."""
        unknown = [name for name in channels if is_guarded(name) and find(name) is None]
        if unknown:
            raise serializers.ValidationError(f"Nobody can follow {unknown[0]}.")
        return list(dict.fromkeys(channels))


class TriggeredSerializer(Serializer):
    """The channels that were told."""

    channels = serializers.ListField(child=serializers.CharField())
