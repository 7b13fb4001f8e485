"""Digests: daily at 06:00 and weekly on Monday at 07:00, by each user's own clock.

A digest is of a local day, and a user gets one for a day at most. What it tells of is found by number, not by
time: everything since the last number that was told of, so nothing falls between two digests, and what a
missed hour or week left is in the next one. Daylight saving moves the hour in UTC, not the day.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from notifications.choices import Cadence
from notifications.models import DigestSubscription, Notification, NotificationCounter, OutgoingMail
from users.choices import AccountStatus

AT_ONCE = 200
# When it comes; None for any day of the week, 0 for Monday.
TIMES: dict[Cadence, tuple[int | None, time]] = {
    Cadence.DAILY: (None, time(6)),
    Cadence.WEEKLY: (0, time(7)),
}


def due_day(cadence: Cadence, zone: str, now: datetime | None = None) -> date:
    """The latest local day whose digest was due: today from its hour on, else the one before."""
    weekday, hour = TIMES[cadence]
    local = (now or timezone.now()).astimezone(ZoneInfo(zone))
    day = local.date()
    if weekday is not None:
        day -= timedelta(days=(day.weekday() - weekday) % 7)
    if day == local.date() and local.time() < hour:
        day -= timedelta(days=1 if weekday is None else 7)
    return day


def digests_make(now: datetime | None = None) -> int:
    """Owe a digest to everybody whose hour has come and who has something to read; how many.

    Args:
        now: UTC; the present when left out.
    """
    made = 0
    for cadence in Cadence:
        wanted = DigestSubscription.objects.filter(cadence=cadence, user__status=AccountStatus.ACTIVE)
        for zone in wanted.order_by().values_list("user__timezone", flat=True).distinct():
            day = due_day(cadence, zone, now)
            due = wanted.filter(user__timezone=zone, told_on__lt=day)
            while (done := _make_some(due, cadence, day)) is not None:
                made += done
    return made


@transaction.atomic
def _make_some(due: QuerySet[DigestSubscription], cadence: Cadence, day: date) -> int | None:
    """Make some digests of a day; None when there are no more to be made."""
    chosen = due.order_by("pk").select_for_update(skip_locked=True, of=("self",))
    rows = list(chosen[:AT_ONCE])
    if not rows:
        return None
    users = [row.user_id for row in rows]
    last = dict(NotificationCounter.objects.filter(pk__in=users).values_list("pk", "last_seq"))
    mails = []
    for row in rows:
        upto = last.get(row.user_id, 0)
        # Deleted ones have numbers too: an empty digest is not sent.
        if upto > row.told_seq and _has_some(row, upto):
            mails.append(
                OutgoingMail(
                    kind=cadence.value,
                    user_id=row.user_id,
                    digest_day=day,
                    after_seq=row.told_seq,
                    upto_seq=upto,
                )
            )
        row.told_on, row.told_seq = day, upto
    OutgoingMail.objects.bulk_create(mails, ignore_conflicts=True)
    DigestSubscription.objects.bulk_update(rows, ["told_on", "told_seq"])
    return len(mails)


def _has_some(row: DigestSubscription, upto: int) -> bool:
    told = Notification.objects.filter(user=row.user_id, seq__gt=row.told_seq, seq__lte=upto)
    return told.exists()
