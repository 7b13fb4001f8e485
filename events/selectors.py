"""Reading the log."""

from django.db.models import Q, QuerySet

from events.models import Event
from events.registry import REGISTRY, Audience


def happened(about: Q, *, reader: Audience) -> QuerySet[Event]:
    """Events that meet a condition, latest first, as far as such a reader may know."""
    hidden = [name for name, payload in REGISTRY.items() if payload.audience > reader]
    events = Event.objects.filter(about).exclude(type__in=hidden)
    return events.select_related("actor").order_by("-id")


def timeline(application_id: int, *, reader: Audience) -> QuerySet[Event]:
    """What happened to an application."""
    return happened(Q(application_id=application_id), reader=reader)
