"""The sockets' floor: `python -m benchmarks.floor.sockets PORT`, one process on bare `websockets`.

It checks the signature and the expiry of the product's own tokens, keeps user → sockets in memory, and sends
what it is told to through Redis: whoever publishes has numbered and written the notifications. A resume is
one statement. It looks for no ended logins, gaps or repeats, keeps no presence, counts nothing and bounds
nobody.
"""

import os
import sys
from collections import defaultdict
from typing import Any

import asyncpg
import orjson
import redis.asyncio
import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from benchmarks.floor.callers import claims_of
from benchmarks.floor.notifications import TYPES

CHANNEL = "bench-floor"
HOST = "127.0.0.1"
LAST = "SELECT last_seq FROM notifications_notificationcounter WHERE user_id = $1"
SINCE = """
SELECT n.id, n.seq, n.notification_type, event.type AS event_type, n.title, n.body, n.application_id,
  n.subject_type, n.subject_id, n.read_at IS NOT NULL AS is_read, n.read_at, n.created_at
FROM notifications_notification n JOIN events_event event ON event.id = n.event_id
WHERE n.user_id = $1 AND n.seq > $2 ORDER BY n.seq
"""

_sockets: defaultdict[int, set[ServerConnection]] = defaultdict(set)


def encoded(message: dict[str, Any]) -> str:
    """A message as it goes over the wire."""
    return orjson.dumps(message, option=orjson.OPT_UTC_Z).decode()


def _refuse(connection: ServerConnection, request: Request) -> Response | None:
    """Answer 401 to whoever has no good token, and to plain HTTP."""
    offered = request.headers.get("Sec-WebSocket-Protocol", "").split(", ")
    claims = claims_of(offered[1].encode()) if len(offered) == 2 else None
    if claims is None:
        return Response(401, "Unauthorized", Headers({"Content-Length": "2", "Connection": "close"}), b"{}")
    connection.username = claims["user_id"]
    return None


class Floor:
    """The handler of sockets."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    async def hold(self, connection: ServerConnection) -> None:
        """Greet, and answer until the client goes."""
        user_id = int(connection.username)
        last_seq = await self.pool.fetchval(LAST, user_id) or 0
        _sockets[user_id].add(connection)
        try:
            await connection.send(encoded({"type": "connected", "user_id": user_id, "last_seq": last_seq}))
            async for text in connection:
                message = orjson.loads(text)
                if message["type"] == "heartbeat":
                    await connection.send(encoded({"type": "heartbeat_response"}))
                elif message["type"] == "resume":
                    await self.resume(connection, user_id, message["last_seq"])
                else:
                    await connection.send(encoded({"type": "error", "code": "unknown_type"}))
        finally:
            _sockets[user_id].discard(connection)

    async def resume(self, connection: ServerConnection, user_id: int, after: int) -> None:
        """Send everything after a number."""
        for row in await self.pool.fetch(SINCE, user_id, after):
            display = {"notification_type_display": TYPES[row["notification_type"]]}
            body = {"type": "notification", "seq": row["seq"], "notification": {**row, **display}}
            await connection.send(encoded(body))


async def _listen(client: Any) -> None:
    """Send what is published: pairs of a user and the text for them."""
    async with client.pubsub() as pubsub:
        await pubsub.subscribe(CHANNEL)
        async for message in pubsub.listen():
            if message["type"] == "message":
                for user_id, text in orjson.loads(message["data"]):
                    broadcast(_sockets[user_id], text)


async def main(port: int) -> None:
    """Serve until the process is ended."""
    address = os.environ["DATABASE_URL"]
    client = redis.asyncio.from_url(os.environ["REDIS_URL"])
    async with (
        asyncpg.create_pool(address, min_size=4, max_size=4) as pool,
        serve(
            Floor(pool).hold,
            HOST,
            port,
            process_request=_refuse,
            subprotocols=[Subprotocol("bearer")],
            compression=None,  # which the product does not offer either
        ),
    ):
        await _listen(client)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
