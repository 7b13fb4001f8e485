"""Celery's entry to the dispatcher."""

from celery import shared_task

from events import dispatcher
from events.wake import DISPATCH_TASK, dispatch_begins


@shared_task(name=DISPATCH_TASK)
def dispatch_events() -> int:
    """Dispatch everything that is due; woken on commit, and by beat as the sweep."""
    dispatch_begins()
    return dispatcher.dispatch_pending()
