"""How much a commission is: pure rules on amounts in AUD, rates in percent and days."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from servicing.months import add_months, next_month

ZERO = Decimal("0.00")
CENT = Decimal("0.01")
HUNDRED = Decimal(100)
DAYS_IN_YEAR = 365


def cents(amount: Decimal) -> Decimal:
    """To the cent; half a cent goes up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def percent_of(amount: Decimal, percent: Decimal) -> Decimal:
    """So many percent of an amount."""
    return cents(amount * percent / HUNDRED)


def trail_of(balance: Decimal, rate: Decimal, month: date, settled_on: date) -> Decimal:
    """The trail of a calendar month.

    Args:
        balance: principal at the end of its last day.
        rate: percent per annum.
        month: its first day.
        settled_on: in the month of settlement, days count from here.
    """
    days = (next_month(month) - max(month, settled_on)).days
    return cents(max(balance, ZERO) * rate / HUNDRED * days / DAYS_IN_YEAR)


def clawback_of(
    upfront: Decimal, percentage: Decimal, *, settled_on: date, months: int, ended_on: date, pro_rata: bool
) -> Decimal:
    """What is taken back of an upfront commission when the loan ends on a day.

    Nothing from the end of the period on. Before it `percentage` of the upfront commission, or, pro rata, the
    share of that which the days left have in the days of the whole period.
    """
    end = add_months(settled_on, months)
    if ended_on >= end:
        return ZERO
    whole = upfront * percentage / HUNDRED
    if not pro_rata:
        return cents(whole)
    return cents(whole * (end - ended_on).days / (end - settled_on).days)
