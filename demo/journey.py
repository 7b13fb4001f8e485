"""Which stages an application goes through, how long it stays, and why: planned from the seed.

The shares below are made up, but open: `docs/demo-data.md` lists them. Only moves of `applications.stages`
are planned, and the reasons are given wherever that table asks for one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from applications.choices import UNSECURED_TYPES, Stage
from applications.stages import MOVES, PATH
from demo.details import draw

# How a good and a bad loan end: most good ones were lent, most bad ones would better not have been.
OUTCOMES = {
    False: ((Stage.SETTLED, 82), (Stage.WITHDRAWN, 10), (Stage.DECLINED, 8)),
    True: ((Stage.SETTLED, 40), (Stage.WITHDRAWN, 10), (Stage.DECLINED, 50)),
}
ASKED = 0.15  # is asked for more information once
REOPENED = 0.08  # of the declined
REPAID_EARLY = 0.3  # of the good that settled: closed within three years
BY_ADMIN = 0.05  # of the lender's moves; the rest are the BDM's
WITHDRAWN_BY_BROKER = 0.6

# Working days in a stage, on average; between 30 % and 170 % of it in each case.
PACE: dict[Stage, float] = {
    Stage.INQUIRY: 2,
    Stage.SENT_TO_LENDER: 2,
    Stage.FUNDING_TABLE_ISSUED: 2,
    Stage.ILOO_ISSUED: 4,
    Stage.ILOO_SIGNED: 2,
    Stage.COMMITMENT_FEE_PAID: 3,
    Stage.APP_SUBMITTED: 3,
    Stage.VALUATION_ORDERED: 7,
    Stage.VALUATION_RECEIVED: 3,
    Stage.FORMAL_APPROVAL: 2,
    Stage.LOAN_DOCS_INSTRUCTED: 3,
    Stage.LOAN_DOCS_ISSUED: 5,
    Stage.LOAN_DOCS_SIGNED: 2,
    Stage.SETTLEMENT_CONDITIONS: 5,
    Stage.SETTLED: 260,
    Stage.MORE_INFO_REQUIRED: 5,
    Stage.DECLINED: 6,
    Stage.WITHDRAWN: 6,
}
NEEDLESS_UNSECURED = {Stage.VALUATION_ORDERED, Stage.VALUATION_RECEIVED}

REASONS = {
    "skip": ("Unsecured: there is nothing to value.",),
    "ask": (
        "Please send the last three payslips.",
        "The bank statements stop in the middle of the month.",
        "The identity document has expired.",
        "Please explain the two missed repayments on the credit report.",
        "The contract of sale is not signed by all parties.",
    ),
    "decline": (
        "The expenses leave too little to repay the loan.",
        "The credit report shows a default in the last two years.",
        "The income could not be verified.",
        "The security is outside the lending policy.",
    ),
    "withdraw": (
        "The borrower found another lender.",
        "The purchase fell through.",
        "The borrower does not want to borrow now.",
    ),
    "reopen": ("New documents were received.", "A guarantor has been offered."),
}


@dataclass(frozen=True, slots=True)
class Hop:
    """A planned move after `days` working days; `by` is `bd`, `admin` or `broker`."""

    days: float
    to: Stage
    by: str = "bd"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an application is to end, if it has the time."""

    stage: Stage
    repaid_early: bool = False
    reopened: bool = False


def choose_ending(rng: Random, *, went_bad: bool) -> Ending:
    """Draw how a loan ends."""
    stage = draw(rng, OUTCOMES[went_bad])
    return Ending(
        stage=stage,
        repaid_early=stage == Stage.SETTLED and not went_bad and rng.random() < REPAID_EARLY,
        reopened=stage == Stage.DECLINED and rng.random() < REOPENED,
    )


def plan_hops(rng: Random, *, application_type: str, ending: Ending) -> Iterator[Hop]:
    """The moves from inquiry to the ending, in order."""
    path = _path(application_type, ending)
    asked_at = rng.choice(path[: path.index(Stage.SETTLED)]) if rng.random() < ASKED else None
    stopped_at = None if ending.stage == Stage.SETTLED else rng.choice(path[1:-2])
    here = path[0]
    for stage in path:
        if stage != here:
            yield _hop(rng, here, stage)
            here = stage
        if stage == asked_at:
            yield _hop(rng, here, Stage.MORE_INFO_REQUIRED)
            yield _hop(rng, Stage.MORE_INFO_REQUIRED, here)
        if stage == stopped_at:
            yield _hop(rng, here, ending.stage)
            if not ending.reopened:
                return
            yield _hop(rng, ending.stage, here)


def _path(application_type: str, ending: Ending) -> list[Stage]:
    path = list(PATH if ending.repaid_early else PATH[:-1])
    if application_type in UNSECURED_TYPES:
        path = [stage for stage in path if stage not in NEEDLESS_UNSECURED]
    return path


def _hop(rng: Random, here: Stage, there: Stage) -> Hop:
    move = MOVES[here, there]
    days = PACE[here] * rng.uniform(0.3, 1.7)
    if move.name == "reopen":
        by = "admin"
    elif move.name == "withdraw" and rng.random() < WITHDRAWN_BY_BROKER:
        by = "broker"
    else:
        by = "admin" if rng.random() < BY_ADMIN else "bd"
    reasons = REASONS.get(move.name)
    return Hop(days, there, by, rng.choice(reasons) if reasons else "")
