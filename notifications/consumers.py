"""The notification socket: `seq` numbers what it sends (`crm_backend.common.replay`)."""

from typing import Any

from crm_backend.common.replay import Replay
from crm_backend.common.threads import in_own_thread
from notifications import selectors
from notifications.serializers import notification_body
from notifications.services import marks
from notifications.socket_messages import (
    Connected,
    GetUnreadCount,
    MarkRead,
    NotificationMessage,
    NotificationRead,
    Resume,
    UnreadCount,
)
from users.models import User
from users.websocket import AuthenticatedConsumer

REPLAY_BATCH = 500


class NotificationConsumer(AuthenticatedConsumer):
    """`/ws/notifications/`: live notifications, counts, reading marks, and replay after a break."""

    handlers = {
        "get_unread_count": "on_get_unread_count",
        "mark_read": "on_mark_read",
        "resume": "on_resume",
    }
    receives = (GetUnreadCount, MarkRead, Resume)
    sends = (Connected, UnreadCount, NotificationMessage, NotificationRead)

    def may_open(self, user: User) -> bool:
        """The address may name a user, but only oneself."""
        return bool(self.scope["url_route"]["kwargs"].get("user_id", user.pk) == user.pk)

    async def ready(self) -> None:
        """Greet: what the latest number is, and how many are unread."""
        last_seq = await in_own_thread(selectors.last_seq)(self._user_id)
        self.replay = Replay(last_seq, self._rows, self._send_notification)
        await self.send_json({"type": "connected", "user_id": self._user_id, "last_seq": last_seq})
        await self._send_unread_count()

    async def heartbeat(self) -> None:
        """Use the occasion to look for pushes that never came."""
        await self.replay.catch_up()

    # --- from the client ------------------------------------------------------------------------

    async def on_get_unread_count(self, message: dict[str, Any]) -> None:
        """`{"type": "get_unread_count"}`."""
        await self._send_unread_count()

    async def on_mark_read(self, message: dict[str, Any]) -> None:
        """`{"type": "mark_read", "ids": […]}`; the confirmation comes as to every other socket."""
        assert self.login is not None
        await in_own_thread(marks.notifications_mark_read)(user=self.login.user, ids=message["ids"])

    async def on_resume(self, message: dict[str, Any]) -> None:
        """`{"type": "resume", "last_seq": n}`: send everything after n that this socket was not sent."""
        await self.replay.resume(message["last_seq"])
        await self._send_unread_count()

    # --- from the channel layer -----------------------------------------------------------------

    async def notification_new(self, event: dict[str, Any]) -> None:
        """A notification was made for this user."""
        await self.replay.take(event["seq"], event["notification"])

    async def notifications_read(self, event: dict[str, Any]) -> None:
        """Another socket, or REST, marked some read."""
        await self.send_json({"type": "notification_read", "ids": event["ids"]})

    async def unread_count(self, event: dict[str, Any]) -> None:
        """The count changed."""
        await self.send_json({"type": "unread_count", "count": event["count"]})

    # --- parts ----------------------------------------------------------------------------------

    @property
    def _user_id(self) -> int:
        assert self.login is not None
        return int(self.login.user.pk)

    async def _send_notification(self, seq: int, body: dict[str, Any]) -> None:
        await self.send_json({"type": "notification", "seq": seq, "notification": body})

    async def _send_unread_count(self) -> None:
        count = await in_own_thread(selectors.unread_count)(self._user_id)
        await self.send_json({"type": "unread_count", "count": count})

    @in_own_thread
    def _rows(self, after: int, upto: int | None) -> list[tuple[int, dict[str, Any]]]:
        rows = selectors.between(self._user_id, after, upto, limit=REPLAY_BATCH)
        return [(row.seq, notification_body(row)) for row in rows]
