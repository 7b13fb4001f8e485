"""The stage machine as data: which moves there are, who may make them, what they need.

`MOVES` is the one table; the service follows it, the tests walk every state × target of it, and the diagram
in `docs/reference/stages.md` is drawn from it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType

from applications.choices import Stage
from users.choices import Role

STAFF = frozenset({Role.ADMIN, Role.BD})
ANYONE = frozenset(Role)

# The way of a loan, in order. The stages before settlement are the open ones.
PATH = (
    Stage.INQUIRY,
    Stage.SENT_TO_LENDER,
    Stage.FUNDING_TABLE_ISSUED,
    Stage.ILOO_ISSUED,
    Stage.ILOO_SIGNED,
    Stage.COMMITMENT_FEE_PAID,
    Stage.APP_SUBMITTED,
    Stage.VALUATION_ORDERED,
    Stage.VALUATION_RECEIVED,
    Stage.FORMAL_APPROVAL,
    Stage.LOAN_DOCS_INSTRUCTED,
    Stage.LOAN_DOCS_ISSUED,
    Stage.LOAN_DOCS_SIGNED,
    Stage.SETTLEMENT_CONDITIONS,
    Stage.SETTLED,
    Stage.CLOSED,
)
OPEN = PATH[: PATH.index(Stage.SETTLED)]
UNSUBMITTED = PATH[: PATH.index(Stage.APP_SUBMITTED)]
UNAPPROVED = PATH[: PATH.index(Stage.FORMAL_APPROVAL)]
# Stages that remember where the application came from, and lead back there only.
ASIDE = (Stage.MORE_INFO_REQUIRED, Stage.DECLINED, Stage.WITHDRAWN)

# Words that some clients use.
ALIASES: Mapping[str, Stage] = {
    "pre_approval": Stage.ILOO_ISSUED,
    "valuation": Stage.VALUATION_ORDERED,
    "settlement": Stage.SETTLEMENT_CONDITIONS,
    "funded": Stage.SETTLED,
}


@dataclass(frozen=True)
class Move:
    """One allowed move. `back` moves lead only to the stage that the application came from."""

    name: str
    roles: frozenset[Role]
    needs_reason: bool = False
    back: bool = False


def _moves() -> Iterator[tuple[tuple[Stage, Stage], Move]]:
    for here, there in pairwise(PATH):
        yield (here, there), Move("advance", STAFF)
    for index, here in enumerate(OPEN):
        for there in OPEN[index + 2 :]:
            yield (here, there), Move("skip", STAFF, needs_reason=True)
        yield (here, Stage.MORE_INFO_REQUIRED), Move("ask", STAFF, needs_reason=True)
        yield (Stage.MORE_INFO_REQUIRED, here), Move("answer", STAFF, back=True)
        for ended in (Stage.DECLINED, Stage.WITHDRAWN):
            yield (
                (ended, here),
                Move("reopen", frozenset({Role.ADMIN}), needs_reason=True, back=True),
            )
    for here in (*OPEN, Stage.MORE_INFO_REQUIRED):
        yield (here, Stage.DECLINED), Move("decline", STAFF, needs_reason=True)
        yield (here, Stage.WITHDRAWN), Move("withdraw", ANYONE)


MOVES: Mapping[tuple[Stage, Stage], Move] = dict(_moves())


@lru_cache(1000)
def legal_moves(stage: str, came_from: str = "") -> Mapping[Stage, Move]:
    """Every move from a stage; `came_from` is where an application in an aside stage was before."""
    return MappingProxyType(
        {
            there: move
            for (here, there), move in MOVES.items()
            if here == stage and (not move.back or there == came_from)
        }
    )


def is_submitted(stage: str, came_from: str = "") -> bool:
    """Whether the application has reached submission; an aside stage counts as where it came from."""
    return (came_from if stage in ASIDE else stage) not in UNSUBMITTED


def is_approved(stage: str, came_from: str = "") -> bool:
    """Whether the application has reached formal approval; an aside stage counts as where it came from."""
    return (came_from if stage in ASIDE else stage) not in UNAPPROVED
