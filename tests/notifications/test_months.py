"""Months of scheduled work by a clock that moves: whatever runs are missed or doubled, the end is the same.

What each rule should have told by the end is written down here, not worked out from the product's own code.
"""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from applications.choices import Stage
from applications.services.stage import application_change_stage
from applications.tasks import tell_of_unchanged_stages
from documents.choices import NoteVisibility
from documents.services.notes import note_add, note_update
from documents.tasks import remind_of_notes
from events.dispatcher import dispatch_pending
from events.models import Event
from notifications.models import Notification, NotificationCounter, OutgoingMail
from notifications.services.preferences import preferences_set
from notifications.tasks import send_digests, send_mail, send_reminders
from servicing.dates import business_date
from servicing.services.nightly import nightly
from servicing.tasks import run_nightly
from tests.factories import ApplicationFactory, ReminderFactory
from tests.servicing.kit import START, settled

pytestmark = pytest.mark.django_db

BEGIN = datetime(2025, 1, 15, 2, tzinfo=UTC)  # early afternoon in Sydney
STEP = timedelta(hours=8)
DAYS = 136  # to the end of May
TASKS = [
    run_nightly,
    remind_of_notes,
    tell_of_unchanged_stages,
    send_reminders,
    send_digests,
    send_mail,
    dispatch_pending,
]


def as_planned(chance):
    """Every task at every step, in one order."""
    return TASKS


def at_random(chance):
    """In any order, a third of the runs missed, some done twice or thrice."""
    runs = [task for task in TASKS for _ in range(chance.choice((0, 0, 1, 1, 2, 3)))]
    chance.shuffle(runs)
    return runs


class Story:
    """What people do in these months, by the day."""

    def __init__(self, world):
        self.world, self.ours, self.theirs = world, world.ours, world.theirs
        nightly(business_date())
        settled(world.admin, self.ours.application, on=START)
        bd, broker = self.theirs.bd_user, self.theirs.broker_user
        self.restless = ApplicationFactory.create(bd=self.theirs.bdm, branch=self.theirs.branch)
        self.nobodys = ApplicationFactory.create()
        self.note = note_add(
            application=self.theirs.application,
            author=bd,
            text="Call the valuer.",
            visibility=NoteVisibility.BROKER,
            assigned_to=broker,
            remind_date=business_date() + timedelta(days=20),
        )
        self.reminders = [
            ReminderFactory.create(
                created_by=bd, send_datetime=BEGIN + timedelta(days=day), subject=f"Day {day}"
            )
            for day in (3, 33, 63, 200)
        ]
        ReminderFactory.create(created_by=bd, send_datetime=BEGIN + timedelta(days=45)).delete()
        preferences_set(user=self.ours.bd_user, choices={"daily_digest": True, "weekly_digest": True})
        preferences_set(user=self.ours.client_user, choices={"repayment_overdue": {"email": False}})

    def go_on(self, day):
        """What happens on a day."""
        if day in (10, 20):
            to = {10: "sent_to_lender", 20: "funding_table_issued"}[day]
            application_change_stage(application=self.restless, to=Stage(to), actor=self.theirs.bd_user)
        if day == 30:
            application_change_stage(
                application=self.restless, to=Stage("withdrawn"), actor=self.theirs.bd_user
            )
        if day == 40:
            application_change_stage(
                application=self.theirs.application,
                to=Stage("sent_to_lender"),
                actor=self.theirs.bd_user,
            )
        if day == 50:
            self.note.refresh_from_db()
            moved = business_date() + timedelta(days=10)
            note_update(note=self.note, actor=self.theirs.bd_user, remind_date=moved)


