"""The statuses of a lead as data: which moves there are, who makes them, what they need.

`MOVES` is the one table; the services follow it, and the tests walk every status × target of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from applications.choices import Stage
from engagement.choices import LeadStatus

# Statuses in which somebody works on a lead.
WORKED_ON = (
    LeadStatus.NEW,
    LeadStatus.CONTACTED,
    LeadStatus.QUALIFIED,
    LeadStatus.APPOINTMENT_SCHEDULED,
    LeadStatus.NURTURE,
)
# Nothing leads back to new.
REACHED = WORKED_ON[1:]
# Statuses that follow the application.
CONVERTED = (LeadStatus.APPLICATION_STARTED, LeadStatus.WON, LeadStatus.LOST)


class By(StrEnum):
    """What makes a move."""

    PEOPLE = "people"
    CONVERSION = "conversion"
    APPLICATION = "application"


@dataclass(frozen=True)
class Move:
    """One allowed move."""

    by: By
    needs_reason: bool = False


def _moves() -> Iterator[tuple[tuple[LeadStatus, LeadStatus], Move]]:
    for here in WORKED_ON:
        for there in REACHED:
            if here != there:
                yield (here, there), Move(By.PEOPLE)
        yield (here, LeadStatus.LOST), Move(By.PEOPLE, needs_reason=True)
        yield (here, LeadStatus.APPLICATION_STARTED), Move(By.CONVERSION)
    for there in (LeadStatus.CONTACTED, LeadStatus.NURTURE):
        yield (LeadStatus.LOST, there), Move(By.PEOPLE)
    for here in CONVERTED:
        for there in CONVERTED:
            if here != there:
                reason = there == LeadStatus.LOST
                yield (here, there), Move(By.APPLICATION, needs_reason=reason)


MOVES: Mapping[tuple[LeadStatus, LeadStatus], Move] = dict(_moves())


def legal_moves(status: str, *, is_converted: bool) -> list[LeadStatus]:
    """Where people may move a lead. One that has become an application follows that."""
    if is_converted:
        return []
    return [there for (here, there), move in MOVES.items() if here == status and move.by is By.PEOPLE]


def status_for(stage: str) -> LeadStatus:
    """What a lead is, by the stage of its application."""
    if stage in (Stage.SETTLED, Stage.CLOSED):
        return LeadStatus.WON
    if stage in (Stage.DECLINED, Stage.WITHDRAWN):
        return LeadStatus.LOST
    return LeadStatus.APPLICATION_STARTED
