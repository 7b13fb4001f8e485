"""The rows of a schedule, worked out one after the other.

In each period: interest on the balance by the period's part of a year, rounded to the cent; then the
principal that the method repays. The last row repays all that is left, so the residue of every rounding is in
it, and principal sums to what was lent. Principal is negative where interest is added to the balance: in a
bullet, and where a period is so long that its interest is more than the equal instalment worked out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from itertools import pairwise

from servicing.schedule.errors import ScheduleError
from servicing.schedule.methods import METHODS, Repayment
from servicing.schedule.periods import Period, Periods
from servicing.schedule.terms import PRECISE, ZERO, Effect, ExtraPayment, Terms


@dataclass(frozen=True)
class Instalment:
    """One row. `total` is interest and principal together; money is AUD with two decimal places.

    Attributes:
        number: as the terms say, from 1 unless they are what is left of a loan.
        due_date: moved to a business day, if the terms say so.
        days: in the period, as the day count counts them.
        principal: what is repaid, `extra` included; negative where interest is added to the balance.
        balance: principal outstanding after it.
        extra: the part of the total that was paid on top of the instalment due.
    """

    number: int
    due_date: date
    days: int
    interest: Decimal
    principal: Decimal
    total: Decimal
    balance: Decimal
    extra: Decimal = ZERO


@dataclass(frozen=True)
class Totals:
    """Sums of all rows, AUD."""

    interest: Decimal
    principal: Decimal
    total: Decimal


@dataclass(frozen=True)
class Schedule:
    """All instalments of a loan, and the terms they come from."""

    terms: Terms
    instalments: tuple[Instalment, ...]

    @property
    def totals(self) -> Totals:
        """What is paid in all."""
        with localcontext(PRECISE):
            interest = sum((row.interest for row in self.instalments), ZERO)
            principal = sum((row.principal for row in self.instalments), ZERO)
            return Totals(interest, principal, interest + principal)


def make_schedule(terms: Terms) -> Schedule:
    """Work out every instalment, in time linear in their number.

    Raises:
        ScheduleError: `instalment_amount` does not cover the interest of an instalment, or an extra payment
            is more than is owed at its date.
    """
    with localcontext(PRECISE):
        return Schedule(terms, tuple(_Run(terms).rows()))


class _Run:
    """The state between two rows."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.periods = list(Periods(terms).first(terms.number_of_instalments))
        factors = [period.fraction * terms.annual_rate / 100 for period in self.periods]
        self.factors = factors
        self.repayment: Repayment = METHODS[terms.method](terms, factors)
        self.balance = terms.principal.quantize(ZERO)
        self.extras = sorted(enumerate(terms.extra_payments), key=lambda pair: pair[1].date)
        self.next_extra = 0
        self.paid_ahead = ZERO  # of principal, by extra payments towards what is due next
        self.may_end_early = not terms.balloon or terms.instalment_amount is not None

    def rows(self) -> Iterator[Instalment]:
        for period in self.periods:
            exact, early = self._interest(period)
            interest = self.terms.rounding.cents(exact)
            scheduled = self._principal(period, interest)
            self.balance -= scheduled
            extra = early + self._extras_on_due_date(period)
            principal = scheduled + extra
            yield Instalment(
                number=self.terms.first_number + period.number - 1,
                due_date=period.end,
                days=period.days,
                interest=interest,
                principal=principal,
                total=interest + principal,
                balance=self.balance,
                extra=extra,
            )
            if not self.balance:
                break
        if self.next_extra < len(self.extras):
            position, _ = self.extras[self.next_extra]
            raise ScheduleError("extra_payments", position, "date", message="The loan is repaid by then.")

    def _interest(self, period: Period) -> tuple[Decimal, Decimal]:
        """The period's interest, exact, and what was paid on top before its end."""
        brought = self.terms.interest_brought_forward if period.number == 1 else ZERO
        extras = self._take_extras(period.end, on_it=False)
        if not extras:
            return brought + self.balance * self.factors[period.number - 1], ZERO
        rate = self.terms.annual_rate / 100
        days = [*(extra.date for _, extra in extras), period.end]
        parts = [period.part(start, end) * rate for start, end in pairwise(days)]
        exact = brought + self.balance * period.part(period.start, days[0]) * rate
        paid = ZERO
        for (position, extra), part, later in zip(extras, parts, _sums_of_rest(parts), strict=True):
            before = self._reduce(position, extra)
            paid += extra.amount
            if extra.effect is Effect.REDUCE_INSTALMENT and self.balance:
                self.repayment.reduce(period.number, before, self.balance, exact + self.balance * later)
            exact += self.balance * part
        return exact, paid

    def _principal(self, period: Period, interest: Decimal) -> Decimal:
        """What of the balance is repaid by the schedule."""
        if not self.balance or period.number == self.terms.number_of_instalments:
            return self.balance
        if period.number <= self.terms.principal_grace_periods:
            return ZERO
        principal = self.repayment.principal(period.number, interest)
        left = self.balance - min(self.terms.balloon, self.balance)
        if left and principal >= left and self.may_end_early:
            return self.balance
        principal = min(principal, left)
        ahead = min(self.paid_ahead, max(principal, ZERO))
        self.paid_ahead -= ahead
        return principal - ahead

    def _extras_on_due_date(self, period: Period) -> Decimal:
        paid = ZERO
        for position, extra in self._take_extras(period.end, on_it=True):
            before = self._reduce(position, extra)
            paid += extra.amount
            if extra.effect is Effect.REDUCE_INSTALMENT and self.balance:
                following = period.number + 1
                exact = self.balance * self.factors[following - 1]
                self.repayment.reduce(following, before, self.balance, exact)
        return paid.quantize(ZERO)

    def _reduce(self, position: int, extra: ExtraPayment) -> Decimal:
        """Take an extra payment off the balance; returns what it was before."""
        before = self.balance
        if not before:
            raise ScheduleError("extra_payments", position, "date", message="The loan is repaid by then.")
        if extra.amount > before:
            raise ScheduleError(
                "extra_payments", position, "amount", message=f"Only {before} is owed then, besides interest."
            )
        self.balance = before - extra.amount
        if extra.effect is Effect.NEXT_DUE:
            self.paid_ahead += extra.amount
        if extra.effect is Effect.REDUCE_TERM:
            self.may_end_early = True
        return before

    def _take_extras(self, day: date, *, on_it: bool) -> list[tuple[int, ExtraPayment]]:
        """Those before a day, or up to it."""
        taken = []
        while self.next_extra < len(self.extras):
            position, extra = self.extras[self.next_extra]
            if extra.date > day or (extra.date == day and not on_it):
                break
            taken.append((position, extra))
            self.next_extra += 1
        return taken


def _sums_of_rest(parts: list[Decimal]) -> list[Decimal]:
    """For each part, the sum of it and of those after it."""
    sums: list[Decimal] = []
    total = Decimal(0)
    for part in reversed(parts):
        total += part
        sums.append(total)
    return sums[::-1]