def told(event_type, *names):
    """Of each event of a type, some of its data and who was to be told."""
    rows = Event.objects.filter(type=event_type).order_by("pk")
    return [(*(row.data[name] for name in names), set(row.recipients)) for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runs", "seed"), [(as_planned, 0), (at_random, 1), (at_random, 2)], ids=["planned", "one", "two"]
)
def test_months_of_scheduled_work(world, mailbox, runs, seed):
    chance = random.Random(seed)
    with time_machine.travel(BEGIN, tick=False) as clock:
        for side in (world.ours, world.theirs):
            side.application.stage_entered_at = BEGIN
            side.application.save()
        story = Story(world)
        for step in range(DAYS * 3):
            clock.shift(STEP)
            if step % 3 == 0:
                story.go_on(step // 3 + 1)
            for task in runs(chance):
                task()
        for _ in range(2):
            for task in TASKS:
                task()
        check_repayments(world)
        check_stages(world)
        check_notes(world)
        check_reminders(story)
        check_everything_was_delivered_once(mailbox)
        check_digests(world.ours.bd_user)


def check_repayments(world):
    """Each once: 7 days before, at 3 and 7 days late to the borrower, at 10 to the BDM."""
    borrower, bdm = {world.ours.client_user.pk}, {world.ours.bd_user.pk}
    dates = ["2025-02-15", "2025-03-15", "2025-04-15", "2025-05-15"]
    assert told("repayment.due_soon", "due_date") == [(day, borrower | bdm) for day in dates]
    late = sorted(told("repayment.overdue", "due_date", "days_late"), key=lambda row: row[:2])
    assert late == [
        (day, days, to) for day in dates for days, to in ((3, borrower), (7, borrower), (10, bdm))
    ]


def check_stages(world):
    """Once for each stay of 14 days; not for what moves, ended, is settled, or has no BDM."""
    reference, bdm = world.theirs.application.reference_number, {world.theirs.bd_user.pk}
    assert told("application.stage_unchanged", "reference", "stage") == [
        (reference, "inquiry", bdm),
        (reference, "sent_to_lender", bdm),
    ]


def check_notes(world):
    """Once for each date that was set."""
    people = {world.theirs.bd_user.pk, world.theirs.broker_user.pk}
    assert told("note.reminder_due", "remind_date") == [("2025-02-04", people), ("2025-03-15", people)]


def check_reminders(story):
    """Each that was due went once."""
    assert told("reminder.sent", "label") == [(f"Day {day}", set()) for day in (3, 33, 63)]
    for reminder in story.reminders:
        reminder.refresh_from_db()
    assert [one.status for one in story.reminders] == ["sent", "sent", "sent", "scheduled"]


def check_everything_was_delivered_once(mailbox):
    """A notification for each event and recipient, and one mail for each that wants it."""
    asked = Counter()
    for event in Event.objects.filter(type__startswith="repayment."):
        asked.update((event.pk, user) for user in event.recipients)
    rows = Notification.objects.filter(event__type__startswith="repayment.")
    assert Counter(rows.values_list("event", "user")) == asked
    sent = OutgoingMail.objects.filter(status="sent")
    assert OutgoingMail.objects.exclude(status="sent").count() == 0
    assert Counter(mail.extra_headers["Message-ID"] for mail in mailbox) == Counter(
        one.message_id for one in sent
    )
    overdue = sent.filter(event__type="repayment.overdue")
    assert overdue.count() == 4, "the borrower turned these off, the BDM did not"
    assert sent.filter(event__type="repayment.due_soon").count() == 8


def check_digests(user):
    """Every number is in one daily and in one weekly digest; a day has one at most."""
    last = NotificationCounter.objects.get(user=user).last_seq
    assert last > 8
    for kind in ("daily_digest", "weekly_digest"):
        rows = OutgoingMail.objects.filter(user=user, kind=kind).order_by("pk")
        covered = [seq for row in rows for seq in range(row.after_seq + 1, row.upto_seq + 1)]
        assert covered == list(range(1, covered[-1] + 1))
        days = [row.digest_day for row in rows]
        assert days == sorted(set(days))
        waiting = Notification.objects.filter(user=user, seq__gt=covered[-1])
        # Only what came since the last hour of a digest waits for the next.
        since = rows.last().created_at
        assert all(row.created_at >= since for row in waiting)
