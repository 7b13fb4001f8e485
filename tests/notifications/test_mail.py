"""Mail: each goes once, is retried, and none holds up the others."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import signing
from django.db import IntegrityError, transaction
from django.utils import timezone

from events.models import Event
from events.services import emit
from notifications import mail
from notifications.choices import AlertStatus, MailKind, MailStatus
from notifications.models import Alert, Notification, NotificationPreference, OutgoingMail
from notifications.projections import owe_mails
from servicing.events import RepaymentOverdue
from tests.factories import UserFactory
from tests.notifications.smtp import free_port, mail_to, post_office
from tests.threads import together

pytestmark = pytest.mark.django_db


@pytest.fixture
def owed():
    def make(user):
        event = Event.objects.create(
            type="user.approved", subject_type="user", subject_id=user.pk, occurred_at=timezone.now()
        )
        return OutgoingMail.objects.create(event=event, user=user, kind=MailKind.ACCOUNT_APPROVED)

    return make


@pytest.fixture
def late(dispatch):
    """Have users told of a repayment that is late, and do the dispatcher's part."""

    def tell(*users, reference="APP-7K2M9QX4"):
        payload = RepaymentOverdue(
            reference=reference,
            repayment_id=1,
            outstanding="100.00",
            due_date="2026-01-15",
            days_late=3,
        )
        with transaction.atomic():
            event = emit(payload, actor=None, subject=users[0], recipients=users)
        dispatch()
        return event

    return tell


def states():
    return dict(OutgoingMail.objects.order_by("pk").values_list("user__email", "status"))


@pytest.mark.parametrize("error", [OSError("refused"), ValueError("no such address")])
def test_a_mail_that_cannot_go_is_postponed_and_the_next_one_goes(owed, mailbox, monkeypatch, error):
    bad, good = owed(UserFactory.create()), owed(UserFactory.create())
    send = mail._send

    def sometimes(owing):
        if owing.pk == bad.pk:
            raise error
        send(owing)

    monkeypatch.setattr(mail, "_send", sometimes)
    assert mail.mails_send_due() == 1
    bad.refresh_from_db()
    assert (bad.status, bad.attempts) == (MailStatus.PENDING, 1)
    assert bad.retry_at > timezone.now()
    assert bad.error == f"{type(error).__name__}: {error}"
    assert [message.to for message in mailbox] == [[good.user.email]]


def test_a_postponed_mail_goes_when_its_time_has_come(owed, mailbox):
    late = owed(UserFactory.create())
    OutgoingMail.objects.filter(pk=late.pk).update(attempts=1, retry_at=timezone.now())
    assert mail.mails_send_due() == 1
    assert mail.mails_send_due() == 0
    assert len(mailbox) == 1


def test_a_mail_that_never_goes_is_given_up_after_a_day_and_raises_one_alert(owed, monkeypatch):
    def refuse(owing):
        raise OSError

    monkeypatch.setattr(mail, "_send", refuse)
    first, second = owed(UserFactory.create()), owed(UserFactory.create())
    begun = datetime(2026, 3, 2, tzinfo=UTC)
    with time_machine.travel(begun, tick=False) as clock:
        for _ in range(mail.MAX_ATTEMPTS):
            assert mail.mails_send_due() == 0
            waiting = OutgoingMail.objects.exclude(retry_at=None).order_by("-retry_at").first()
            if waiting:
                clock.move_to(waiting.retry_at)
        assert timedelta(hours=16) < timezone.now() - begun < timedelta(hours=30)
    for owing in (first, second):
        owing.refresh_from_db()
        assert (owing.status, owing.attempts) == (MailStatus.FAILED, mail.MAX_ATTEMPTS)
    alert = Alert.objects.get()
    assert (alert.source, alert.key, alert.priority, alert.occurrences) == ("mail", "mail", "high", 2)
    assert Event.objects.filter(type="alert.raised").count() == 1


# --- of notifications ----------------------------------------------------------------------------


