"""What every step of a story has, and the steps of those who ask for a loan."""

from dataclasses import dataclass, field
from datetime import datetime

from demo.details import Fields
from engagement.choices import LeadStatus
from engagement.hours import Span
from users.models import User


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a person does at a moment."""

    at: datetime
    actor: User


@dataclass(frozen=True, slots=True)
class Assigned(Step):
    """Give a lead to somebody."""

    to: User


@dataclass(frozen=True, slots=True)
class AskedAgain(Step):
    """The same person asks again."""


@dataclass(frozen=True, slots=True)
class Talked(Step):
    """Keep what passed."""

    fields: Fields


@dataclass(frozen=True, slots=True)
class LeadMove(Step):
    """Move a lead to another status."""

    to: LeadStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Edited(Step):
    """Edit a lead."""

    fields: Fields


@dataclass(frozen=True, slots=True)
class FollowUpDue(Step):
    """The day of its follow-up has come."""


@dataclass(frozen=True, slots=True)
class Booked(Step):
    """Book a time of the actor's own."""

    fields: Fields


@dataclass(frozen=True, slots=True)
class Moved(Step):
    """Move the appointment to another time."""

    slot: Span
    reason: str


@dataclass(frozen=True, slots=True)
class Met(Step):
    """Say that the appointment took place, or that nobody came."""

    attended: bool
    outcome: str


@dataclass(frozen=True, slots=True)
class CalledOff(Step):
    """Cancel the appointment."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reminded(Step):
    """The appointment is near."""


@dataclass(slots=True)
class Inquiry:
    """A lead and everything that happens to it until it is converted, or at an end."""

    opened_at: datetime
    actor: User
    owner: User
    fields: Fields
    steps: list[Step] = field(default_factory=list)
