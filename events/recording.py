"""Events for plain records: `<noun>.created`, `.updated`, `.deleted`; `viewsets.RecordedMixin` emits them.

For resources whose writes need no service of their own. What has rules, effects or recipients has a
service and declares its own events.
"""

from collections.abc import Callable
from dataclasses import dataclass

from events.registry import Payload

SILENT = "a plain record: who works with it reads it"


@dataclass(frozen=True)
class RecordEvents:
    """The three event types of one noun."""

    created: Callable[..., Payload]
    updated: Callable[..., Payload]
    deleted: Callable[..., Payload]


def record_events(noun: str) -> RecordEvents:
    """Declare the events of a noun such as `branch`; call it in the app's `events.py`."""

    def declare(verb: str, summary: str, **fields: type) -> type[Payload]:
        name = f"{noun.title().replace('_', '')}{verb.title()}"
        doc = f"A {noun.replace('_', ' ')} was {verb}."
        members = {"__annotations__": fields, "__doc__": doc, "__module__": __name__,
                   "type": f"{noun}.{verb}", "summary": summary, "silent": SILENT}  # fmt: skip
        return type(name, (Payload,), members)

    words = noun.replace("_", " ").capitalize()
    return RecordEvents(
        created=declare("created", f"{words} {{label}} created.", label=str),
        updated=declare(
            "updated", f"{words} {{label}} changed: {{field_names}}.", label=str, field_names=str
        ),
        deleted=declare("deleted", f"{words} {{label}} deleted.", label=str),
    )
