"""A client of the gateway's socket, in the test's own event loop, and what it asks over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.db import connections

from crm_backend.asgi import application
from integrations.publishing import EVENT, publish
from tests.clients import ApiClient
from tests.threads import in_thread

ADDRESS = "/app/development?protocol=7&client=js&version=8.6.0&flash=false"
MARK = "the-mark"


def event_of(message: dict[str, Any]) -> tuple[str, Any]:
    """Name and data of an event, whichever way its data is written."""
    data = message["data"]
    return message["event"], orjson.loads(data) if isinstance(data, str) else data


class GatewaySocket:
    """One socket; events come out as `(name, data)`, in the order sent."""

    def __init__(self, address: str = ADDRESS) -> None:
        self.communicator = WebsocketCommunicator(application, address)
        self.socket_id = ""

    async def open(self) -> "GatewaySocket":
        """Shake hands; the application accepts everybody."""
        accepted, _ = await self.communicator.connect(timeout=10)
        assert accepted
        return self

    async def greeted(self) -> "GatewaySocket":
        """Take the greeting."""
        name, data = await self.next()
        assert name == "pusher:connection_established"
        self.socket_id = data["socket_id"]
        return self

    async def send(self, event: str, data: Any = None, **more: Any) -> None:
        """Send an event."""
        await self.raw(orjson.dumps({"event": event, "data": data, **more}).decode())

    async def raw(self, text: str) -> None:
        """Send anything."""
        await self.communicator.send_to(text_data=text)

    async def message(self) -> dict[str, Any]:
        """The next message as it is; a close instead of one fails the test."""
        output = await self.communicator.receive_output(10)
        assert output["type"] == "websocket.send", output
        message: dict[str, Any] = orjson.loads(output["text"])
        return message

    async def next(self) -> tuple[str, Any]:
        """The next event."""
        return event_of(await self.message())

    async def error(self) -> int:
        """The code of the error that comes next."""
        name, data = await self.next()
        assert name == "pusher:error", (name, data)
        code: int = data["code"]
        return code

    async def closed(self) -> int:
        """The close code that comes next, with nothing before it."""
        output = await self.communicator.receive_output(10)
        assert output["type"] == "websocket.close", output
        code: int = output["code"]
        return code

    async def follow(self, channel: str, client: ApiClient | None = None, **signed: Any) -> Any:
        """Follow a channel, signed for a client; return what the success carries."""
        if client is not None:
            signed = await in_thread(sign, client, self.socket_id, channel)
        await self.send("pusher:subscribe", {"channel": channel, **signed})
        message = await self.message()
        assert (message["event"], message.get("channel")) == (
            "pusher_internal:subscription_succeeded",
            channel,
        ), message
        return event_of(message)[1]

    async def refused(self, channel: str, **signed: Any) -> int:
        """Try to follow a channel, in vain; return the status of the refusal."""
        await self.send("pusher:subscribe", {"channel": channel, **signed})
        assert await self.error() == 4009
        name, data = await self.next()
        assert name == "pusher:subscription_error"
        status: int = data["status"]
        return status

    async def flush(self) -> list[tuple[str, Any]]:
        """All that was sent because of what happened before now.

        Two marks end it: an answer says that the earlier messages of this socket are dealt with, and an
        event of a channel, that all earlier ones of the channel layer are.
        """
        if MARK not in getattr(self, "marks", ()):
            self.marks = [MARK]
            await self.send("pusher:subscribe", {"channel": MARK})
        else:
            await self.send("pusher:ping")
        events = await self._until("pusher:pong", "pusher_internal:subscription_succeeded")
        await publish(MARK, {"type": EVENT, "event": "mark", "data": {}, "without": ""})
        return events + await self._until("mark")

    async def _until(self, *last: str) -> list[tuple[str, Any]]:
        events = []
        while (event := await self.next())[0] not in last:
            events.append(event)
        return events

    async def close(self) -> None:
        """Go away."""
        await self.communicator.disconnect(timeout=10)


@asynccontextmanager
async def gateway(address: str = ADDRESS, *, is_greeted: bool = True) -> AsyncIterator[GatewaySocket]:
    """An open socket, gone at the end together with the connection its thread used."""
    opened = await GatewaySocket(address).open()
    try:
        yield await opened.greeted() if is_greeted else opened
    finally:
        await opened.close()
        await database_sync_to_async(connections.close_all)()


def sign(client: ApiClient, socket_id: str, channel: str) -> dict[str, str]:
    """What the server signs."""
    reply = client.post("/api/realtime/auth/", {"socket_id": socket_id, "channel_name": channel})
    assert reply.status_code == 200, reply.content
    signed: dict[str, str] = reply.json()
    return signed
