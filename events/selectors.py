"""Reading the log."""

from django.db.models import QuerySet

from events.models import Event
from events.registry import REGISTRY, Audience


def timeline(application_id: int, *, reader: Audience) -> QuerySet[Event]:
    """What happened to an application, latest first, as far as such a reader may know."""
    hidden = [name for name, payload in REGISTRY.items() if payload.audience > reader]
    events = Event.objects.filter(application_id=application_id).exclude(type__in=hidden)
    return events.select_related("actor").order_by("-id")
