"""The terms of a loan, as the schedule engine takes them. Money is AUD, rates are percent per annum."""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from enum import StrEnum

from servicing.schedule.errors import ScheduleError

# Digits to calculate with: a cent of what 1 becomes in 50 years at 100 percent, capitalised daily, has 24.
PRECISE = Context(prec=50, rounding=ROUND_HALF_EVEN)
CENT = Decimal("0.01")
ZERO = Decimal("0.00")
MAX_YEARS = 50
MAX_RATE = Decimal(100)
MAX_AMOUNT = Decimal("999999999999.99")
MAX_DAYS = MAX_YEARS * 366
LAST_DAY = 31
START_YEARS = range(1900, 2201)


class Method(StrEnum):
    """How principal is repaid."""

    EQUAL_INSTALMENTS = "equal_instalments"
    EQUAL_PRINCIPAL = "equal_principal"
    INTEREST_ONLY = "interest_only"
    BULLET = "bullet"
    FIXED_PRINCIPAL_PERCENTAGE = "fixed_principal_percentage"


class DayCount(StrEnum):
    """How the part of a year that a period covers is counted."""

    THIRTY_360 = "30_360"
    ACT_365 = "act_365"
    ACT_360 = "act_360"
    ACT_ACT = "act_act"
    EQUAL_PERIODS = "equal_periods"


class Unit(StrEnum):
    """What the steps between due dates are counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class RoundingMode(StrEnum):
    """Which way half a cent goes."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


class Effect(StrEnum):
    """What becomes of the instalments after money that was paid on top of them."""

    REDUCE_TERM = "reduce_term"
    REDUCE_INSTALMENT = "reduce_instalment"
    NEXT_DUE = "next_due"


class Adjustment(StrEnum):
    """Where a due date goes that is no business day."""

    NEXT = "next"
    MODIFIED_NEXT = "modified_next"
    PREVIOUS = "previous"


_DECIMAL_MODES = {RoundingMode.HALF_UP: ROUND_HALF_UP, RoundingMode.HALF_EVEN: ROUND_HALF_EVEN}


@dataclass(frozen=True)
class Frequency:
    """A step between due dates: every so many days, weeks or months."""

    unit: Unit
    every: int = 1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ScheduleError("frequency", "every", message="A step is at least one day, week or month.")

    @property
    def periods_per_year(self) -> Decimal:
        """For equal periods: 12 months, 52 weeks or 365 days a year, divided by the step."""
        per_year = {Unit.MONTH: 12, Unit.WEEK: 52, Unit.DAY: 365}[self.unit]
        return Decimal(per_year) / self.every

    @property
    def days(self) -> int:
        """The step's shortest length, days."""
        return {Unit.MONTH: 28, Unit.WEEK: 7, Unit.DAY: 1}[self.unit] * self.every

    def after(self, anchor: date, steps: int, day: int) -> date:
        """The date some steps after an anchor; months keep `day`, or end with their last one."""
        if self.unit is not Unit.MONTH:
            days = 7 if self.unit is Unit.WEEK else 1
            return anchor + timedelta(days=days * self.every * steps)
        year, month = divmod(anchor.year * 12 + anchor.month - 1 + self.every * steps, 12)
        return date(year, month + 1, min(day, monthrange(year, month + 1)[1]))


@dataclass(frozen=True)
class Rounding:
    """Interest is rounded to the cent; instalments to the cent, or to a multiple such as whole dollars.

    A multiple is for what repays principal: not for interest alone, nor for the last instalment.
    """

    mode: RoundingMode = RoundingMode.HALF_UP
    instalment_multiple: Decimal | None = None

    def __post_init__(self) -> None:
        if self.instalment_multiple is not None:
            path = ("rounding", "instalment_multiple")
            check_amount(self.instalment_multiple, *path)
            if not self.instalment_multiple:
                raise ScheduleError(*path, message="A multiple is more than zero.")

    def cents(self, amount: Decimal) -> Decimal:
        """To the cent."""
        return amount.quantize(CENT, _DECIMAL_MODES[self.mode])

    def instalment(self, amount: Decimal) -> Decimal:
        """To the nearest multiple, or cent; never to nothing when there is a multiple."""
        multiple = self.instalment_multiple
        if multiple is None:
            return self.cents(amount)
        times = (amount / multiple).quantize(Decimal(1), _DECIMAL_MODES[self.mode])
        return (max(times, Decimal(1)) * multiple).quantize(CENT)


