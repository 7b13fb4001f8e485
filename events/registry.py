"""The one list of event types: payload, subject, words for people.

An app declares its events in its `events.py`::

    class StageChanged(Payload):
        type = "application.stage_changed"
        summary = "Stage changed from {from_stage_display} to {to_stage_display}."
        notify = Notify("application_status", title="…", body="…")

        from_stage: str
        to_stage: str

Payloads are pydantic models that refuse unknown keys. `docs/reference/events.md` and
`GET /api/events/types/` are made from `REGISTRY`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True)
class Notify:
    """The notification that recipients get: its type, and text with the payload's names in braces.

    Attributes:
        to: who is told, in words; the service that writes the event chooses them.
        no_mail: why it never goes out by mail, whatever its readers prefer; empty where they decide.
        place: where the link of a mail leads in the frontend; its application, or the list, when empty.
    """

    kind: str
    title: str
    body: str
    to: str = ""
    no_mail: str = ""
    place: str = ""


class Audience(IntEnum):
    """Who may read of an event in a timeline; each level includes those above it in trust."""

    EVERYONE = 0
    PARTNERS = 1
    STAFF = 2


REGISTRY: "dict[str, type[Payload]]" = {}


class Payload(BaseModel):
    """The typed data of one event type.

    Attributes:
        type: `<subject>.<what happened>`, the name clients filter by.
        summary: one sentence for timelines and logs, with the payload's names in braces.
        notify: what recipients are told, and who they are, or None where nobody is told.
        silent: why nobody is told; empty where somebody is.
        audience: the least trusted readers whose timelines show it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    notify: ClassVar[Notify | None] = None
    silent: ClassVar[str] = ""
    audience: ClassVar[Audience] = Audience.EVERYONE

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not cls.type or not cls.summary:
            raise TypeError(f"{cls.__name__} must declare `type` and `summary`")
        if REGISTRY.setdefault(cls.type, cls) is not cls:
            raise TypeError(f"event type {cls.type!r} is declared twice")
        texts = [cls.summary, *([cls.notify.title, cls.notify.body, cls.notify.place] if cls.notify else [])]
        for text in texts:
            text.format_map(dict.fromkeys(cls.model_fields, ""))


def payload_class(event_type: str) -> type[Payload]:
    """The payload class of a type.

    Raises:
        LookupError: no app declares such a type.
    """
    try:
        return REGISTRY[event_type]
    except KeyError:
        raise LookupError(f"no event type {event_type!r} is declared") from None


def render(text: str, data: dict[str, Any]) -> str:
    """Fill a declared text with an event's data."""
    return text.format_map(data)
