"""How much a commission is: pure rules on amounts in AUD, rates in percent and days."""

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Tier:
    """From an amount on, AUD, each dollar earns `rate` percent, up to where the next tier begins."""

    from_amount: Decimal
    rate: Decimal


def tiered_of(amount: Decimal, tiers: Sequence[Tier], before: Decimal = ZERO) -> Decimal:
    """The commission on an amount, each part of it at the rate of the tier that it falls in.

    So a loan that is a dollar more never earns less, and of a period the sum does not depend on the order.

    Args:
        amount: AUD.
        tiers: in ascending order, the first from zero on.
        before: what was settled before it of the period whose amounts the tiers are of.
    """
    whole = before + amount
    total = Decimal(0)
    for number, tier in enumerate(tiers):
        ends = min(whole, tiers[number + 1].from_amount) if number + 1 < len(tiers) else whole
        total += max(ends - max(before, tier.from_amount), Decimal(0)) * tier.rate / HUNDRED
    return cents(total)


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