def test_who_wants_mail_gets_one_with_text_html_and_a_way_to_stop(late, mailbox):
    user = UserFactory.create(first_name="Ana <b>")
    late(user, reference="APP-<i>&")
    assert mail.mails_send_due() == 1
    (message,) = mailbox
    assert message.to == [user.email]
    assert message.subject == "Repayment on APP-<i>& is 3 days late"
    assert "100.00 AUD of the repayment of 2026-01-15 for APP-<i>& are unpaid." in message.body
    assert "Hello Ana <b>," in message.body
    html, kind = message.alternatives[0]
    assert kind == "text/html"
    assert "for APP-&lt;i&gt;&amp; are unpaid." in html
    assert "Ana &lt;b&gt;" in html
    assert "<i>" not in html
    headers = message.extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.fullmatch(r"<(http://localhost:8000/api/users/unsubscribe/\?token=[\w:-]+)>",
                        headers["List-Unsubscribe"])  # fmt: skip
    assert link is not None
    token = link[1].rpartition("=")[2]
    assert f"http://localhost:3000/unsubscribe?token={token}" in message.body
    owed = OutgoingMail.objects.get()
    assert headers["Message-ID"] == owed.message_id
    assert (owed.status, owed.address, owed.subject) == ("sent", user.email, message.subject)


def test_mail_follows_the_preferences_and_what_is_off_is_in_the_app_still(late, mailbox):
    told, untold, asleep = UserFactory.create(), UserFactory.create(), UserFactory.create(status="suspended")
    NotificationPreference.objects.create(user=untold, notification_type="repayment_overdue", email=False)
    late(told, untold, asleep)
    assert mail.mails_send_due() == 1
    assert [message.to for message in mailbox] == [[told.email]]
    assert set(Notification.objects.values_list("user", flat=True)) == {told.pk, untold.pk}


def test_a_choice_for_the_app_alone_leaves_mail_as_it_is_by_default(late, mailbox):
    user = UserFactory.create()
    NotificationPreference.objects.create(user=user, notification_type="repayment_overdue", in_app=False)
    late(user)
    assert mail.mails_send_due() == 1
    assert not Notification.objects.exists()


def test_what_is_turned_off_before_it_is_sent_is_dropped(late, mailbox):
    turned_off, left = UserFactory.create(), UserFactory.create()
    late(turned_off, left)
    NotificationPreference.objects.create(user=turned_off, notification_type="repayment_overdue", email=False)
    left.status = "suspended"
    left.save()
    assert mail.mails_send_due() == 0
    assert mailbox == []
    assert states() == {turned_off.email: "dropped", left.email: "dropped"}


def test_system_mail_is_always_on_and_has_no_way_to_stop(world, api, dispatch, mailbox):
    NotificationPreference.objects.create(user=world.admin, notification_type="system", email=False)
    body = {"email": "nia@example.com", "first_name": "Nia", "last_name": "Novak", "role": "broker",
            "password": "correct horse battery staple"}  # fmt: skip
    assert api().post("/api/users/auth/register/", body).status_code == 201
    dispatch()
    assert mail.mails_send_due() == 1
    assert (mailbox[0].to, mailbox[0].subject) == ([world.admin.email], "New registration: Nia Novak")
    assert "List-Unsubscribe" not in mailbox[0].extra_headers


def test_an_event_projected_twice_owes_one_mail(late, mailbox):
    user = UserFactory.create()
    event = late(user)
    owe_mails([event])
    owe_mails([event, event])
    assert mail.mails_send_due() == 1
    owe_mails([event])
    assert mail.mails_send_due() == 0
    with pytest.raises(IntegrityError, match="mail_once_per_event"), transaction.atomic():
        OutgoingMail.objects.create(event=event, user=user, kind=MailKind.NOTIFICATION)


@pytest.mark.django_db(transaction=True)
def test_several_senders_at_once_send_each_mail_once(owed, mailbox):
    users = UserFactory.create_batch(20)
    for user in users:
        owed(user)
    sent = together(*[mail.mails_send_due] * 4)
    assert sum(sent) == len(mailbox) == 20
    assert sorted(message.to[0] for message in mailbox) == sorted(user.email for user in users)
    assert set(states().values()) == {"sent"}


