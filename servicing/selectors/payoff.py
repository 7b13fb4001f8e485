"""What it takes to pay a loan out on a day, and how late it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from applications.choices import Component
from servicing.allocation import ZERO
from servicing.choices import ArrearsBucket, LoanStatus, bucket_of
from servicing.selectors.accruals import interest_earned
from servicing.selectors.facts import Facts


@dataclass(frozen=True)
class Payoff:
    """AUD, by part. `accrued_interest` is what the running period has earned by the day."""

    date: date
    principal: Decimal
    interest_due: Decimal
    accrued_interest: Decimal
    fees: Decimal
    penalties: Decimal
    unapplied: Decimal

    @property
    def total(self) -> Decimal:
        """What to pay; nothing when more than that is held."""
        owed = self.principal + self.interest_due + self.accrued_interest + self.fees + self.penalties
        return max(owed - self.unapplied, ZERO)


@dataclass(frozen=True)
class Arrears:
    """How late a loan is on a day, and with how much, AUD."""

    days_past_due: int
    bucket: ArrearsBucket
    amount: Decimal
    oldest_due: date | None


def payoff(facts: Facts, on: date) -> Payoff:
    """The figure of a day: what was and will be recorded by then is taken into account.

    Principal, interest earned and unpaid fees, less money that is held. Interest that was paid ahead is not
    given back.
    """
    loan = facts.loan
    assert loan is not None
    if loan.status == LoanStatus.WRITTEN_OFF:
        return Payoff(on, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
    outcome = facts.allocation(on)
    paid = dict.fromkeys(Component.values, ZERO)
    interest_paid: dict[int, Decimal] = {}
    for share in outcome.shares:
        paid[share.component] += share.amount
        if share.component == Component.INTEREST:
            interest_paid[share.key.pk] = interest_paid.get(share.key.pk, ZERO) + share.amount
    lent = sum((version.advanced for version in facts.schedules if version.starts_on <= on), ZERO)
    principal, due, accrued = lent - paid[Component.PRINCIPAL], ZERO, ZERO
    for row in facts.repayments:
        of_row = interest_paid.get(row.pk, ZERO)
        if row.due_date <= on:
            due += row.interest - row.capitalised - of_row
            principal += row.capitalised
        else:
            accrued += max(interest_earned(facts, row, on) - of_row, ZERO)
    fees = {Component.FEE: ZERO, Component.PENALTY: ZERO}
    for fee in facts.fees:
        fees[fee.component] += fee.collectable
    return Payoff(
        date=on,
        principal=principal,
        interest_due=due,
        accrued_interest=accrued,
        fees=fees[Component.FEE] - paid[Component.FEE],
        penalties=fees[Component.PENALTY] - paid[Component.PENALTY],
        unapplied=outcome.unapplied,
    )


def payoffs(facts: Facts, start: date, days: int) -> Iterator[Payoff]:
    """The figures of so many days, from the first on."""
    return (payoff(facts, start + timedelta(days=number)) for number in range(days))


def arrears(facts: Facts, today: date) -> Arrears:
    """How late a loan is: by the oldest repayment that is past due and not paid in full."""
    late = [row for row in facts.repayments if row.due_date < today and row.outstanding]
    oldest = min((row.due_date for row in late), default=None)
    days = (today - oldest).days if oldest else 0
    return Arrears(days, bucket_of(days), sum((row.outstanding for row in late), ZERO), oldest)
