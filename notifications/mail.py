"""Sending mail: each row once, each recipient for itself, again later when it cannot be now.

A mail is sent under the lock of its row and marked in the same transaction, so no two senders take one.
A process that is killed after the server took the mail and before the commit sends it again: rather twice
than never, and under the same Message-ID, by which receivers drop a repeat.
"""

from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from events.services import emit
from notifications.choices import AlertSource, MailStatus, Priority, ReminderStatus
from notifications.composing import NotWanted, message_of
from notifications.events import ReminderFailed, ReminderSent
from notifications.models import OutgoingMail
from notifications.services.alerts import alert_of_trouble

logger = structlog.get_logger(__name__)

# 1, 2, 4, … minutes, then every six hours: given up after about a day.
MAX_ATTEMPTS = 12
LONGEST_WAIT = timedelta(hours=6)
_PERMANENT = range(500, 600)


def mails_send_due(*, may_go_on: Callable[[], bool] = lambda: True) -> int:
    """Send every mail that is owed; return how many went out."""
    sent = 0
    while may_go_on() and (result := _send_next()) is not None:
        sent += result
    return sent


def _send_next() -> bool | None:
    """Deal with one owed mail under its row lock: whether it went out; None when nothing is due."""
    due = Q(retry_at=None) | Q(retry_at__lte=timezone.now())
    with transaction.atomic():
        owed = OutgoingMail.objects.filter(due, status=MailStatus.PENDING)
        with_rows = owed.select_related("user", "event", "reminder__created_by", "reminder__send_as")
        # A mail that failed goes behind those that did not: none can hold up the others.
        mail = with_rows.order_by("attempts", "id").select_for_update(skip_locked=True, of=("self",)).first()
        if mail is None:
            return None
        try:
            with transaction.atomic():
                _send(mail)
        except NotWanted:
            mail.status = MailStatus.DROPPED
            mail.save(update_fields=["status"])
            return False
        except (OSError, ValueError) as error:  # the server's refusals; an address or text it cannot take
            _postpone(mail, error)
            return False
        _sent(mail)
    return True


def _send(mail: OutgoingMail) -> None:
    message = message_of(mail)
    mail.address, mail.subject = message.to[0], str(message.subject)
    message.send()


def _sent(mail: OutgoingMail) -> None:
    mail.status, mail.sent_at, mail.error, mail.retry_at = MailStatus.SENT, timezone.now(), "", None
    mail.save(update_fields=["status", "sent_at", "error", "retry_at", "address", "subject"])
    if reminder := mail.reminder:
        reminder.status, reminder.sent_at, reminder.error = ReminderStatus.SENT, mail.sent_at, ""
        reminder.save(update_fields=["status", "sent_at", "error", "updated_at"])
        emit(ReminderSent(label=reminder.subject), actor=None, subject=reminder)


def _postpone(mail: OutgoingMail, error: Exception) -> None:
    logger.warning("mail.failed", mail=mail.pk, error=type(error).__name__)
    mail.attempts += 1
    mail.error = words_of(error)
    mail.retry_at = timezone.now() + min(timedelta(seconds=30 * 2**mail.attempts), LONGEST_WAIT)
    is_refused = _is_permanent(error)
    if is_refused or mail.attempts >= MAX_ATTEMPTS:
        mail.status, mail.retry_at = MailStatus.FAILED, None
    mail.save(update_fields=["attempts", "retry_at", "status", "error", "address", "subject"])
    if reminder := mail.reminder:
        # Recorded at each attempt, so that whoever looks knows why it is late.
        reminder.error = mail.error
        reminder.save(update_fields=["error", "updated_at"])
    if mail.status == MailStatus.FAILED:
        _give_up(mail, is_refused=is_refused)


def _give_up(mail: OutgoingMail, *, is_refused: bool) -> None:
    if reminder := mail.reminder:
        reminder.status = ReminderStatus.FAILED
        reminder.save(update_fields=["status", "updated_at"])
        failed = ReminderFailed(label=reminder.subject, address=mail.address, error=mail.error)
        emit(failed, actor=None, subject=reminder, recipients=[reminder.created_by])
    # An address that is refused is one person's trouble; a server that takes nothing is everybody's.
    alert_of_trouble(
        source=AlertSource.MAIL,
        key=f"mail:{mail.address}"[:100] if is_refused else "mail",
        priority=Priority.LOW if is_refused else Priority.HIGH,
        title=f"Mail to {mail.address} is refused" if is_refused else "Mail cannot be sent",
        body=f"{mail.get_kind_display()} to {mail.address}: {mail.error}",
    )


def words_of(error: Exception) -> str:
    """What the mail log says of an error: the server's answer where there is one."""
    if isinstance(error, SMTPRecipientsRefused):
        return "; ".join(_answer(code, text) for code, text in error.recipients.values())[:500]
    if isinstance(error, SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)[:500]
    return f"{type(error).__name__}: {error}"[:500]


def _answer(code: int, text: bytes | str) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(said.split())}"


def _is_permanent(error: Exception) -> bool:
    """Whether the server will never take it: it refused the recipient, or the message, for good.

    A refused login or sender is the installation's fault, and mended: that is tried again.
    """
    if isinstance(error, SMTPRecipientsRefused):
        return all(code in _PERMANENT for code, _ in error.recipients.values())
    return isinstance(error, SMTPDataError) and error.smtp_code in _PERMANENT
