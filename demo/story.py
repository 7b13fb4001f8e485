"""An application of the book with all that is on it, and the steps of its way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from applications.choices import Stage
from borrowers.models import Holding
from brokers.models import Bdm, Broker
from demo.details import Fields
from demo.steps import Inquiry, Step
from users.models import User


@dataclass(frozen=True, slots=True)
class Move(Step):
    """Move it to another stage."""

    to: Stage
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Settlement(Move):
    """Disburse the loan and move it to settled; its fees are taken out of what is paid."""

    fees: tuple[Fields, ...] = ()


@dataclass(frozen=True, slots=True)
class Paid(Step):
    """Pay a part, from 0 to 1, of what a repayment of the schedule comes to."""

    number: int
    part: Decimal


@dataclass(frozen=True, slots=True)
class PaidOut(Step):
    """Pay the payoff figure of the day."""


@dataclass(frozen=True, slots=True)
class WrittenOff(Step):
    """Give up what a loan still owes."""


@dataclass(frozen=True, slots=True)
class Approval(Step):
    """Agree to an amount, AUD."""

    amount: Decimal


@dataclass(frozen=True, slots=True)
class Valuation(Step):
    """Enter what a valuer says the first security is worth, AUD."""

    amount: Decimal


@dataclass(frozen=True, slots=True)
class Calculation(Step):
    """Run the funding calculator."""

    terms: Mapping[str, Any]


@dataclass(slots=True)
class Story:
    """An application, everything on it, and everything that happens to it, in order.

    `borrower` is empty when the demo client, who is a borrower already, borrows again. `login` has the
    fields of an account that the lender makes for the borrower. `holdings` are what is owned and owed.
    `inquiry` is the lead that it came from; `others` asked as well, and did not borrow.
    """

    opened_at: datetime
    actor: User
    broker: Broker
    bd: Bdm
    application: Fields
    borrower: Fields
    guarantors: list[Fields]
    securities: list[Fields]
    login: Fields | None = None
    client: User | None = None
    holdings: list[tuple[type[Holding], Fields]] = field(default_factory=list)
    inquiry: Inquiry | None = None
    others: list[Inquiry] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
