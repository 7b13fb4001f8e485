"""Celery's entries to the work of this app."""

from celery import shared_task
from django.utils import timezone

from engagement.services import appointments, follow_ups


@shared_task(name="engagement.tasks.tell_of_follow_ups")
def tell_of_follow_ups() -> int:
    """Tell people of leads that are to be followed up; beat calls it."""
    return follow_ups.follow_ups_tell()


@shared_task(name="engagement.tasks.remind_of_appointments")
def remind_of_appointments() -> int:
    """Remind of the appointments that are near; beat calls it."""
    return appointments.appointments_remind(timezone.now())
