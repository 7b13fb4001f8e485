"""From events to the channels of applications.

Notifications need none: they come by the groups of their users, which this gateway's sockets join as well.
"""

from collections.abc import Sequence

from events.dispatcher import Projection, register
from events.models import Event
from events.registry import payload_class
from events.serializers import TimelineSerializer
from integrations import live
from integrations.publishing import HAPPENED, publish_all


def tell_channels(events: Sequence[Event]) -> None:
    """Tell who follows an application what happened to it. A repeat does no harm: entries have ids."""
    about = [event.pk for event in events if event.application_id is not None]
    # Where nobody is connected, nobody follows anything.
    if not about or not live.connections():
        return
    rows = Event.objects.filter(pk__in=about).select_related("actor").order_by("id")
    publish_all(
        (
            f"private-application-{event.application_id}",
            {
                "type": HAPPENED,
                "audience": int(payload_class(event.type).audience),
                "entry": TimelineSerializer(event).data,
            },
        )
        for event in rows
    )


register(Projection("gateway", deliver=tell_channels))
