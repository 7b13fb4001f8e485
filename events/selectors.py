"""Reading the log."""

from typing import Any

from django.db.models import Q, QuerySet

from events.guards import readable
from events.models import Event
from events.registry import REGISTRY, Audience


def happened(about: Q, *, user: Any, reader: Audience) -> QuerySet[Event]:
    """Events that meet a condition, latest first, as far as a user, who is such a reader, may know."""
    hidden = [name for name, payload in REGISTRY.items() if payload.audience > reader]
    events = Event.objects.filter(about).exclude(type__in=hidden).filter(readable(user))
    return events.select_related("actor").order_by("-id")


def timeline(application_id: int, *, user: Any, reader: Audience) -> QuerySet[Event]:
    """What happened to an application that the user sees."""
    return happened(Q(application_id=application_id), user=user, reader=reader)
