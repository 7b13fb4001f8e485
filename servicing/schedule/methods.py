"""What each method repays of the principal, in the periods after the grace periods and before the last."""

from decimal import Decimal

from servicing.schedule.errors import ScheduleError
from servicing.schedule.terms import ZERO, Method, Terms


class Repayment:
    """Interest only: principal is left for the last instalment."""

    def __init__(self, terms: Terms, factors: list[Decimal]) -> None:
        self.terms = terms
        self.factors = factors

    def principal(self, number: int, interest: Decimal) -> Decimal:
        """What instalment `number`, with this interest, repays; negative if it borrows."""
        return ZERO

    def reduce(self, number: int, before: Decimal, after: Decimal, interest: Decimal) -> None:
        """Spread a balance that an extra payment has reduced over the instalments from `number` on.

        `interest` is the exact one of that instalment.
        """


class Bullet(Repayment):
    """Interest is added to the balance in each period; all is paid with the last instalment."""

    def principal(self, number: int, interest: Decimal) -> Decimal:
        """The interest, lent."""
        return -interest


class EqualPrincipal(Repayment):
    """The same part of the principal in each instalment."""

    def __init__(self, terms: Terms, factors: list[Decimal]) -> None:
        super().__init__(terms, factors)
        self.share = self._first_share()

    def _first_share(self) -> Decimal:
        terms = self.terms
        amortising = terms.number_of_instalments - terms.principal_grace_periods
        return (terms.principal - terms.balloon) / amortising

    def principal(self, number: int, interest: Decimal) -> Decimal:
        """The share, to the cent; with a multiple, what makes the whole instalment one."""
        multiple = self.terms.rounding.instalment_multiple
        if multiple is None:
            return self.terms.rounding.cents(self.share)
        total = self.terms.rounding.instalment(self.share + interest)
        return (total if total >= interest else total + multiple) - interest

    def reduce(self, number: int, before: Decimal, after: Decimal, interest: Decimal) -> None:
        """Equal parts of what is left."""
        first = max(number, self.terms.principal_grace_periods + 1)
        instalments = self.terms.number_of_instalments - first + 1
        self.share = (after - min(self.terms.balloon, after)) / instalments


class FixedPrincipalPercentage(EqualPrincipal):
    """A percentage of the principal in each instalment, and the rest in the last."""

    def _first_share(self) -> Decimal:
        assert self.terms.principal_percentage is not None
        return self.terms.principal * self.terms.principal_percentage / 100

    def reduce(self, number: int, before: Decimal, after: Decimal, interest: Decimal) -> None:
        """In proportion to the balance."""
        self.share = self.share * after / before


class EqualInstalments(Repayment):
    """The annuity: one amount that pays the interest and repays the loan.

    With f the interest factors of the periods (rate × part of a year), the instalment at row k solves

        balance + interest(k) = instalment × S(k) + balloon × T(k)

    where S(k) = 1 + S(k+1) / (1 + f(k+1)), S(n) = 1, is what payments of 1 from row k on are worth at row k,
    and T(k) = T(k+1) / (1 + f(k+1)), T(n) = 1, what 1 at the end is. For equal factors and k = 1 this is the
    textbook's principal × f / (1 − (1 + f)^−n).
    """

    def __init__(self, terms: Terms, factors: list[Decimal]) -> None:
        super().__init__(terms, factors)
        self.instalments_worth, self.balloon_worth = _worth(factors)
        if terms.instalment_amount is not None:
            self.amount = terms.instalment_amount.quantize(ZERO)
            self.given = True
        else:
            first = terms.principal_grace_periods + 1
            brought = ZERO if terms.principal_grace_periods else terms.interest_brought_forward
            interest = brought + terms.principal * factors[first - 1]
            self.amount = self._solve(first, terms.principal, interest)
            self.given = False

    def principal(self, number: int, interest: Decimal) -> Decimal:
        """What of the instalment is left after interest.

        Raises:
            ScheduleError: nothing is left of an instalment that the caller gave.
        """
        if self.given and self.amount < interest:
            row = self.terms.first_number + number - 1
            raise ScheduleError(
                "instalment_amount",
                message=f"It does not cover the interest of instalment {row}, {interest}.",
            )
        return self.amount - interest

    def reduce(self, number: int, before: Decimal, after: Decimal, interest: Decimal) -> None:
        """The instalment that repays what is left."""
        first = self.terms.principal_grace_periods + 1
        if number < first:
            number, interest = first, after * self.factors[first - 1]
        self.amount = self._solve(number, after, interest)
        self.given = False

    def _solve(self, number: int, balance: Decimal, interest: Decimal) -> Decimal:
        balloon = min(self.terms.balloon, balance) * self.balloon_worth[number - 1]
        exact = (balance + interest - balloon) / self.instalments_worth[number - 1]
        amount = self.terms.rounding.instalment(exact)
        multiple = self.terms.rounding.instalment_multiple
        if multiple is not None and amount < interest < exact:
            # Rounded down, it would not even pay the interest.
            amount += multiple
        return amount


def _worth(factors: list[Decimal]) -> tuple[list[Decimal], list[Decimal]]:
    """For each row, the worth there of payments of 1 from it on, and of 1 with the last."""
    instalments, balloon = [Decimal(1)], [Decimal(1)]
    for factor in reversed(factors[1:]):
        instalments.append(1 + instalments[-1] / (1 + factor))
        balloon.append(balloon[-1] / (1 + factor))
    return instalments[::-1], balloon[::-1]


METHODS: dict[Method, type[Repayment]] = {
    Method.EQUAL_INSTALMENTS: EqualInstalments,
    Method.EQUAL_PRINCIPAL: EqualPrincipal,
    Method.INTEREST_ONLY: Repayment,
    Method.BULLET: Bullet,
    Method.FIXED_PRINCIPAL_PERCENTAGE: FixedPrincipalPercentage,
}