@dataclass(frozen=True)
class ExtraPayment:
    """Money paid on top of the instalments: on a due date after the instalment, between due dates at once."""

    date: date
    amount: Decimal
    effect: Effect = Effect.REDUCE_TERM


@dataclass(frozen=True)
class BusinessDays:
    """Moves due dates to business days: Monday to Friday, unless `is_holiday` says otherwise.

    Where actual days are counted, interest moves with the date; 30/360 and equal periods go on counting from
    the unmoved dates.
    """

    adjustment: Adjustment
    is_holiday: Callable[[date], bool] = field(default=lambda day: False)


@dataclass(frozen=True)
class Terms:
    """What a schedule is made from. Everything is checked when it is made.

    Attributes:
        principal: the amount lent, AUD.
        annual_rate: percent per annum, 0 to 100.
        number_of_instalments: those of a grace period included. Fewer rows come out when a rounded or given
            instalment, or extra payments, repay the loan earlier.
        frequency: the step from one due date to the next.
        start_date: the day of disbursement; interest runs from it.
        first_due_date: unless one step after the start: the first period is then a broken one.
        instalment_amount: for equal instalments, instead of the one worked out, AUD.
        principal_percentage: for a fixed principal percentage: what each instalment repays, percent of the
            principal. The last one repays the rest.
        principal_grace_periods: this many instalments of interest only come first.
        balloon: principal that is left for the last instalment, AUD.
        extra_payments: in any order.
        first_number: the number of the first row: more than 1 for what is left of a loan.
        interest_brought_forward: interest from before the start that is due with the first instalment, AUD;
            it bears none itself.
        due_day: the day of the month that month steps keep, unless that of the start or the first due date.

    Raises:
        ScheduleError: naming the field.
    """

    principal: Decimal
    annual_rate: Decimal
    number_of_instalments: int
    frequency: Frequency
    start_date: date
    method: Method = Method.EQUAL_INSTALMENTS
    day_count: DayCount = DayCount.ACT_365
    rounding: Rounding = Rounding()
    first_due_date: date | None = None
    instalment_amount: Decimal | None = None
    principal_percentage: Decimal | None = None
    principal_grace_periods: int = 0
    balloon: Decimal = ZERO
    extra_payments: tuple[ExtraPayment, ...] = ()
    business_days: BusinessDays | None = None
    first_number: int = 1
    interest_brought_forward: Decimal = ZERO
    due_day: int | None = None

    def __post_init__(self) -> None:
        self._check_amounts()
        self._check_length()
        self._check_method()
        for position, extra in enumerate(self.extra_payments):
            self._check_extra(position, extra)

    @property
    def first_due(self) -> date:
        """When the first instalment is due, before any move to a business day."""
        return self.first_due_date or self._one_step

    @property
    def kept_day(self) -> int:
        """The day that month steps keep: 31 Jan, 29 Feb, 31 Mar."""
        regular = self.first_due == self._one_step
        return self.due_day or (self.start_date.day if regular else self.first_due.day)

    @property
    def maturity(self) -> date:
        """When the last instalment is due, before any move to a business day."""
        return self.frequency.after(self.first_due, self.number_of_instalments - 1, self.kept_day)

    @property
    def _one_step(self) -> date:
        return self.frequency.after(self.start_date, 1, self.due_day or self.start_date.day)

    def _check_amounts(self) -> None:
        check_amount(self.principal, "principal")
        if not self.principal:
            raise ScheduleError("principal", message="The amount lent is more than zero.")
        if not (self.annual_rate.is_finite() and 0 <= self.annual_rate <= MAX_RATE):
            raise ScheduleError("annual_rate", message="A rate is from 0 to 100 percent per annum.")
        check_amount(self.balloon, "balloon")
        if self.balloon > self.principal:
            raise ScheduleError("balloon", message="More than is lent cannot be left for the end.")
        check_amount(self.interest_brought_forward, "interest_brought_forward")

    def _check_length(self) -> None:
        if self.number_of_instalments < 1:
            raise ScheduleError("number_of_instalments", message="There is at least one instalment.")
        if self.start_date.year not in START_YEARS:
            years = f"{START_YEARS[0]} and {START_YEARS[-1]}"
            raise ScheduleError("start_date", message=f"A loan starts between {years}.")
        self._check_due_dates()
        if not 0 <= self.principal_grace_periods < self.number_of_instalments:
            raise ScheduleError(
                "principal_grace_periods", message="At least one instalment comes after the grace periods."
            )

    def _check_due_dates(self) -> None:
        if self.due_day is not None and not 1 <= self.due_day <= LAST_DAY:
            raise ScheduleError("due_day", message="A day of a month is from 1 to 31.")
        end = self.start_date.replace(year=self.start_date.year + MAX_YEARS, day=1) + timedelta(
            days=self.start_date.day - 1
        )
        if self.first_due_date is not None:
            if self.first_due_date <= self.start_date:
                raise ScheduleError("first_due_date", message="The first instalment is due after the start.")
            if self.first_due_date > end:
                raise ScheduleError("first_due_date", message=TOO_LONG)
        # The rough bound first: nothing has to be worked out for an absurd number.
        if self.number_of_instalments * self.frequency.days > MAX_DAYS or self.maturity > end:
            raise ScheduleError("number_of_instalments", message=TOO_LONG)

    def _check_method(self) -> None:
        if self.instalment_amount is not None:
            if self.method != Method.EQUAL_INSTALMENTS:
                raise ScheduleError(
                    "instalment_amount", message="Only equal instalments have a given amount."
                )
            check_amount(self.instalment_amount, "instalment_amount")
            if not self.instalment_amount:
                raise ScheduleError("instalment_amount", message="An instalment is more than zero.")
        fixed = self.method == Method.FIXED_PRINCIPAL_PERCENTAGE
        percentage = self.principal_percentage
        if fixed != (percentage is not None):
            need = "This method needs it." if fixed else "Only the fixed principal percentage has one."
            raise ScheduleError("principal_percentage", message=need)
        if percentage is not None and not (percentage.is_finite() and 0 < percentage <= 100):
            raise ScheduleError("principal_percentage", message="It is more than 0 and at most 100 percent.")

    def _check_extra(self, position: int, extra: ExtraPayment) -> None:
        check_amount(extra.amount, "extra_payments", position, "amount")
        if not extra.amount:
            raise ScheduleError(
                "extra_payments", position, "amount", message="An extra payment is more than zero."
            )
        if extra.date < self.start_date:
            raise ScheduleError(
                "extra_payments", position, "date", message="Nothing is repaid before the loan starts."
            )


TOO_LONG = f"A loan runs for {MAX_YEARS} years at most."


def check_amount(amount: Decimal, *path: str | int) -> None:
    """Refuse what is not money: negative, absurd, or with parts of cents."""
    if not (amount.is_finite() and 0 <= amount <= MAX_AMOUNT):
        raise ScheduleError(*path, message=f"An amount is from 0 to {MAX_AMOUNT:,}.")
    if amount != amount.quantize(CENT):
        raise ScheduleError(*path, message="Money has at most two decimal places.")
