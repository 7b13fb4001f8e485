"""The connections of this process, announced to all: what `users.live` keeps is renewed from here.

One task for each event loop renews all connections in one round trip, and notes in the database now and then
who was seen, in one statement; neither costs anything for a heartbeat or a message.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer
from django.db import DatabaseError
from redis.exceptions import RedisError

from crm_backend.common.threads import in_own_thread
from users import live

logger = structlog.get_logger(__name__)

# Of so many calls one also notes in the database who is there.
NOTED_EVERY = 3


class RollCall:
    """The connections of one event loop, by user."""

    def __init__(self) -> None:
        self.names: defaultdict[int, set[str]] = defaultdict(set)
        self.left: set[int] = set()
        self.calls = 0
        self.lock = asyncio.Lock()
        self.task: asyncio.Task[None] | None = None

    async def join(self, user_id: int, name: str) -> None:
        """Somebody has connected."""
        self.names[user_id].add(name)
        if self.task is None:
            self.task = asyncio.create_task(self._call_again_and_again())
        if await _asked(in_own_thread(live.is_here), user_id, name):
            await announce([user_id])

    async def leave(self, user_id: int, name: str) -> None:
        """A connection has ended."""
        self.names[user_id].discard(name)
        if not self.names[user_id]:
            del self.names[user_id]
            self.left.add(user_id)
        async with self.lock:  # what is being renewed at this moment would be there again
            changed = await _asked(in_own_thread(live.is_gone), user_id, name)
        if changed:
            await announce([user_id])

    async def call(self) -> None:
        """Renew every connection; a Redis that was emptied has them again. Note who was seen."""
        async with self.lock:
            names = {pk: set(of_user) for pk, of_user in self.names.items()}
            changed = await _asked(in_own_thread(live.still_here), names)
        await announce(changed or ())
        seen, self.left = self.left, set()
        if self.calls % NOTED_EVERY == 0:
            seen |= set(self.names)
        self.calls += 1
        if seen:
            await _asked(in_own_thread(live.last_seen_note), seen)

    async def _call_again_and_again(self) -> None:
        # One more when the last has gone, to note it.
        while self.names or self.left:
            await asyncio.sleep(live.RENEW_SECONDS)
            await self.call()
        self.task = None


_calls: WeakKeyDictionary[asyncio.AbstractEventLoop, RollCall] = WeakKeyDictionary()


def roll_call() -> RollCall:
    """That of the running event loop."""
    return _calls.setdefault(asyncio.get_running_loop(), RollCall())


def presence_group(user_id: int) -> str:
    """The channel-layer group of all who watch a user."""
    return f"presence.{user_id}"


async def announce(user_ids: Iterable[int]) -> None:
    """Have everybody who watches these users look again; who is not reached looks again soon anyway."""
    layer = get_channel_layer()
    assert layer is not None
    for user_id in user_ids:
        await _asked(
            layer.group_send, presence_group(user_id), {"type": "presence.changed", "user_id": user_id}
        )


async def _asked(call: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """What a call gives; None when Redis or the database is away, which the next roll call makes up for."""
    try:
        return await call(*arguments)
    except (RedisError, OSError, DatabaseError) as error:
        logger.warning("presence.failed", error=type(error).__name__)
        return None
