"""Events for plain records: `<noun>.created`, `.updated`, `.deleted`, and a viewset that emits them.

For resources whose writes need no service of their own. What has rules, effects or recipients has a
service and declares its own events.
"""

from dataclasses import dataclass
from typing import Any

from django.db import models
from rest_framework.serializers import BaseSerializer

from events.registry import Payload
from events.services import emit


@dataclass(frozen=True)
class RecordEvents:
    """The three event types of one noun."""

    created: type[Payload]
    updated: type[Payload]
    deleted: type[Payload]


def record_events(noun: str) -> RecordEvents:
    """Declare the events of a noun such as `branch`; call it in the app's `events.py`."""

    def declare(verb: str, summary: str, **fields: type) -> type[Payload]:
        name = f"{noun.title().replace('_', '')}{verb.title()}"
        doc = f"A {noun.replace('_', ' ')} was {verb}."
        members = {"__annotations__": fields, "__doc__": doc, "__module__": __name__,
                   "type": f"{noun}.{verb}", "summary": summary}  # fmt: skip
        return type(name, (Payload,), members)

    words = noun.replace("_", " ").capitalize()
    return RecordEvents(
        created=declare("created", f"{words} {{label}} created.", label=str),
        updated=declare(
            "updated", f"{words} {{label}} changed: {{field_names}}.", label=str, field_names=str
        ),
        deleted=declare("deleted", f"{words} {{label}} deleted.", label=str),
    )


class RecordedMixin:
    """Emits the record events of a CRUD viewset, in the transaction of each write."""

    record_events: RecordEvents

    def perform_create(self: Any, serializer: BaseSerializer[Any]) -> models.Model:
        """Save and tell."""
        obj: models.Model = serializer.save(**self.created_with())
        emit(self.record_events.created(label=str(obj)), actor=self.request.user, subject=obj)
        return obj

    def created_with(self) -> dict[str, Any]:
        """Values of a new row that do not come from the body."""
        return {}

    def perform_update(self: Any, serializer: BaseSerializer[Any]) -> None:
        """Save what differs, and tell which fields those were."""
        obj, data = serializer.instance, serializer.validated_data
        changed = sorted(name for name, value in data.items() if getattr(obj, name) != value)
        obj = serializer.save()
        if changed:
            updated = self.record_events.updated(label=str(obj), field_names=", ".join(changed))
            emit(updated, actor=self.request.user, subject=obj)

    def perform_destroy(self: Any, obj: models.Model) -> None:
        """Tell and delete."""
        emit(self.record_events.deleted(label=str(obj)), actor=self.request.user, subject=obj)
        obj.delete()
