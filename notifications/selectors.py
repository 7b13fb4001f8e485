"""Reading notifications and preferences."""

from collections.abc import Collection
from typing import Any

from django.db.models import Count, QuerySet

from crm_backend.common.read_engine.statements import Kept
from notifications.choices import NotificationType
from notifications.models import Notification, NotificationCounter, NotificationPreference

_unread = Kept(
    lambda given: Notification.objects.filter(user_id=given("user_id", 1)).unread().order_by().values("pk")
)


def unread_count(user_id: int) -> int:
    """How many notifications a user has not read."""
    return _unread.count(user_id=user_id)


def unread_counts(user_ids: Collection[int]) -> dict[int, int]:
    """Unread notifications of several users, zeros included."""
    rows = Notification.objects.filter(user_id__in=user_ids).unread().values_list("user_id")
    return {**dict.fromkeys(user_ids, 0), **dict(rows.annotate(count=Count("pk")).order_by())}


def last_seq(user_id: int) -> int:
    """The number of a user's latest notification, 0 before the first."""
    counter = NotificationCounter.objects.filter(pk=user_id).values_list("last_seq", flat=True)
    return counter.first() or 0


def between(user_id: int, after: int, upto: int | None, *, limit: int) -> QuerySet[Any]:
    """A user's notifications with `after` < seq ≤ `upto` (no upper end for None), in order."""
    rows = Notification.objects.filter(user_id=user_id, seq__gt=after).select_related("event")
    if upto is not None:
        rows = rows.filter(seq__lte=upto)
    return rows.order_by("seq")[:limit]


def preferences(user: Any) -> dict[str, dict[str, bool]]:
    """By type and channel, every type, defaults filled in."""
    chosen = dict(NotificationPreference.objects.filter(user=user).values_list("notification_type", "in_app"))
    return {kind: {"in_app": chosen.get(kind, True)} for kind in NotificationType.values}
