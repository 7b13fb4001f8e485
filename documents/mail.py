"""Mail to signers: each has a link that is made when it is sent, and ends those before it."""

import hashlib
import secrets
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone

from documents.choices import (
    SignatureRequestStatus,
    SignerStatus,
    SigningMailKind,
    SigningMailStatus,
)
from documents.letters.australian import long_date
from documents.models import SigningMail
from notifications.choices import AlertSource, Priority
from notifications.services.alerts import alert_of_trouble

logger = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8
TOKEN_BYTES = 32
SUBJECTS = {
    SigningMailKind.INVITATION: "Please sign: {title}",
    SigningMailKind.REMINDER: "Reminder, please sign: {title}",
    SigningMailKind.COMPLETED: "Signed by all: {title}",
}
# How long a signed file can be downloaded by link.
KEPT_FOR_SIGNERS = timedelta(days=30)


def mails_send_due() -> int:
    """Send every mail that signers are owed; how many went out."""
    sent = 0
    while (result := _send_next()) is not None:
        sent += result
    return sent


def _send_next() -> bool | None:
    """Send one owed mail under its row lock; None when nothing is due."""
    due = Q(retry_at=None) | Q(retry_at__lte=timezone.now())
    with transaction.atomic():
        owed = SigningMail.objects.filter(due, status=SigningMailStatus.PENDING)
        with_rows = owed.select_related("signer__request__document", "signer__request__created_by")
        # A mail that failed goes behind those that did not: none can hold up the others.
        mail = with_rows.order_by("attempts", "id").select_for_update(skip_locked=True, of=("self",)).first()
        if mail is None:
            return None
        if not _is_wanted(mail):
            mail.status = SigningMailStatus.FAILED
            mail.save(update_fields=["status"])
            return False
        try:
            with transaction.atomic():
                _send(mail)
        except (OSError, ValueError) as error:  # the server's refusals; an address or text it cannot take
            _postpone(mail, error)
            return False
        mail.status, mail.sent_at = SigningMailStatus.SENT, timezone.now()
        mail.save(update_fields=["status", "sent_at"])
    return True


def _is_wanted(mail: SigningMail) -> bool:
    """Whether what it says is still so."""
    if mail.kind == SigningMailKind.COMPLETED:
        return True
    signer = mail.signer
    return signer.status == SignerStatus.WAITING and signer.request.status == SignatureRequestStatus.OPEN


def _send(mail: SigningMail) -> None:
    signer, request = mail.signer, mail.signer.request
    token = secrets.token_urlsafe(TOKEN_BYTES)
    signer.token_hash = hashlib.sha256(token.encode()).hexdigest()
    signer.save(update_fields=["token_hash"])
    until = request.expires_at
    if mail.kind == SigningMailKind.COMPLETED and request.finished_at is not None:
        until = request.finished_at + KEPT_FOR_SIGNERS
    context = {
        "signer": signer,
        "request": request,
        "lender": settings.LENDER_NAME,
        "until": long_date(until.astimezone(ZoneInfo(settings.BUSINESS_TIME_ZONE)).date()),
        "link": f"{settings.FRONTEND_URL}/sign#token={token}",
    }
    body = render_to_string(f"documents/mail/{mail.kind}.txt", context)
    title = " ".join(request.document.title.split())
    subject = SUBJECTS[SigningMailKind(mail.kind)].format(title=title)
    send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [signer.email])


def _postpone(mail: SigningMail, error: Exception) -> None:
    logger.warning("signing.mail_failed", mail=mail.pk, error=type(error).__name__)
    mail.attempts += 1
    mail.retry_at = timezone.now() + timedelta(seconds=30 * 2**mail.attempts)
    if mail.attempts >= MAX_ATTEMPTS:
        mail.status = SigningMailStatus.FAILED
        alert_of_trouble(
            source=AlertSource.MAIL,
            key="signing-mail",
            priority=Priority.HIGH,
            title="Mail to signers cannot be sent",
            body=f"{mail.get_kind_display()} to {mail.signer.email}: {type(error).__name__}",
        )
    mail.save(update_fields=["attempts", "retry_at", "status"])
