"""Account mail: what it says, and sending it."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone

from notifications.choices import MailKind, MailStatus
from notifications.models import OutgoingMail
from users.services.passwords import password_reset_link

logger = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8
SUBJECTS = {
    MailKind.PASSWORD_RESET: "Reset your password",
    MailKind.ACCOUNT_APPROVED: "Your account is approved",
    MailKind.EMAIL_CHANGED: "Your e-mail address was changed",
}


def mails_send_due() -> int:
    """Send every mail that is owed; return how many went out."""
    sent = 0
    while (result := _send_next()) is not None:
        sent += result
    return sent


def _send_next() -> bool | None:
    """Send one owed mail under its row lock; None when nothing is due."""
    due = Q(retry_at=None) | Q(retry_at__lte=timezone.now())
    with transaction.atomic():
        owed = OutgoingMail.objects.filter(due, status=MailStatus.PENDING).select_related("user", "event")
        # A mail that failed goes behind those that did not: none can hold up the others.
        mail = owed.order_by("attempts", "id").select_for_update(skip_locked=True, of=("self",)).first()
        if mail is None:
            return None
        try:
            with transaction.atomic():
                _send(mail)
        except (OSError, ValueError) as error:  # the server's refusals; an address or text it cannot take
            _postpone(mail, error)
            return False
        mail.status, mail.sent_at = MailStatus.SENT, timezone.now()
        mail.save(update_fields=["status", "sent_at"])
    return True


def _send(mail: OutgoingMail) -> None:
    context = {"user": mail.user, "frontend": settings.FRONTEND_URL}
    if mail.kind == MailKind.PASSWORD_RESET:
        uid, token = password_reset_link(mail.user)
        context["link"] = f"{settings.FRONTEND_URL}/reset-password?uid={uid}&token={token}"
    body = render_to_string(f"notifications/mail/{mail.kind}.txt", context)
    send_mail(SUBJECTS[MailKind(mail.kind)], body, settings.DEFAULT_FROM_EMAIL, [_address(mail)])


def _address(mail: OutgoingMail) -> str:
    """The account's; of a change, the address before it, whose owner may know nothing of it."""
    if mail.kind == MailKind.EMAIL_CHANGED:
        return str(mail.event.data["previous"])
    return mail.user.email


def _postpone(mail: OutgoingMail, error: Exception) -> None:
    logger.warning("mail.failed", mail=mail.pk, error=type(error).__name__)
    mail.attempts += 1
    mail.retry_at = timezone.now() + timedelta(seconds=30 * 2**mail.attempts)
    if mail.attempts >= MAX_ATTEMPTS:
        mail.status = MailStatus.FAILED
    mail.save(update_fields=["attempts", "retry_at", "status"])
