"""Telling a channel, whichever processes its sockets are in."""

import hashlib
from collections.abc import Iterable
from typing import Any

from channels.layers import get_channel_layer

from crm_backend.common.pushes import send_to_groups

EVENT, HAPPENED, MEMBERS = "gateway.event", "gateway.happened", "gateway.members"


def group_of(channel: str) -> str:
    """The group of the sockets that follow a channel; groups may not have all the letters of channels."""
    return f"gateway.{hashlib.sha256(channel.encode()).hexdigest()[:40]}"


async def publish(channel: str, message: dict[str, Any]) -> None:
    """Hand one message to all who follow a channel."""
    layer = get_channel_layer()
    assert layer is not None
    await layer.group_send(group_of(channel), {**message, "channel": channel})


def publish_all(messages: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """The same for several, from code that does not wait for events itself."""
    send_to_groups([(group_of(channel), {**message, "channel": channel}) for channel, message in messages])
