"""Celery's entries to the work of this app."""

from celery import shared_task

from applications.services import unchanged


@shared_task(name="applications.tasks.tell_of_unchanged_stages")
def tell_of_unchanged_stages() -> int:
    """Tell BDMs of open applications that do not move; beat calls it."""
    return unchanged.unchanged_stages_tell()
