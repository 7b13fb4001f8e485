"""Celery's entries to the mailer, reminders and digests."""

from time import monotonic

from celery import shared_task

from notifications import mail
from notifications.services import digests, reminders

SEND_MAIL_TASK = "notifications.tasks.send_mail"
# Well below the time limit of tasks; what is left is for the next time.
SECONDS = 200


@shared_task(name=SEND_MAIL_TASK)
def send_mail() -> int:
    """Send the mail that is owed; woken by the dispatcher, and by beat as the sweep."""
    end = monotonic() + SECONDS
    return mail.mails_send_due(may_go_on=lambda: monotonic() < end)


@shared_task(name="notifications.tasks.send_reminders")
def send_reminders() -> int:
    """Send the reminders whose time has come; beat calls it."""
    due = reminders.reminders_send_due()
    if due:
        send_mail()
    return due


@shared_task(name="notifications.tasks.send_digests")
def send_digests() -> int:
    """Send the digests whose hour has come; beat calls it."""
    made = digests.digests_make()
    if made:
        send_mail()
    return made
