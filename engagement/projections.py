"""From events of applications to the leads that they came from, and from interactions to scores.

And what is said of appointments before an application goes.
"""

from collections.abc import Sequence
from typing import Any

from applications import departures
from applications.models import Application
from engagement.services.appointments import appointments_depart
from engagement.services.conversion import leads_follow_applications, leads_lose_deleted
from engagement.services.leads import leads_count_conversations
from events.dispatcher import Projection, register
from events.models import Event


def follow_applications(events: Sequence[Event]) -> None:
    """What becomes of an application becomes of its lead. Repeats change nothing."""
    moved = {event.subject_id for event in events if event.type == "application.stage_changed"}
    if moved:
        leads_follow_applications(moved)
    if any(event.type == "application.deleted" for event in events):
        leads_lose_deleted()


def count_conversations(events: Sequence[Event]) -> None:
    """Who is talked with is scored anew. Repeats change nothing."""
    talked = {
        event.subject_id
        for event in events
        if event.type.startswith("interaction.") and event.subject_type == "lead"
    }
    if talked:
        leads_count_conversations(talked)


def tell_of_appointments(application: Application, actor: Any) -> None:
    """Who would meet about it does not."""
    appointments_depart(actor=actor, application=application)


departures.register(tell_of_appointments)
register(Projection("leads", project=follow_applications))
register(Projection("conversations", project=count_conversations))
