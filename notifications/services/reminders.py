"""Reminders: mails that people write for later."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from crm_backend.common.errors import Conflict
from crm_backend.common.models import save_changes
from events.services import emit
from notifications.choices import MailKind, ReminderStatus
from notifications.events import REMINDER, ReminderFailed
from notifications.models import OutgoingMail, Reminder

AT_ONCE = 200
WRITER_GONE = "The account of who wrote it is not active any more."


class ReminderOver(Conflict):
    """The reminder is being sent, or was."""

    code = "reminder_over"
    title = "The reminder is past this"


def reminder_add(*, created_by: Any, **fields: Any) -> Reminder:
    """Keep a mail until its time comes."""
    with transaction.atomic():
        reminder = Reminder.objects.create(created_by=created_by, **fields)
        emit(REMINDER.created(label=reminder.subject), actor=created_by, subject=reminder)
    return reminder


def reminder_update(*, reminder: Reminder, actor: Any, **fields: Any) -> Reminder:
    """Edit a reminder that is still to come; call it with the row locked.

    Raises:
        ReminderOver: it is not.
    """
    if reminder.status != ReminderStatus.SCHEDULED:
        raise ReminderOver(f"This reminder is not to be changed: it is {_words(reminder)}.")
    with transaction.atomic():
        if changed := save_changes(reminder, fields):
            payload = REMINDER.updated(label=reminder.subject, field_names=", ".join(changed))
            emit(payload, actor=actor, subject=reminder)
    return reminder


def reminder_delete(*, reminder: Reminder, actor: Any) -> None:
    """Delete a reminder; call it with the row locked. One that was sent stays in the mail log.

    Raises:
        ReminderOver: it is on its way.
    """
    if reminder.status == ReminderStatus.SENDING:
        raise ReminderOver(f"This reminder is not to be deleted: it is {_words(reminder)}.")
    with transaction.atomic():
        emit(REMINDER.deleted(label=reminder.subject), actor=actor, subject=reminder)
        reminder.delete()


def _words(reminder: Reminder) -> str:
    return reminder.get_status_display().lower()


def reminders_send_due() -> int:
    """Owe a mail for every reminder whose time has come; how many there were.

    Each is marked in the transaction that owes its mail: a run that is repeated, killed or late sends once.
    """
    told = 0
    while True:
        with transaction.atomic():
            due = Reminder.objects.filter(status=ReminderStatus.SCHEDULED, send_datetime__lte=timezone.now())
            chosen = due.order_by("send_datetime", "pk").select_for_update(skip_locked=True, of=("self",))
            reminders = list(chosen.select_related("created_by")[:AT_ONCE])
            for reminder in reminders:
                _owe(reminder)
        told += len(reminders)
        if len(reminders) < AT_ONCE:
            return told


def _owe(reminder: Reminder) -> None:
    if reminder.created_by.is_active:
        OutgoingMail.objects.create(kind=MailKind.REMINDER, reminder=reminder)
        save_changes(reminder, {"status": ReminderStatus.SENDING})
        return
    save_changes(reminder, {"status": ReminderStatus.FAILED, "error": WRITER_GONE})
    failed = ReminderFailed(label=reminder.subject, address=reminder.recipient_email, error=WRITER_GONE)
    emit(failed, actor=None, subject=reminder)
