"""The notification socket.

The channel layer may lose or repeat a message; the numbering makes that invisible. The socket knows the
last `seq` it sent: a repeat is dropped, and a gap is filled from the database before going on.
"""

from typing import Any

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

    # The socket has been sent everything in (replayed_from, sent_seq].
    sent_seq = 0
    replayed_from = 0

    def may_open(self, user: User) -> bool:
        """The address may name a user, but only oneself."""
        return bool(self.scope["url_route"]["kwargs"].get("user_id", user.pk) == user.pk)

    async def ready(self) -> None:
        """Greet: what the latest number is, and how many are unread."""
        self.sent_seq = await in_own_thread(selectors.last_seq)(self._user_id)
        self.replayed_from = self.sent_seq
        await self.send_json({"type": "connected", "user_id": self._user_id, "last_seq": self.sent_seq})
        await self._send_unread_count()

    async def heartbeat(self) -> None:
        """Use the occasion to look for pushes that never came."""
        await self._catch_up()

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
        seq = message["last_seq"]
        if seq < self.replayed_from:
            upto, self.replayed_from = self.replayed_from, seq
            await self._send_between(seq, upto)
        await self._catch_up()
        await self._send_unread_count()

    # --- from the channel layer -----------------------------------------------------------------

    async def notification_new(self, event: dict[str, Any]) -> None:
        """A notification was made for this user."""
        seq = event["seq"]
        if seq == self.sent_seq + 1:
            self.sent_seq = seq
            await self._send_notification(seq, event["notification"])
        elif seq > self.sent_seq:
            await self._catch_up()

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

    async def _catch_up(self) -> None:
        """Send what was made since the last one sent."""
        self.sent_seq = await self._send_between(self.sent_seq, None)

    async def _send_between(self, after: int, upto: int | None) -> int:
        """Send the numbers beyond `after`, in batches; return the last one sent."""
        while rows := await self._rows(after, upto):
            for seq, body in rows:
                await self._send_notification(seq, body)
            after = rows[-1][0]
        return after

    @in_own_thread
    def _rows(self, after: int, upto: int | None) -> list[tuple[int, dict[str, Any]]]:
        rows = selectors.between(self._user_id, after, upto, limit=REPLAY_BATCH)
        return [(row.seq, notification_body(row)) for row in rows]
