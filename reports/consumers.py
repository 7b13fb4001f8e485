"""The socket of dashboards: it says which tiles are out of date, and no figures."""

import asyncio
from collections import defaultdict
from typing import Any

from crm_backend.common.threads import in_own_thread
from reports import live
from reports.permissions import DASHBOARDS, READERS
from reports.socket_messages import DashboardChanged, DashboardsConnected
from users.models import User
from users.websocket import AuthenticatedConsumer

# What changes within so many seconds is told at once: a night of work is not a thousand messages.
GATHERING_SECONDS = 1.0
# Dashboards, and the action of the policy that each is.
ACTIONS = {"dashboard": "overview", "leads": "leads", "revenue": "revenue", "team": "team"}


class AnalyticsConsumer(AuthenticatedConsumer):
    """`/ws/analytics/`: tells of the dashboards that the role may read, for what the user sees."""

    sends = (DashboardsConnected, DashboardChanged)

    def may_open(self, user: User) -> bool:
        """Clients have no dashboards."""
        return user.role in READERS

    async def ready(self) -> None:
        """Greet, and begin to listen."""
        assert self.login is not None
        user = self.login.user
        self.joined: list[str] = []
        self.stale: dict[str, set[str]] = defaultdict(set)
        self.dashboards = [name for name, action in ACTIONS.items() if DASHBOARDS.grant(action, user)]
        await self._join()
        await self.send_json({"type": "connected", "user_id": user.pk, "dashboards": self.dashboards})

    async def heartbeat(self) -> None:
        """Look whether the user sees other things by now."""
        await self._join()

    async def leave_groups(self, user: User) -> None:
        """Stop listening."""
        await super().leave_groups(user)
        for group in getattr(self, "joined", ()):
            await self.channel_layer.group_discard(group, self.channel_name)

    # --- from the channel layer -----------------------------------------------------------------

    async def tiles_stale(self, event: dict[str, Any]) -> None:
        """Figures changed that the user sees: gather, and tell a little later."""
        if event["dashboard"] not in self.dashboards:
            return
        self.stale[event["dashboard"]] |= {*event["tiles"]}
        if "gathering" not in self.timers:
            loop = asyncio.get_running_loop()
            self.timers["gathering"] = loop.call_later(GATHERING_SECONDS, self._tell_soon)

    # --- parts ----------------------------------------------------------------------------------

    def _tell_soon(self) -> None:
        # What comes from here on is gathered anew.
        self.timers.pop("gathering", None)
        stale, self.stale = self.stale, defaultdict(set)
        self.telling = asyncio.ensure_future(self._tell(stale))

    async def _tell(self, stale: dict[str, set[str]]) -> None:
        for dashboard, tiles in stale.items():
            await self.send_json(
                {"type": "dashboard_changed", "dashboard": dashboard, "tiles": sorted(tiles)}
            )

    async def _join(self) -> None:
        assert self.login is not None
        wanted = await in_own_thread(live.groups_of)(self.login.user)
        before, self.joined = self.joined, wanted
        for group in {*before} - {*wanted}:
            await self.channel_layer.group_discard(group, self.channel_name)
        for group in {*wanted} - {*before}:
            await self.channel_layer.group_add(group, self.channel_name)