@pytest.mark.django_db(transaction=True)
def test_a_sender_that_is_killed_before_it_could_mark_sends_again_under_the_same_id(
    owed, mailbox, monkeypatch
):
    owing = owed(UserFactory.create())

    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mail, "_sent", killed)
        with pytest.raises(KeyboardInterrupt):
            mail.mails_send_due()
    assert mail.mails_send_due() == 1
    assert mail.mails_send_due() == 0
    assert [message.extra_headers["Message-ID"] for message in mailbox] == [owing.message_id] * 2


# --- a real server ------------------------------------------------------------------------------


def test_a_server_takes_mail_in_both_forms_under_its_own_id(late):
    user = UserFactory.create()
    late(user)
    with post_office() as post:
        assert mail.mails_send_due() == 1
        assert mail.mails_send_due() == 0
    (message,) = post.taken[user.email]
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message["Message-ID"] == OutgoingMail.objects.get().message_id
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.fullmatch(r"<.*\?token=([\w:-]+)>", message["List-Unsubscribe"].strip())
    assert signing.loads(link[1], salt="notifications.unsubscribe") == [user.pk, "repayment_overdue"]


def test_a_temporary_refusal_is_tried_again_and_holds_up_nobody(late):
    busy, free = UserFactory.create(), UserFactory.create()
    late(busy, free)
    with post_office() as post:
        post.answers[busy.email] = "451 Try again later"
        assert mail.mails_send_due() == 1
        assert states() == {busy.email: "pending", free.email: "sent"}
        owed = OutgoingMail.objects.get(user=busy)
        assert (owed.attempts, owed.error) == (1, "451 Try again later")
        assert owed.retry_at > timezone.now()
        assert mail.mails_send_due() == 0
        del post.answers[busy.email]
        with time_machine.travel(owed.retry_at, tick=False):
            assert mail.mails_send_due() == 1
        assert len(post.taken[busy.email]) == len(post.taken[free.email]) == 1
    owed.refresh_from_db()
    assert (owed.status, owed.error, owed.retry_at) == ("sent", "", None)
    assert not Alert.objects.exists()


@pytest.mark.parametrize("place", ["answers", "after_data"])
def test_a_permanent_refusal_ends_it_at_once_with_an_alert_of_that_address(late, place):
    gone, free = UserFactory.create(), UserFactory.create()
    late(gone, free)
    with post_office() as post:
        getattr(post, place)[gone.email] = "550 No such person here"
        assert mail.mails_send_due() == 1
    assert states() == {gone.email: "failed", free.email: "sent"}
    owed = OutgoingMail.objects.get(user=gone)
    assert (owed.attempts, owed.error, owed.address) == (1, "550 No such person here", gone.email)
    alert = Alert.objects.get()
    assert (alert.key, alert.priority, alert.status) == (f"mail:{gone.email}", "low", AlertStatus.OPEN)


def test_a_connection_that_is_cut_before_the_end_is_tried_again(late):
    user, free = UserFactory.create(), UserFactory.create()
    late(user, free)
    with post_office() as post:
        post.answers[user.email] = "cut"
        assert mail.mails_send_due() == 1
        assert states() == {user.email: "pending", free.email: "sent"}
        post.answers.clear()
        OutgoingMail.objects.update(retry_at=None)
        assert mail.mails_send_due() == 1
    assert len(post.taken[user.email]) == 1


def test_a_connection_that_is_cut_after_the_mail_was_taken_repeats_it_under_the_same_id(late):
    user = UserFactory.create()
    late(user)
    with post_office() as post:
        post.after_data[user.email] = "cut"
        assert mail.mails_send_due() == 0
        post.after_data.clear()
        OutgoingMail.objects.update(retry_at=None)
        assert mail.mails_send_due() == 1
    first, second = post.taken[user.email]
    assert first["Message-ID"] == second["Message-ID"] == OutgoingMail.objects.get().message_id


def test_a_server_that_is_not_there_costs_no_mail(late):
    user = UserFactory.create()
    late(user)
    with mail_to(free_port()):
        assert mail.mails_send_due() == 0
    assert OutgoingMail.objects.get().error.startswith("ConnectionRefusedError")
    OutgoingMail.objects.update(retry_at=None)
    with post_office() as post:
        assert mail.mails_send_due() == 1
    assert len(post.taken[user.email]) == 1
