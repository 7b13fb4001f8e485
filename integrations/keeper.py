"""The sockets of this process: says again and again that they are here, and tells channels who is there."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

import structlog
from redis.exceptions import RedisError

from integrations import live
from integrations.live import Member, Members
from integrations.publishing import MEMBERS, publish

logger = structlog.get_logger(__name__)

BEAT_SECONDS = 15.0

T = TypeVar("T")


class Keeper:
    """All sockets of one event loop, and the one task that keeps them in Redis.

    Every beat the whole list of a channel's members is sent around again: what the channel layer or a
    restarted Redis lost, and who was in a process that was killed, is put right by it.
    """

    def __init__(self) -> None:
        self.sockets: set[str] = set()
        self.present: dict[str, dict[str, Member]] = {}
        self._task: asyncio.Task[None] | None = None

    async def enter(self, socket_id: str) -> int:
        """A socket was opened; return how many there are."""
        self.sockets.add(socket_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._beat())
        return await asyncio.to_thread(live.connections, here=[socket_id])

    async def leave(self, socket_id: str) -> None:
        """A socket was closed."""
        self.sockets.discard(socket_id)
        if not self.sockets and self._task is not None:
            self._task.cancel()
            self._task = None
        await _forgiving(lambda: live.connections(gone=socket_id))

    async def join(self, channel: str, socket_id: str, member: Member) -> Members:
        """A socket follows a presence channel; the others are told, and who is there is returned."""
        self.present.setdefault(channel, {})[socket_id] = member
        found = await asyncio.to_thread(live.members, channel, here={socket_id: member})
        if found.has_changed:
            await _tell(channel, found)
        return found

    async def part(self, channel: str, socket_id: str) -> None:
        """A socket does not follow it any more."""
        others = self.present.get(channel, {})
        member = others.pop(socket_id, None)
        if not others:
            self.present.pop(channel, None)
        if member is None:
            return
        found = await _forgiving(lambda: live.members(channel, gone=(socket_id, member)))
        if found is not None and found.has_changed:
            await _tell(channel, found)

    async def beat(self) -> None:
        """Say that all sockets are here."""
        await asyncio.to_thread(live.connections, here=tuple(self.sockets))
        for channel, here in list(self.present.items()):
            await _tell(channel, await asyncio.to_thread(live.members, channel, here=dict(here)))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self.beat()
            except (RedisError, OSError) as error:
                logger.warning("gateway.beat_failed", error=type(error).__name__)


async def _tell(channel: str, found: Members) -> None:
    await publish(channel, {"type": MEMBERS, "version": found.version, "members": found.members})


async def _forgiving(act: Callable[[], T]) -> T | None:
    """Without Redis nothing can be taken back: it ends by itself."""
    with contextlib.suppress(RedisError, OSError):
        return await asyncio.to_thread(act)
    return None


_keepers: WeakKeyDictionary[asyncio.AbstractEventLoop, Keeper] = WeakKeyDictionary()


def keeper() -> Keeper:
    """The keeper of the running event loop."""
    return _keepers.setdefault(asyncio.get_running_loop(), Keeper())
