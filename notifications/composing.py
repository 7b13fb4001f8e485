"""What mails say: subject, text and HTML, made when a mail is sent from what it is about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formataddr, parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from events.registry import payload_class, render
from notifications.choices import ALWAYS_ON, MailKind
from notifications.models import DigestSubscription, Notification, OutgoingMail
from notifications.selectors import wants_mail
from notifications.unsubscribing import Stop
from users.services.passwords import password_reset_link

DIGEST_ROWS = 50
SUBJECT_LENGTH = 200


class NotWanted(Exception):
    """The mail is not wanted any more: its reader turned it off, left, or deleted what it tells of."""


@dataclass(frozen=True)
class Content:
    """What a mail says and to whom; `stop` is what its reader can turn off with it."""

    address: str
    subject: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    stop: Stop | None = None
    from_email: str = ""
    reply_to: str = ""


def message_of(mail: OutgoingMail) -> EmailMultiAlternatives:
    """The whole message.

    Raises:
        NotWanted: there is nothing to be sent any more.
    """
    content = CONTENTS[MailKind(mail.kind)](mail)
    subject = " ".join(content.subject.split())[:SUBJECT_LENGTH]
    context: dict[str, Any] = {
        "subject": subject,
        "lender": settings.LENDER_NAME,
        "frontend": settings.FRONTEND_URL,
        "user": mail.user,
        **content.context,
    }
    headers = {"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"}
    if content.stop:
        context |= {"unsubscribe": content.stop.page, "stops": f"“{content.stop.label}”"}
        # RFC 8058: mail programs offer a button, and POST to the address when it is pressed.
        headers["List-Unsubscribe"] = f"<{content.stop.one_click}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message = EmailMultiAlternatives(
        subject,
        render_to_string(f"notifications/mail/{content.template}.txt", context),
        content.from_email or settings.DEFAULT_FROM_EMAIL,
        [content.address],
        reply_to=[content.reply_to] if content.reply_to else None,
        headers=headers,
    )
    html = render_to_string(f"notifications/mail/{content.template}.html", context)
    message.attach_alternative(html, "text/html")
    return message


def _account(subject: str) -> Callable[[OutgoingMail], Content]:
    def content(mail: OutgoingMail) -> Content:
        assert mail.user is not None
        return Content(mail.user.email, subject, mail.kind)

    return content


def _password_reset(mail: OutgoingMail) -> Content:
    assert mail.user is not None
    uid, token = password_reset_link(mail.user)
    link = f"{settings.FRONTEND_URL}/reset-password?uid={uid}&token={token}"
    return Content(mail.user.email, "Reset your password", mail.kind, {"link": link})


def _email_changed(mail: OutgoingMail) -> Content:
    # To the address before it, whose owner may know nothing of the change.
    assert mail.event is not None
    return Content(str(mail.event.data["previous"]), "Your e-mail address was changed", mail.kind)


def _notification(mail: OutgoingMail) -> Content:
    user, event = mail.user, mail.event
    assert user is not None
    assert event is not None
    notify = payload_class(event.type).notify
    if notify is None or not user.is_active or not wants_mail(user.pk, notify.kind):
        raise NotWanted
    place = f"applications/{event.application_id}" if event.application_id else "notifications"
    place = render(notify.place, event.data) or place
    return Content(
        user.email,
        render(notify.title, event.data),
        "notification",
        {"body": render(notify.body, event.data), "link": f"{settings.FRONTEND_URL}/{place}"},
        stop=None if notify.kind in ALWAYS_ON else Stop(user.pk, notify.kind),
    )


def _digest(mail: OutgoingMail) -> Content:
    user = mail.user
    assert user is not None
    is_wanted = DigestSubscription.objects.filter(user=user, cadence=mail.kind).exists()
    told = Notification.objects.filter(user=user, seq__gt=mail.after_seq, seq__lte=mail.upto_seq)
    count = told.count()
    if not (is_wanted and count and user.is_active):
        raise NotWanted
    words = f"{count} notification{'s' if count > 1 else ''}"
    return Content(
        user.email,
        f"{MailKind(mail.kind).label}: {words}",
        "digest",
        {
            "rows": told.order_by("-seq")[:DIGEST_ROWS],
            "count": count,
            "unread": told.unread().count(),
            "more": max(0, count - DIGEST_ROWS),
            "link": f"{settings.FRONTEND_URL}/notifications",
        },
        stop=Stop(user.pk, mail.kind),
    )


def _reminder(mail: OutgoingMail) -> Content:
    reminder = mail.reminder
    if reminder is None:
        raise NotWanted
    sender = reminder.send_as or reminder.created_by
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return Content(
        reminder.recipient_email,
        reminder.subject,
        "reminder",
        {"body": reminder.body, "sender": sender.full_name},
        # Their name, our address: a mail in the name of another's server would be refused as forged.
        from_email=formataddr((f"{sender.full_name} ({settings.LENDER_NAME})", address or name)),
        reply_to=reminder.reply_to or sender.email,
    )


CONTENTS: Mapping[MailKind, Callable[[OutgoingMail], Content]] = {
    MailKind.PASSWORD_RESET: _password_reset,
    MailKind.ACCOUNT_APPROVED: _account("Your account is approved"),
    MailKind.EMAIL_CHANGED: _email_changed,
    MailKind.NOTIFICATION: _notification,
    MailKind.DAILY_DIGEST: _digest,
    MailKind.WEEKLY_DIGEST: _digest,
    MailKind.REMINDER: _reminder,
}
