"""Reading and deleting notifications."""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils import timezone

from events.services import emit
from notifications.events import NotificationDeleted, NotificationsRead
from notifications.models import Notification

IDS_PER_EVENT = 500


def notifications_mark_read(*, user: Any, ids: Collection[int] | None = None) -> int:
    """Mark the user's notifications read, all of them without `ids`; return how many were unread.

    Ids that are not the user's, or are read already, are passed over.
    """
    with transaction.atomic():
        unread = Notification.objects.filter(user=user).unread()
        if ids is not None:
            unread = unread.filter(pk__in=ids)
        marked = sorted(unread.lock().values_list("pk", flat=True))
        if marked:
            Notification.objects.filter(pk__in=marked).update(read_at=timezone.now())
            # Not `recipients`: nobody is notified of reading, the owner's sockets are told.
            for start in range(0, len(marked), IDS_PER_EVENT):
                ids_told = marked[start : start + IDS_PER_EVENT]
                emit(NotificationsRead(ids=ids_told, count=len(ids_told)), actor=user, subject=user)
    return len(marked)


def notification_delete(*, notification: Notification) -> None:
    """Delete one notification of its owner."""
    with transaction.atomic():
        user = notification.user
        emit(NotificationDeleted(notification_id=notification.pk), actor=user, subject=user)
        notification.delete()
