"""The mail log: what became of each mail, for administrators; never what it said."""

from datetime import UTC, datetime

import pytest

from notifications import mail
from notifications.models import OutgoingMail
from notifications.tasks import send_reminders
from tests.factories import OutgoingMailFactory, ReminderFactory
from tests.notifications.smtp import post_office

pytestmark = pytest.mark.django_db

LOG = "/api/users/mail-log/"


def test_it_says_what_became_of_a_mail(world, admin):
    reminder = ReminderFactory.create(
        created_by=world.ours.bd_user, send_datetime=datetime(2020, 1, 1, tzinfo=UTC), body="Secret words."
    )
    with post_office() as post:
        post.answers["olga@example.org"] = "451 Try again later"
        assert send_reminders() == 1
        owed = OutgoingMail.objects.get()
        shown = admin.get(f"{LOG}{owed.pk}/").json()
        assert (shown["status"], shown["attempts"], shown["error"]) == ("pending", 1, "451 Try again later")
        post.answers.clear()
        OutgoingMail.objects.update(retry_at=None)
        assert mail.mails_send_due() == 1
    owed.refresh_from_db()
    reply = admin.get(f"{LOG}{owed.pk}/")
    assert reply.status_code == 200
    assert reply.json() == {
        "id": owed.pk,
        "kind": "reminder",
        "kind_display": "Reminder",
        "status": "sent",
        "status_display": "Sent",
        "user": None,
        "address": "olga@example.org",
        "subject": "Payslips",
        "event_type": None,
        "reminder": reminder.pk,
        "message_id": post.taken["olga@example.org"][0]["Message-ID"],
        "attempts": 1,
        "error": "",
        "retry_at": None,
        "sent_at": reply.json()["sent_at"],
        "created_at": reply.json()["created_at"],
    }
    assert reply.json()["sent_at"] is not None
    assert b"Secret words" not in reply.content


def test_it_is_filtered_and_ordered(world, admin):
    first = OutgoingMailFactory.create(user=world.ours.client_user, address="olga@example.org")
    second = OutgoingMailFactory.create(user=world.admin, status="failed", kind="weekly_digest")
    OutgoingMail.objects.filter(pk=first.pk).update(created_at=datetime(2021, 2, 1, 12, tzinfo=UTC))
    for query, rows in (
        ("", [second, first]),
        ("ordering=created_at", [first, second]),
        ("status=failed", [second]),
        ("status=lost", []),
        ("kind=weekly_digest", [second]),
        ("address=olga@example.org", [first]),
        (f"user={world.admin.pk}", [second]),
        ("date_to=2021-02-01", [first]),
        ("date_from=2021-02-02", [second]),
    ):
        reply = admin.get(f"{LOG}?{query}")
        assert reply.status_code == 200
        assert [row["id"] for row in reply.json()["results"]] == [row.pk for row in rows], query
