"""How a loan is repaid after settlement: on time, late, in part, or not, planned from the seed.

Who repays well is real: the data set says how each loan ended. How well, day by day, is made up below;
`docs/demo-data.md` lists the shares.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from demo.clock import OFFICE
from servicing.schedule import Frequency
from servicing.selectors.terms import FREQUENCIES
from servicing.services.scheduling import number_of_instalments

# Percent of repayments: on the day, late, in two parts; the rest is never paid.
GOOD = (94, 4, 2)
BAD = (74, 16, 8)
# Bad loans stop paying for good after this part of their life in the book.
STOPS = (0.3, 0.95)
LATEST = 25  # days
GIVEN_UP = 120  # days after the first of them; the loan is written off then
NIGHT = time(2)  # when the nightly work is done


@dataclass(frozen=True, slots=True)
class Repaid:
    """A payment of a part, from 0 to 1, of what a repayment comes to."""

    at: datetime
    number: int
    part: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """The payments in the order of their time, and when the lender gives the loan up, if it does."""

    payments: list[Repaid]
    given_up: datetime | None = None


def plan_repayments(
    rng: Random, *, settled_on: date, frequency: str, months: int, went_bad: bool, end: datetime
) -> Plan:
    """What happens before a moment."""
    dues = list(due_dates(settled_on, frequency, months, end))
    stops, given_up = len(dues), None
    if went_bad:
        stops = int(len(dues) * rng.uniform(*STOPS))
        given_up = _at(rng, dues[stops] + timedelta(days=GIVEN_UP)) if stops < len(dues) else None
    payments = [
        one
        for number, due in enumerate(dues[:stops], 1)
        for one in _payments(rng, number, due, BAD if went_bad else GOOD)
    ]
    payments = [one for one in payments if one.at < min(end, given_up or end)]
    payments.sort(key=lambda one: (one.at, one.number))
    return Plan(payments, given_up if given_up and given_up < end else None)


def due_dates(settled_on: date, frequency: str, months: int, end: datetime) -> Iterator[date]:
    """The due dates of a schedule before a moment."""
    step: Frequency = FREQUENCIES[frequency]
    for number in range(1, number_of_instalments(months, frequency) + 1):
        due = step.after(settled_on, number, settled_on.day)
        if night_of(due) >= end:
            return
        yield due


def night_of(day: date) -> datetime:
    """When the nightly work of a business date is done, UTC."""
    return datetime.combine(day, NIGHT, OFFICE).astimezone(UTC)


def _payments(rng: Random, number: int, due: date, shares: tuple[int, int, int]) -> Iterator[Repaid]:
    on_time, late, in_parts = shares
    drawn, whole = rng.uniform(0, 100), Decimal(1)
    if drawn < on_time:
        yield Repaid(_at(rng, due), number, whole)
    elif drawn < on_time + late:
        yield Repaid(_at(rng, due + timedelta(days=rng.randint(1, LATEST))), number, whole)
    elif drawn < on_time + late + in_parts:
        first = Decimal(rng.randint(30, 80)) / 100
        yield Repaid(_at(rng, due), number, first)
        later = due + timedelta(days=rng.randint(2, LATEST))
        yield Repaid(_at(rng, later), number, whole - first)


def _at(rng: Random, day: date) -> datetime:
    """Some moment of a day: direct debits come on weekends too."""
    moment = datetime.combine(day, time(9), OFFICE) + timedelta(seconds=rng.randrange(8 * 3600))
    return moment.astimezone(UTC)
