"""Reading and deleting notifications."""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm_backend.common.read_engine.statements import Statement, is_in_range
from events.services import emit, together
from notifications.events import NotificationDeleted, NotificationsRead
from notifications.models import Notification

IDS_PER_EVENT = 500
# By hand: Django locks in one statement and writes in another. Locked in order, so that two never deadlock.
_MARK = """
    WITH unread AS (
        SELECT id FROM notifications_notification
        WHERE user_id = %s AND read_at IS NULL AND id = ANY(%s::bigint[])
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE notifications_notification SET read_at = %s
    FROM unread WHERE notifications_notification.id = unread.id
    RETURNING notifications_notification.id"""
_MARK_ALL = _MARK.replace(" AND id = ANY(%s::bigint[])", "")


def notifications_mark_read(*, user: Any, ids: Collection[int] | None = None) -> int:
    """Mark the user's notifications read, all of them without `ids`; return how many were unread.

    Ids that are not the user's, or are read already, are passed over.
    """
    with transaction.atomic(savepoint=False), together():
        marked = _mark(user.pk, ids)
        # Not `recipients`: nobody is notified of reading, the owner's sockets are told.
        for start in range(0, len(marked), IDS_PER_EVENT):
            ids_told = marked[start : start + IDS_PER_EVENT]
            emit(NotificationsRead(ids=ids_told, count=len(ids_told)), actor=user, subject=user)
    return len(marked)


def _mark(user_id: int, ids: Collection[int] | None) -> list[int]:
    """Mark them in one statement; the keys, in order, of those that were unread."""
    now = timezone.now()
    if ids is None:
        statement = Statement(_MARK_ALL, (user_id, now))
    else:
        statement = Statement(_MARK, (user_id, [*filter(is_in_range, ids)], now))
    return sorted(pk for (pk,) in statement.run({}))


def notification_delete(*, notification: Notification) -> None:
    """Delete one notification of its owner."""
    with transaction.atomic():
        user = notification.user
        emit(NotificationDeleted(notification_id=notification.pk), actor=user, subject=user)
        notification.delete()
