"""Celery's entry to the mailer."""

from celery import shared_task

from notifications import mail

SEND_MAIL_TASK = "notifications.tasks.send_mail"


@shared_task(name=SEND_MAIL_TASK)
def send_mail() -> int:
    """Send the mail that is owed; woken by the dispatcher, and by beat as the sweep."""
    return mail.mails_send_due()
