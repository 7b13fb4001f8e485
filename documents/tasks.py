"""Celery's entries to the work of this app."""

from celery import shared_task

from documents.services.notes import notes_remind
from servicing.dates import business_date


@shared_task(name="documents.tasks.remind_of_notes")
def remind_of_notes() -> int:
    """Remind of the notes whose day has come; beat calls it."""
    return notes_remind(business_date())
