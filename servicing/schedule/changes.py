"""Between instalments: interest accrued by a date, and the terms of what is left when a loan is changed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext

from servicing.schedule.engine import Schedule, make_schedule
from servicing.schedule.errors import ScheduleError
from servicing.schedule.periods import Periods
from servicing.schedule.terms import PRECISE, ZERO, Method, Terms


def interest_factor(terms: Terms, start: date, end: date) -> Decimal:
    """What 1 bears between two dates under the terms' rate, day count and periods; not rounded.

    Additive: the factors of two stretches are the factor of both together. Goes on after the last due date.

    Raises:
        ScheduleError: `end` is before `start`, or `start` before the loan.
    """
    if start < terms.start_date:
        raise ScheduleError("start_date", message="No interest accrues before the loan starts.")
    if end < start:
        raise ScheduleError("end", message="The end is before the start.")
    with localcontext(PRECISE):
        periods = Periods(terms)
        fraction = Decimal(0)
        while end > start:
            period = periods.at(end)
            fraction += period.part(max(start, period.start), end)
            end = max(start, period.start)
        return fraction * terms.annual_rate / 100


def accrued_interest(terms: Terms, *, balance: Decimal, start: date, end: date) -> Decimal:
    """Interest on a balance between two dates, AUD, to the cent, as the schedule would charge it.

    A balance that changes on the way is a sum of `balance × interest_factor(…)`, rounded once.
    """
    with localcontext(PRECISE):
        return terms.rounding.cents(balance * interest_factor(terms, start, end))


def revise(
    terms: Terms,
    *,
    on: date,
    principal: Decimal | None = None,
    interest_brought_forward: Decimal | None = None,
    number_of_instalments: int | None = None,
    annual_rate: Decimal | None = None,
    instalment_amount: Decimal | None = None,
) -> Terms:
    """The terms of what is left of a loan from a date on, with its numbers and due dates continued.

    What is not given goes on as scheduled: the balance of the schedule at that date, the interest accrued
    since the last due date, the remaining instalments, and the rate. Equal instalments are worked out anew
    unless their amount is given. An instalment due on the date itself belongs to the part before.

    Args:
        terms: as they were.
        on: the day of the change.
        principal: what is owed then, as the ledger knows it, AUD.
        interest_brought_forward: unpaid interest until then, due with the next instalment, AUD.
        number_of_instalments: still to come.
        annual_rate: from then on, percent.
        instalment_amount: from then on, AUD.

    Raises:
        ScheduleError: the loan has not begun, or nothing is left of it.
    """
    if on < terms.start_date:
        raise ScheduleError("on", message="The loan has not started.")
    periods = Periods(terms)
    period = periods.at(on)
    passed = period.number if period.end <= on else period.number - 1
    behind = min(passed, terms.number_of_instalments)
    if principal is None or interest_brought_forward is None:
        balance, accrued = _position(make_schedule(terms), on)
        principal = balance if principal is None else principal
        interest_brought_forward = accrued if interest_brought_forward is None else interest_brought_forward
    if not principal:
        raise ScheduleError("principal", message="Nothing is left of the loan.")
    following = periods.nominal_due(passed + 1)
    return replace(
        terms,
        principal=principal,
        interest_brought_forward=interest_brought_forward,
        annual_rate=terms.annual_rate if annual_rate is None else annual_rate,
        number_of_instalments=number_of_instalments or terms.number_of_instalments - behind,
        start_date=on,
        # A move to a business day may have passed the date.
        first_due_date=following if following > on else periods.due(passed + 1),
        due_day=terms.kept_day,
        first_number=terms.first_number + behind,
        instalment_amount=instalment_amount,
        principal_grace_periods=max(0, terms.principal_grace_periods - behind),
        balloon=min(terms.balloon, principal),
        principal_percentage=_percentage(terms, principal),
        extra_payments=tuple(extra for extra in terms.extra_payments if extra.date > on),
    )


def _position(schedule: Schedule, on: date) -> tuple[Decimal, Decimal]:
    """What is owed at a date by the schedule, and the interest since the last due date, to the cent."""
    terms = schedule.terms
    since, balance, accrued = terms.start_date, terms.principal, terms.interest_brought_forward
    for row in schedule.instalments:
        if row.due_date > on:
            break
        since, balance, accrued = row.due_date, row.balance, ZERO
    with localcontext(PRECISE):
        first = since == terms.start_date
        for extra in sorted(terms.extra_payments, key=lambda extra: extra.date):
            if since < extra.date <= on or (first and extra.date == since):
                accrued += balance * interest_factor(terms, since, extra.date)
                since, balance = extra.date, balance - extra.amount
        accrued += balance * interest_factor(terms, since, on)
        return balance, terms.rounding.cents(accrued)


def _percentage(terms: Terms, principal: Decimal) -> Decimal | None:
    """The percentage of what is left that repays as much as before."""
    if terms.method is not Method.FIXED_PRINCIPAL_PERCENTAGE or terms.principal_percentage is None:
        return None
    return min(Decimal(100), terms.principal_percentage * terms.principal / principal)
