"""Reading notifications, preferences, and whom one may write to."""

from collections.abc import Collection
from typing import Any

from django.db.models import Count, QuerySet

from crm_backend.common.read_engine.statements import Kept
from notifications.choices import ALWAYS_ON, MAILED, Cadence, NotificationType, RecipientType
from notifications.models import (
    DigestSubscription,
    Notification,
    NotificationCounter,
    NotificationPreference,
)
from users.models import User

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


def preferences(user: Any) -> dict[str, Any]:
    """By type and channel, every type, defaults filled in; and which digests are wanted."""
    chosen = {row.notification_type: row for row in NotificationPreference.objects.filter(user=user)}
    digests = set(DigestSubscription.objects.filter(user=user).values_list("cadence", flat=True))
    channels = {kind: _channels(kind, chosen.get(kind)) for kind in NotificationType.values}
    return {**channels, **{cadence: cadence in digests for cadence in Cadence.values}}


def _channels(kind: str, row: NotificationPreference | None) -> dict[str, bool]:
    if kind in ALWAYS_ON:
        return {"in_app": True, "email": True}
    return {
        "in_app": row.in_app if row else True,
        "email": kind in MAILED if row is None or row.email is None else row.email,
    }


def is_subscribed(user_id: int, what: str) -> bool:
    """Whether a user gets a digest, or a type of notification by mail."""
    if what in Cadence.values:
        return DigestSubscription.objects.filter(user=user_id, cadence=what).exists()
    return wants_mail(user_id, what)


def wants_mail(user_id: int, kind: str) -> bool:
    """Whether a user is told of a type by mail."""
    return (user_id, kind) in mail_readers([user_id], {kind})


def mail_readers(user_ids: Collection[int], kinds: Collection[str]) -> set[tuple[int, str]]:
    """Of these users and types, the pairs that mail goes to."""
    rows = (
        NotificationPreference.objects.filter(user__in=user_ids, email__isnull=False)
        .exclude(notification_type__in=ALWAYS_ON)
        .values_list("user_id", "notification_type", "email")
    )
    chosen = {(user_id, kind): wanted for user_id, kind, wanted in rows}
    return {
        (user_id, kind)
        for user_id in user_ids
        for kind in kinds
        if chosen.get((user_id, kind), kind in MAILED)
    }


def addresses(user: Any, recipient_type: str) -> QuerySet[Any]:
    """The e-mail addresses of those of a kind whom a user sees.

    Borrowers, BDMs and brokers belong to apps above this one; only their relations to users are known here.
    """
    relation, column = ADDRESSES[RecipientType(recipient_type)]
    model: Any = User._meta.get_field(relation).related_model
    profiles = model._default_manager
    return profiles.visible_to(user).order_by().values_list(column, flat=True)


# By recipient type: the relation from a user to such a profile, and the profile's address.
ADDRESSES = {
    RecipientType.CLIENT: ("borrowers", "email"),
    RecipientType.BDM: ("bdm", "user__email"),
    RecipientType.BROKER: ("broker", "email"),
}
