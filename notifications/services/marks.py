"""Reading and deleting notifications."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm_backend.common.read_engine.statements import Statement, is_in_range
from crm_backend.common.transactions import before_end
from events.services import TOLD, begin_telling, emit, tell_by_statement
from notifications.events import NotificationDeleted, NotificationsRead
from notifications.models import Notification
from notifications.selectors import unread_count

IDS_PER_EVENT = 500
# By hand, with the events in the same statement. Locked in order, so that two never deadlock. No recipients:
# nobody is notified of reading, the owner's sockets are told.
_MARK = f"""
    WITH unread AS (
        SELECT id FROM notifications_notification
        WHERE user_id = %s AND read_at IS NULL AND id = ANY(%s::bigint[])
        ORDER BY id FOR NO KEY UPDATE
    ), marked AS (
        UPDATE notifications_notification SET read_at = %s
        FROM unread WHERE notifications_notification.id = unread.id
        RETURNING notifications_notification.id
    ), numbered AS (
        SELECT id, (row_number() OVER (ORDER BY id) - 1) / {IDS_PER_EVENT} AS part FROM marked
    ), parts AS (
        SELECT jsonb_agg(id ORDER BY id) AS ids, count(*) AS count FROM numbered GROUP BY part ORDER BY part
    ), told AS (
        {TOLD.format(data="jsonb_build_object('ids', ids, 'count', count)", rows="parts")}
    )
    SELECT data FROM told"""  # noqa: S608 - our own texts
_MARK_ALL = _MARK.replace(" AND id = ANY(%s::bigint[])", "")


@dataclass(frozen=True)
class Marked:
    """How many were unread and are read now, and how many are left."""

    count: int
    unread: int


def notifications_mark_read(*, user: Any, ids: Collection[int] | None = None) -> Marked:
    """Mark the user's notifications read, all of them without `ids`.

    Ids that are not the user's, or are read already, are passed over.
    """
    told: list[tuple[Any, ...]] = []
    with transaction.atomic(savepoint=False):
        announced = begin_telling()
        _marking(user, ids).post(told.extend)
        unread = unread_count(user.pk)  # in the same trip, and by another look at the rows
        events = [NotificationsRead.model_validate_json(data) for (data,) in told]
        before_end(announced.wait)
        if not events:
            announced.withdraw()
    return Marked(sum(event.count for event in events), unread)


def _marking(user: Any, ids: Collection[int] | None) -> Statement:
    which = () if ids is None else ([*filter(is_in_range, ids)],)
    event = tell_by_statement(actor=user, subject=user, payload=NotificationsRead)
    return Statement(_MARK_ALL if ids is None else _MARK, (user.pk, *which, timezone.now(), *event))


def notification_delete(*, notification: Notification) -> None:
    """Delete one notification of its owner."""
    with transaction.atomic():
        user = notification.user
        emit(NotificationDeleted(notification_id=notification.pk), actor=user, subject=user)
        notification.delete()
