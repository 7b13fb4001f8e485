"""From events to rollups: marks what has to be counted again, and wakes who does it."""

from collections.abc import Sequence

from celery import current_app

from events.dispatcher import Projection, register
from events.models import Event
from reports.live import tell_of_leads
from reports.services.rollups import applications_mark_due
from reports.tasks import REFRESH_TASK

# What the figures are made of; notes and documents are not.
COUNTED = ("application.", "loan.", "payment.", "fee.", "repayment.", "commission.")


def mark_due(events: Sequence[Event]) -> None:
    """Mark the applications of these events."""
    applications_mark_due([(pk, event.occurred_at) for event in events if (pk := _application_of(event))])


def wake_refresh(events: Sequence[Event]) -> None:
    """Have them counted; the sweep finds what a crash left."""
    if any(_application_of(event) for event in events):
        current_app.send_task(REFRESH_TASK)


def _application_of(event: Event) -> int | None:
    if not event.type.startswith(COUNTED):
        return None
    return event.application_id or (event.subject_id if event.subject_type == "application" else None)


def tell_dashboards(events: Sequence[Event]) -> None:
    """Tell open dashboards of leads; of the rest they are told once it is counted."""
    tell_of_leads(events)


register(Projection("dashboards", deliver=tell_dashboards))
register(Projection("rollups", project=mark_due, deliver=wake_refresh))
