"""Reminders: mails that are written for later, sent once, to whom one sees."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from events.models import Event
from notifications import mail
from notifications.models import Notification, OutgoingMail, Reminder
from notifications.tasks import send_reminders
from tests.factories import BdmFactory, ReminderFactory, UserFactory
from tests.notifications.smtp import post_office
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

REMINDERS = "/api/reminders/"
WHEN = datetime(2030, 1, 1, 9, tzinfo=UTC)


def body(to="custom", email="olga@example.org", **fields):
    return {
        "recipient_type": to,
        "recipient_email": email,
        "subject": "Payslips",
        "body": "Please send your last two payslips.",
        "send_datetime": "2030-01-01T09:00:00Z",
        **fields,
    }


@pytest.fixture
def bd(world, api):
    return api(world.ours.bd_user)


def added(client, **fields):
    reply = client.post(REMINDERS, body(**fields))
    assert reply.status_code == 201, reply.content
    return reply.json()


def refusal(client, **fields):
    with nothing_written():
        reply = client.post(REMINDERS, body(**fields))
    assert reply.status_code == 400
    return reply.json()["errors"]


def test_a_reminder_is_written_for_later_and_goes_once(world, bd, mailbox):
    shown = added(bd, to="client", email=world.ours.borrower.email.upper())
    assert shown == {
        "id": Reminder.objects.get().pk,
        "recipient_type": "client",
        "recipient_type_display": "Client",
        "recipient_email": world.ours.borrower.email.upper(),
        "subject": "Payslips",
        "body": "Please send your last two payslips.",
        "send_datetime": "2030-01-01T09:00:00Z",
        "send_as": None,
        "reply_to": "",
        "status": "scheduled",
        "status_display": "Scheduled",
        "sent_at": None,
        "error": "",
        "created_by": {"id": world.ours.bd_user.pk, "name": world.ours.bd_user.full_name},
        "created_at": shown["created_at"],
        "updated_at": shown["updated_at"],
    }
    with time_machine.travel(WHEN - timedelta(seconds=1), tick=False):
        assert send_reminders() == 0
    with time_machine.travel(WHEN, tick=False):
        assert send_reminders() == 1
        assert send_reminders() == 0
    (message,) = mailbox
    name = world.ours.bd_user.full_name
    assert message.from_email == f'"{name} (Your Lender Pty Ltd)" <no-reply@localhost>'
    assert (message.to, message.reply_to) == ([shown["recipient_email"]], [world.ours.bd_user.email])
    assert (message.subject, message.body.splitlines()[0]) == (shown["subject"], shown["body"])
    row = Reminder.objects.get()
    assert (row.status, row.sent_at) == ("sent", WHEN)
    assert OutgoingMail.objects.get().status == "sent"
    assert Event.objects.filter(type="reminder.sent").count() == 1


def test_one_whose_moment_has_passed_goes_at_once(bd, mailbox):
    added(bd, send_datetime="2020-01-01T00:00:00Z")
    assert send_reminders() == 1
    assert len(mailbox) == 1


@pytest.mark.parametrize(("to", "side"), [("client", "borrower"), ("broker", "broker")])
def test_the_address_is_of_such_a_person_whom_one_sees(world, api, bd, to, side):
    for client in (bd, api(world.ours.broker_user)):
        added(client, to=to, email=getattr(world.ours, side).email)
        seen = refusal(client, to=to, email=getattr(world.theirs, side).email)
        assert seen == {"recipient_email": [f"You see no {to} with this address."]}
    added(api(world.admin), to=to, email=getattr(world.theirs, side).email)


def test_a_broker_chooses_among_all_bdms_and_a_bdm_has_but_oneself(world, api, bd):
    added(api(world.ours.broker_user), to="bdm", email=world.theirs.bd_user.email)
    added(bd, to="bdm", email=world.ours.bd_user.email)
    assert refusal(bd, to="bdm", email=world.theirs.bd_user.email) == {
        "recipient_email": ["You see no BDM with this address."]
    }


def test_only_staff_write_to_any_address(world, api, bd):
    added(bd)
    added(api(world.admin))
    broker = api(world.ours.broker_user)
    refused = {"recipient_type": ["Only the lender's staff write to any address."]}
    assert refusal(broker) == refused
    own = added(broker, to="broker", email=world.ours.broker.email)
    with nothing_written():
        reply = broker.patch(f"{REMINDERS}{own['id']}/", {"recipient_type": "custom"})
    assert (reply.status_code, reply.json()["errors"]) == (400, refused)


def test_a_name_is_lent_within_the_team_only(world, api, bd, mailbox):
    shown = added(bd, send_as=world.ours.broker_user.pk, send_datetime="2020-01-01T00:00:00Z")
    assert shown["send_as"] == {
        "id": world.ours.broker_user.pk,
        "name": world.ours.broker_user.full_name,
    }
    assert send_reminders() == 1
    assert mailbox[0].reply_to == [world.ours.broker_user.email]
    assert mailbox[0].from_email.startswith(f'"{world.ours.broker_user.full_name} (')
    for client, user in (
        (bd, world.theirs.bd_user),
        (api(world.admin), world.ours.client_user),
        (api(world.admin), UserFactory.create(role="broker", status="suspended")),
    ):
        assert refusal(client, send_as=user.pk) == {
            "send_as": [f'Invalid pk "{user.pk}" - object does not exist.']
        }
    broker, me = api(world.ours.broker_user), {"to": "broker", "email": world.ours.broker.email}
    added(broker, **me, send_as=world.ours.broker_user.pk)
    assert set(refusal(broker, **me, send_as=world.ours.bd_user.pk)) == {"send_as"}


def test_answers_go_within_the_team_only(world, api, bd, mailbox):
    added(bd, reply_to=world.ours.broker_user.email, send_datetime="2020-01-01T00:00:00Z")
    assert send_reminders() == 1
    assert mailbox[0].reply_to == [world.ours.broker_user.email]
    added(bd, reply_to=world.ours.bd_user.email)
    added(api(world.admin), reply_to="loans@example.org")
    for address in ("loans@example.org", world.theirs.bd_user.email):
        assert refusal(bd, reply_to=address) == {
            "reply_to": ["Answers go to yourself or somebody of your team."]
        }


def test_a_subject_in_lines_makes_no_header(bd, mailbox):
    added(bd, subject="Hello\nBcc: all@example.org", send_datetime="2020-01-01T00:00:00Z")
    assert send_reminders() == 1
    assert mailbox[0].subject == "Hello Bcc: all@example.org"
    assert mailbox[0].recipients() == ["olga@example.org"]


def test_one_that_is_to_come_is_edited_and_deleted(bd):
    pk = added(bd)["id"]
    reply = bd.patch(f"{REMINDERS}{pk}/", {"subject": "Payslips, please"})
    assert (reply.status_code, reply.json()["subject"]) == (200, "Payslips, please")
    reply = bd.put(f"{REMINDERS}{pk}/", body(send_datetime="2031-01-01T00:00:00Z"))
    assert (reply.status_code, reply.json()["send_datetime"]) == (200, "2031-01-01T00:00:00Z")
    assert bd.delete(f"{REMINDERS}{pk}/").status_code == 204
    with time_machine.travel(datetime(2031, 1, 2, tzinfo=UTC), tick=False):
        assert send_reminders() == 0


def test_one_that_is_past_is_not_edited_and_on_its_way_not_deleted(world, bd):
    for status in ("sending", "sent", "failed"):
        sent_at = timezone.now() if status == "sent" else None
        row = ReminderFactory.create(created_by=world.ours.bd_user, status=status, sent_at=sent_at)
        with nothing_written():
            reply = bd.patch(f"{REMINDERS}{row.pk}/", {"subject": "Other"})
        assert (reply.status_code, reply.json()["code"]) == (409, "reminder_over")
        if status == "sending":
            with nothing_written():
                assert bd.delete(f"{REMINDERS}{row.pk}/").status_code == 409
        else:
            assert bd.delete(f"{REMINDERS}{row.pk}/").status_code == 204


def test_deleting_one_that_was_sent_keeps_the_log(bd, mailbox):
    pk = added(bd, send_datetime="2020-01-01T00:00:00Z")["id"]
    assert send_reminders() == 1
    assert bd.delete(f"{REMINDERS}{pk}/").status_code == 204
    owed = OutgoingMail.objects.get()
    assert (owed.reminder, owed.status, owed.address) == (None, "sent", "olga@example.org")


def test_what_goes_wrong_is_recorded_and_its_writer_told(world, bd, dispatch):
    pk = added(bd, send_datetime="2020-01-01T00:00:00Z")["id"]
    with post_office() as post:
        post.answers["olga@example.org"] = "451 Try again later"
        assert send_reminders() == 1
        shown = bd.get(f"{REMINDERS}{pk}/").json()
        assert (shown["status"], shown["error"]) == ("sending", "451 Try again later")
        post.answers["olga@example.org"] = "550 No such person here"
        OutgoingMail.objects.update(retry_at=None)
        assert mail.mails_send_due() == 0
    shown = bd.get(f"{REMINDERS}{pk}/").json()
    assert (shown["status"], shown["error"]) == ("failed", "550 No such person here")
    dispatch()
    told = Notification.objects.get(user=world.ours.bd_user)
    assert told.body == (
        "Your reminder “Payslips” to olga@example.org could not be sent: 550 No such person here"
    )


def test_one_of_a_writer_who_left_does_not_go(world, bd, mailbox):
    added(bd, send_datetime="2020-01-01T00:00:00Z")
    world.ours.bd_user.status = "suspended"
    world.ours.bd_user.save()
    assert send_reminders() == 1
    assert mailbox == []
    row = Reminder.objects.get()
    assert (row.status, row.error) == ("failed", "The account of who wrote it is not active any more.")


def test_reminders_are_filtered_and_ordered(world, bd):
    me = world.ours.bd_user
    first = ReminderFactory.create(created_by=me, send_datetime=datetime(2030, 2, 1, 12, tzinfo=UTC))
    second = ReminderFactory.create(
        created_by=me,
        send_datetime=datetime(2030, 2, 2, tzinfo=UTC),
        recipient_type="broker",
        status="failed",
    )
    ReminderFactory.create(created_by=BdmFactory.create().user)
    for query, rows in (
        ("", [second, first]),
        ("ordering=send_datetime", [first, second]),
        ("ordering=created_at", [first, second]),
        ("status=failed", [second]),
        ("status=lost", []),
        ("recipient_type=custom", [first]),
        ("date_to=2030-02-01", [first]),
        ("date_from=2030-02-02", [second]),
    ):
        reply = bd.get(f"{REMINDERS}?{query}")
        assert reply.status_code == 200
        assert [row["id"] for row in reply.json()["results"]] == [row.pk for row in rows], query
    assert "body" not in reply.json()["results"][0]
