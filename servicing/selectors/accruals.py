"""Interest that has been earned and is not due yet."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from servicing.allocation import ZERO
from servicing.models import Loan, Repayment
from servicing.months import last_of, next_month
from servicing.schedule import accrued_interest
from servicing.selectors.facts import Facts
from servicing.selectors.terms import terms_of

_DAY = timedelta(days=1)


def accrued(facts: Facts, close: date | None, *, without: Repayment | None = None) -> Decimal:
    """Interest earned by the close of a day, of repayments that have not been charged, AUD.

    A function of the schedule alone: money does not change it. None: nothing has been accrued yet.
    """
    if close is None:
        return ZERO
    earned = ZERO
    for row in facts.repayments:
        if row.charged_on is None and row.period_start <= close and row is not without:
            earned += interest_earned(facts, row, close + _DAY)
    return earned


def interest_earned(facts: Facts, row: Repayment, on: date) -> Decimal:
    """The part of a repayment's interest that has been earned by the beginning of a day, AUD.

    Where terms have changed within its period, each stretch is earned by the terms of its days.
    """
    if on >= row.due_date:
        return row.interest
    if on <= row.period_start:
        return ZERO
    place = next(place for place, one in enumerate(facts.schedules) if one.pk == row.schedule_id)
    version, balance = facts.schedules[place], row.balance_after + row.principal
    while on < version.starts_on:
        balance, place = version.principal - version.advanced, place - 1
        version = facts.schedules[place]
    # A first period that began before these terms brings the interest of its beginning with it.
    first = row.period_start < version.starts_on or row.number == version.first_number
    brought = version.interest_brought_forward if first else ZERO
    start = max(row.period_start, version.starts_on)
    earned = brought + accrued_interest(terms_of(version), balance=balance, start=start, end=on)
    return min(earned, row.interest) if version.pk == row.schedule_id else earned


def closes(loan: Loan, before: date) -> Iterator[date]:
    """The last days of the months that ended before a day and by whose close nothing was accrued yet."""
    close = last_of(loan.accrued_to + _DAY if loan.accrued_to else loan.settled_on)
    while close < before:
        yield close
        close = last_of(next_month(close))
