"""The ASGI application: addresses, bodies, and nothing in between."""

import os
from typing import Any
from urllib.parse import parse_qsl

import asyncpg
import orjson

from benchmarks.floor import applications, notifications, writes
from benchmarks.floor.callers import Caller, caller_of

APPLICATIONS = "/api/applications/"
CASCADE = "/api/applications/create-with-cascade/"
NOTIFICATIONS = "/api/users/notifications/"
# Of each of the two processes; eight connections ask.
CONNECTIONS = 4

Reply = tuple[int, Any]
NOT_FOUND: Reply = (404, {"code": "not_found"})
_pool: asyncpg.Pool | None = None


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer one request."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    assert _pool is not None
    caller = await caller_of(_pool, scope["headers"])
    if caller is None:
        reply: Reply = (401, {"code": "token_not_valid"})
    elif scope["method"] == "GET":
        reply = await _read(_pool, caller, scope)
    else:
        reply = await _write(_pool, caller, scope, await _body(receive))
    status, content = reply
    body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _read(pool: asyncpg.Pool, caller: Caller, scope: dict[str, Any]) -> Reply:
    path = scope["path"]
    if path == APPLICATIONS:
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        return 200, await applications.page_of(pool, caller, _address(scope), query)
    if path == NOTIFICATIONS:
        return 200, await notifications.page_of(pool, caller, _address(scope))
    if path == f"{NOTIFICATIONS}unread-count/":
        return 200, await notifications.unread_of(pool, caller)
    if path.startswith(APPLICATIONS):
        found = await applications.detail_of(pool, caller, int(path[len(APPLICATIONS) : -1]))
        return (200, found) if found else NOT_FOUND
    return NOT_FOUND


async def _write(pool: asyncpg.Pool, caller: Caller, scope: dict[str, Any], body: bytes) -> Reply:
    path, data = scope["path"], orjson.loads(body)
    if path == CASCADE:
        return 201, await writes.create(pool, caller, data)
    if path == f"{NOTIFICATIONS}mark-read/":
        return 200, await writes.mark_read(pool, caller, data["notification_ids"])
    if path.endswith("/stage/"):
        moved = await writes.move(pool, caller, int(path[len(APPLICATIONS) : -len("/stage/")]), data)
        return (200, moved) if moved else NOT_FOUND
    return NOT_FOUND


def _address(scope: dict[str, Any]) -> str:
    host = next(value for name, value in scope["headers"] if name == b"host")
    return f"http://{host.decode()}{scope['path']}"


async def _body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _live(receive: Any, send: Any) -> None:
    global _pool  # noqa: PLW0603 - one for the process, made when its event loop runs
    await receive()
    _pool = await asyncpg.create_pool(
        os.environ["DATABASE_URL"],
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        # Connections that are given back are as they were: nothing here changes their state.
        reset=_nothing,
    )
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await _pool.close()
    await send({"type": "lifespan.shutdown.complete"})


async def _nothing(connection: Any) -> None:
    """Spare the round trip of `RESET ALL`."""
