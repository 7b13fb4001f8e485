"""Account mail is retried, and none holds up the others."""

import pytest
from django.utils import timezone

from events.models import Event
from notifications import mail
from notifications.choices import MailKind, MailStatus
from notifications.models import OutgoingMail
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def owed():
    def make(user):
        event = Event.objects.create(
            type="user.approved", subject_type="user", subject_id=user.pk, occurred_at=timezone.now()
        )
        return OutgoingMail.objects.create(event=event, user=user, kind=MailKind.ACCOUNT_APPROVED)

    return make


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
    assert [message.to for message in mailbox] == [[good.user.email]]


def test_a_postponed_mail_goes_when_its_time_has_come(owed, mailbox):
    late = owed(UserFactory.create())
    OutgoingMail.objects.filter(pk=late.pk).update(attempts=1, retry_at=timezone.now())
    assert mail.mails_send_due() == 1
    assert mail.mails_send_due() == 0
    assert len(mailbox) == 1


def test_a_mail_that_never_goes_is_given_up(owed, monkeypatch):
    def refuse(owing):
        raise OSError

    monkeypatch.setattr(mail, "_send", refuse)
    owing = owed(UserFactory.create())
    for _ in range(mail.MAX_ATTEMPTS):
        OutgoingMail.objects.update(retry_at=None)
        assert mail.mails_send_due() == 0
    owing.refresh_from_db()
    assert owing.status == MailStatus.FAILED
