"""Digests: by each user's clock, one for a day at most, of everything since the last one."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import IntegrityError, transaction

from notifications import mail
from notifications.choices import Cadence
from notifications.models import DigestSubscription, Notification, NotificationCounter, OutgoingMail
from notifications.services.digests import digests_make, due_day
from notifications.services.preferences import preferences_set
from tests.factories import UserFactory
from tests.integration.addresses import event_of

pytestmark = pytest.mark.django_db

SYDNEY = ZoneInfo("Australia/Sydney")
DAILY, WEEKLY = Cadence.DAILY, Cadence.WEEKLY


def at(*when, zone=SYDNEY):
    return time_machine.travel(datetime(*when, tzinfo=zone), tick=False)


def tell(user, count=1):
    """Notifications, numbered as the dispatcher does."""
    counter, _ = NotificationCounter.objects.get_or_create(user=user)
    for _ in range(count):
        counter.last_seq += 1
        event = event_of(user)
        Notification.objects.create(
            user=user,
            seq=counter.last_seq,
            event=event,
            notification_type="message",
            title=f"Number {counter.last_seq}",
            body="<b>Hello</b>",
            subject_type=event.subject_type,
            subject_id=event.subject_id,
            created_at=event.occurred_at,
        )
    counter.save()


def wanting(*cadences, **fields):
    user = UserFactory.create(**fields)
    preferences_set(user=user, choices={cadence.value: True for cadence in cadences})
    return user


@pytest.mark.parametrize(
    ("cadence", "zone", "now", "day"),
    [
        (DAILY, "Australia/Sydney", "2026-03-04T18:59Z", "2026-03-04"),  # 05:59 on the 5th
        (DAILY, "Australia/Sydney", "2026-03-04T19:00Z", "2026-03-05"),
        (DAILY, "Australia/Perth", "2026-03-04T19:00Z", "2026-03-04"),
        (DAILY, "Australia/Perth", "2026-03-04T22:00Z", "2026-03-05"),
        # Daylight saving ends on 5 April 2026 in Sydney, and begins on 4 October.
        (DAILY, "Australia/Sydney", "2026-04-04T19:59Z", "2026-04-04"),
        (DAILY, "Australia/Sydney", "2026-04-04T20:00Z", "2026-04-05"),
        (DAILY, "Australia/Sydney", "2026-10-03T18:59Z", "2026-10-03"),
        (DAILY, "Australia/Sydney", "2026-10-03T19:00Z", "2026-10-04"),
        (WEEKLY, "Australia/Sydney", "2026-03-01T19:59Z", "2026-02-23"),  # Monday, 06:59
        (WEEKLY, "Australia/Sydney", "2026-03-01T20:00Z", "2026-03-02"),
        (WEEKLY, "Australia/Sydney", "2026-03-08T19:59Z", "2026-03-02"),
        (WEEKLY, "America/New_York", "2026-03-09T11:00Z", "2026-03-09"),  # the day after theirs began
        (WEEKLY, "America/New_York", "2026-03-09T10:59Z", "2026-03-02"),
    ],
)
def test_a_digest_is_due_by_the_local_hour(cadence, zone, now, day):
    assert due_day(cadence, zone, datetime.fromisoformat(now)) == date.fromisoformat(day)


def test_it_tells_of_what_came_since_and_comes_once(mailbox):
    with at(2026, 3, 4, 12):
        user = UserFactory.create()
        tell(user)
        preferences_set(user=user, choices={"daily_digest": True})
        tell(user, 2)
    with at(2026, 3, 5, 5, 59):
        assert digests_make() == 0
    with at(2026, 3, 5, 6):
        assert digests_make() == 1
        assert digests_make() == 0
        assert mail.mails_send_due() == 1
    (message,) = mailbox
    assert (message.subject, message.to) == ("Daily digest: 2 notifications", [user.email])
    assert "Number 2" in message.body
    assert "Number 3" in message.body
    assert "Number 1" not in message.body
    assert "&lt;b&gt;Hello&lt;/b&gt;" in message.alternatives[0][0]
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    with at(2026, 3, 6, 6):
        assert digests_make() == 0  # nothing came
    with at(2026, 3, 6, 7):
        tell(user)
        assert digests_make() == 0  # of the 7th
    with at(2026, 3, 7, 9):
        assert digests_make() == 1  # an hour that was missed


def test_days_that_were_missed_are_in_one_digest(mailbox):
    with at(2026, 3, 4, 12):
        user = wanting(DAILY, WEEKLY)
        tell(user)
    with at(2026, 3, 20, 13):
        tell(user)
        assert digests_make() == 2
        assert mail.mails_send_due() == 2
    assert sorted(message.subject for message in mailbox) == [
        "Daily digest: 2 notifications",
        "Weekly digest: 2 notifications",
    ]
    assert list(DigestSubscription.objects.order_by("cadence").values_list("told_on", flat=True)) == [
        date(2026, 3, 20),
        date(2026, 3, 16),
    ]


def test_each_user_is_told_by_their_own_clock():
    with at(2026, 3, 4, 12):
        east, west = wanting(DAILY), wanting(DAILY, timezone="Australia/Perth")
        for user in (east, west):
            tell(user)
    with at(2026, 3, 5, 6):
        digests_make()
    assert list(OutgoingMail.objects.values_list("user", flat=True)) == [east.pk]
    with at(2026, 3, 5, 6, zone=ZoneInfo("Australia/Perth")):
        digests_make()
    assert list(OutgoingMail.objects.order_by("pk").values_list("user", flat=True)) == [east.pk, west.pk]


def test_who_moves_west_is_not_told_twice_of_a_day():
    with at(2026, 3, 4, 12):
        user = wanting(DAILY)
        tell(user)
    with at(2026, 3, 5, 6):
        assert digests_make() == 1
        user.timezone = "Pacific/Honolulu"
        user.save()
        tell(user)
        assert digests_make() == 0
    with at(2026, 3, 5, 6, zone=ZoneInfo("Pacific/Honolulu")):
        assert digests_make() == 0
    with at(2026, 3, 6, 6, zone=ZoneInfo("Pacific/Honolulu")):
        assert digests_make() == 1


def test_what_was_deleted_or_turned_off_meanwhile_is_not_sent(mailbox):
    with at(2026, 3, 4, 12):
        empty, stopped, left = wanting(DAILY), wanting(DAILY), wanting(DAILY)
        for user in (empty, stopped, left):
            tell(user)
    with at(2026, 3, 5, 6):
        assert digests_make() == 3
    Notification.objects.filter(user=empty).delete()
    preferences_set(user=stopped, choices={"daily_digest": False})
    left.status = "suspended"
    left.save()
    assert mail.mails_send_due() == 0
    assert set(OutgoingMail.objects.values_list("status", flat=True)) == {"dropped"}
    with at(2026, 3, 6, 6):
        tell(left)
        assert digests_make() == 0


def test_the_database_keeps_one_digest_for_a_day():
    user = UserFactory.create()
    day = {
        "user": user,
        "kind": "daily_digest",
        "digest_day": date(2026, 3, 5),
        "after_seq": 0,
        "upto_seq": 1,
    }
    OutgoingMail.objects.create(**day)
    with pytest.raises(IntegrityError, match="mail_once_per_digest"), transaction.atomic():
        OutgoingMail.objects.create(**day)


def test_a_year_of_missed_and_doubled_runs_tells_everything_once(mailbox):
    """Whatever hours are missed, no notification is in two digests, and none is in none."""
    chance = random.Random(7)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with time_machine.travel(now, tick=False) as clock:
        users = [wanting(DAILY, timezone=zone) for zone in ("Australia/Sydney", "Australia/Perth")]
        for _ in range(365 * 4):
            clock.shift(timedelta(hours=6))
            for user in users:
                if chance.random() < 0.2:
                    tell(user)
            for _ in range(chance.choice((0, 1, 1, 2))):
                digests_make()
        clock.shift(timedelta(days=1))
        digests_make()
    for user in users:
        covered = []
        days = []
        for owed in OutgoingMail.objects.filter(user=user).order_by("pk"):
            covered += range(owed.after_seq + 1, owed.upto_seq + 1)
            days.append(owed.digest_day)
        assert covered == list(range(1, NotificationCounter.objects.get(user=user).last_seq + 1))
        assert len(covered) > 200
        assert days == sorted(set(days))
