"""What people want to be told, and how."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from notifications.choices import Cadence
from notifications.models import DigestSubscription, NotificationPreference
from notifications.selectors import last_seq
from notifications.services.digests import due_day
from notifications.unsubscribing import Stop, UnknownLink
from users.models import User


@transaction.atomic
def preferences_set(*, user: Any, choices: Mapping[str, Any]) -> None:
    """Keep the given choices; types, channels and digests that are left out stay as they are."""
    by_channels: dict[tuple[str, ...], list[NotificationPreference]] = defaultdict(list)
    for kind, channels in choices.items():
        if kind in Cadence.values:
            _set_digest(user, Cadence(kind), is_wanted=channels)
        elif channels:
            row = NotificationPreference(user=user, notification_type=kind, **channels)
            by_channels[tuple(sorted(channels))].append(row)
    for names, rows in by_channels.items():
        NotificationPreference.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["user", "notification_type"],
            update_fields=names,
        )


def _set_digest(user: Any, cadence: Cadence, *, is_wanted: bool) -> None:
    """Begin with what happens from now on, or end."""
    if not is_wanted:
        DigestSubscription.objects.filter(user=user, cadence=cadence).delete()
        return
    begun = DigestSubscription(
        user=user, cadence=cadence, told_on=due_day(cadence, user.timezone), told_seq=last_seq(user.pk)
    )
    DigestSubscription.objects.bulk_create([begun], ignore_conflicts=True)


def stop_mail(stop: Stop) -> None:
    """Do what an unsubscribe link says; again does nothing more.

    Raises:
        UnknownLink: the account is gone.
    """
    user = User.objects.get_queryset().filter(pk=stop.user_id).first()
    if user is None:
        raise UnknownLink()
    wanted: Any = False if stop.what in Cadence.values else {"email": False}
    preferences_set(user=user, choices={stop.what: wanted})
