"""The presence socket.

The channel layer only says *whose* presence changed; what it is, is looked up. So news that come late or in
another order do no harm, and what was never announced (a killed server, an emptied Redis) is found by looking
again a few times a minute.
"""

import asyncio
from typing import Any

import structlog
from django.db import DatabaseError
from redis.exceptions import RedisError

from crm_backend.common.threads import in_own_thread
from users import live, selectors
from users.choices import PresenceStatus
from users.models import User
from users.rollcall import announce, presence_group
from users.socket_messages import PresenceChanged, PresenceConnected, SetPresence, Watching, WatchPresence
from users.websocket import AuthenticatedConsumer

logger = structlog.get_logger(__name__)

LOOK_SECONDS = 15.0


class PresenceConsumer(AuthenticatedConsumer):
    """Who is online, away or offline, of those whom the user names and may see."""

    handlers = {"watch": "on_watch", "status": "on_status"}
    receives = (WatchPresence, SetPresence)
    sends = (PresenceConnected, Watching, PresenceChanged)

    async def ready(self) -> None:
        """Greet, and begin to look."""
        assert self.login is not None
        self.watched: list[int] = []
        self.told: dict[int, live.Presence] = {}
        self.timers["look"] = asyncio.create_task(self._look_again_and_again())
        await self.send_json({"type": "connected", "user_id": self.login.user.pk})

    async def heartbeat(self) -> None:
        """Look whether everybody who is watched may still be seen."""
        if self.watched:
            allowed = await self._allowed(self.watched)
            if allowed != self.watched:
                await self._watch(allowed)

    async def leave_groups(self, user: User) -> None:
        """Stop watching."""
        await super().leave_groups(user)
        for user_id in getattr(self, "watched", ()):
            await self.channel_layer.group_discard(presence_group(user_id), self.channel_name)

    # --- from the client ------------------------------------------------------------------------

    async def on_watch(self, message: dict[str, Any]) -> None:
        """`{"type": "watch", "ids": […]}`."""
        self.told = {}
        await self._watch(await self._allowed(message["ids"]))
        await self._tell(self.watched)

    async def on_status(self, message: dict[str, Any]) -> None:
        """`{"type": "status", "status": "away"}`."""
        assert self.login is not None
        user_id, status = self.login.user.pk, PresenceStatus(message["status"])
        if await in_own_thread(live.says)(user_id, self.login.session_id, status):
            await announce([user_id])

    # --- from the channel layer -----------------------------------------------------------------

    async def presence_changed(self, event: dict[str, Any]) -> None:
        """Somebody who is watched came, went or turned away."""
        await self._tell([event["user_id"]])

    # --- parts ----------------------------------------------------------------------------------

    async def _allowed(self, user_ids: list[int]) -> list[int]:
        assert self.login is not None
        allowed: list[int] = await in_own_thread(selectors.presence_visible)(self.login.user, user_ids)
        return allowed

    async def _watch(self, user_ids: list[int]) -> None:
        before, self.watched = self.watched, user_ids
        for user_id in sorted({*before} - {*user_ids}):
            self.told.pop(user_id, None)
            await self.channel_layer.group_discard(presence_group(user_id), self.channel_name)
        for user_id in sorted({*user_ids} - {*before}):
            await self.channel_layer.group_add(presence_group(user_id), self.channel_name)
        await self.send_json({"type": "watching", "ids": user_ids})

    async def _tell(self, user_ids: list[int]) -> None:
        """Look these up, and send what the client does not know yet."""
        asked = [user_id for user_id in user_ids if user_id in self.watched]
        for found in await in_own_thread(live.presences)(asked):
            if self.told.get(found.user_id) == found or found.user_id not in self.watched:
                continue
            self.told[found.user_id] = found
            await self.send_json(
                {
                    "type": "presence",
                    "user_id": found.user_id,
                    "status": found.status,
                    "last_seen_at": found.last_seen_at,
                }
            )

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._tell(self.watched)
            except (RedisError, OSError, DatabaseError) as error:
                logger.warning("presence.failed", error=type(error).__name__)
