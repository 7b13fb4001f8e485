"""A WebSocket client of the whole ASGI application, in the test's own event loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.db import connections

from crm_backend.asgi import application
from users.websocket import user_group

PATH = "/ws/notifications/"
MARK = 999_999_999  # no user has so many


class Socket:
    """One socket; messages come out as dicts, in the order sent."""

    def __init__(self, path: str = PATH, *, bearer: str | None = None) -> None:
        subprotocols = None if bearer is None else ["bearer", bearer]
        self.communicator = WebsocketCommunicator(application, path, subprotocols=subprotocols)
        self.subprotocol: str | None = None
        self.user_id = 0

    async def open(self) -> "Socket":
        """Shake hands; the application accepts everybody."""
        accepted, self.subprotocol = await self.communicator.connect(timeout=10)
        assert accepted
        return self

    async def greeted(self) -> dict[str, Any]:
        """Take the two messages of a login; return the greeting."""
        greeting = await self.next()
        assert greeting["type"] == "connected"
        self.user_id = greeting["user_id"]
        count = await self.next()
        assert count["type"] == "unread_count"
        return {**greeting, "unread": count["count"]}

    async def send(self, message: Any) -> None:
        """Send JSON."""
        await self.communicator.send_to(text_data=orjson.dumps(message).decode())

    async def next(self, timeout: float = 10) -> dict[str, Any]:
        """The next message; a close instead of one fails the test."""
        output = await self.communicator.receive_output(timeout)
        assert output["type"] == "websocket.send", output
        message: dict[str, Any] = orjson.loads(output["text"])
        return message

    async def closed(self, timeout: float = 10) -> int:
        """The close code that comes next, with nothing before it."""
        output = await self.communicator.receive_output(timeout)
        assert output["type"] == "websocket.close", output
        code: int = output["code"]
        return code

    async def flush(self) -> list[dict[str, Any]]:
        """All that was sent because of what happened before now.

        Two marks end it: an answer to a question says that the client's earlier messages are dealt with,
        and a push, that all earlier pushes are.
        """
        await self.send({"type": "unknown to the server"})
        messages = await self._until(_UNKNOWN)
        layer = get_channel_layer()
        assert layer is not None
        await layer.group_send(user_group(self.user_id), {"type": "unread.count", "count": MARK})
        return messages + await self._until({"type": "unread_count", "count": MARK})

    async def _until(self, last: dict[str, Any]) -> list[dict[str, Any]]:
        messages = []
        while (message := await self.next()) != last:
            # Another socket of this user may have asked for its own mark.
            if message != {"type": "unread_count", "count": MARK}:
                messages.append(message)
        return messages

    async def close(self) -> None:
        """Go away."""
        await self.communicator.disconnect(timeout=10)


_UNKNOWN = {
    "type": "error",
    "code": "unknown_type",
    "detail": "Unknown message type. Known: authenticate, get_unread_count, heartbeat, mark_read, resume.",
}


@asynccontextmanager
async def socket(path: str = PATH, *, bearer: str | None = None) -> AsyncIterator[Socket]:
    """An open socket, gone at the end together with the connection its thread used."""
    opened = await Socket(path, bearer=bearer).open()
    try:
        yield opened
    finally:
        await opened.close()
        await database_sync_to_async(connections.close_all)()


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    """The numbers of the notifications among messages."""
    return [message["seq"] for message in messages if message["type"] == "notification"]
