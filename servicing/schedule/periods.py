"""Due dates, and how much of a year lies between them.

Two kinds of day count. *Actual* ones (ACT/365 fixed, ACT/360, ACT/ACT ISDA) count the days between two dates,
so any part of a period has its own fraction of a year. *Nominal* ones (30/360, equal periods) give a whole
period its fraction by rule, from the due dates as they were before any move to a business day; a part of a
period has its share of that, by days of 30/360 or of the calendar, so that parts always add up to the whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property

from servicing.schedule.terms import Adjustment, BusinessDays, DayCount, Terms, Unit

_DAY = timedelta(days=1)
_SATURDAY = 5
_NOMINAL = {DayCount.THIRTY_360, DayCount.EQUAL_PERIODS}


def days_30_360(start: date, end: date) -> int:
    """Days of months that all have 30: 30E/360, ISDA 2006 Definitions, section 4.16(g).

    Unlike the bond basis of 4.16(f) it is additive: the days of two parts are the days of the whole.
    """
    months = 12 * (end.year - start.year) + end.month - start.month
    return 30 * months + min(end.day, 30) - min(start.day, 30)


def fraction_act_act(start: date, end: date) -> Decimal:
    """Years between two dates, ACT/ACT: ISDA 2006 Definitions, section 4.16(b).

    Days in leap years over 366 and the others over 365; the first day counts, the last does not.
    """
    fraction = Decimal(0)
    while start.year < end.year:
        new_year = date(start.year + 1, 1, 1)
        fraction += Decimal((new_year - start).days) / _days_of_year(start.year)
        start = new_year
    return fraction + Decimal((end - start).days) / _days_of_year(start.year)


def _days_of_year(year: int) -> int:
    return (date(year, 12, 31) - date(year, 1, 1)).days + 1


@dataclass(frozen=True)
class Period:
    """From one due date to the next.

    Attributes:
        number: from 1, of these terms.
        days: as the day count counts them.
        fraction: of a year.
    """

    number: int
    start: date
    end: date
    days: int
    fraction: Decimal
    day_count: DayCount

    def part(self, start: date, end: date) -> Decimal:
        """The fraction of a year of a part of this period."""
        if (start, end) == (self.start, self.end):
            return self.fraction
        if self.day_count in _NOMINAL:
            return self.fraction * _share(self.day_count, (start, end), (self.start, self.end))
        return _actual(self.day_count, start, end)


class Periods:
    """The periods of a loan, without end: those after the last instalment go on in the same steps."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._frequency = terms.frequency
        self._first = terms.first_due
        self._day = terms.kept_day

    def nominal_due(self, number: int) -> date:
        """When an instalment is due before any move; those before the first are where steps back lead."""
        return self._frequency.after(self._first, number - 1, self._day)

    def due(self, number: int) -> date:
        """When an instalment is due; number 0 is the start of the loan."""
        if number == 0:
            return self.terms.start_date
        nominal = self.nominal_due(number)
        if self.terms.business_days is None:
            return nominal
        return adjusted(nominal, self.terms.business_days, earliest=self.terms.start_date)

    def first(self, count: int) -> Iterator[Period]:
        """The first so many periods."""
        start = self.terms.start_date
        for number in range(1, count + 1):
            period = self._period(number, start, self.due(number))
            yield period
            start = period.end

    def at(self, day: date) -> Period:
        """The period that the night before a day belongs to: its start is before the day, its end is not."""
        number = max(1, self._guess(day))
        while number > 1 and self.due(number - 1) >= day:
            number -= 1
        while self.due(number) < day:
            number += 1
        return self._period(number, self.due(number - 1), self.due(number))

    def _guess(self, day: date) -> int:
        """A number near to the one that is due at a day, without walking there."""
        if self._frequency.unit is Unit.MONTH:
            steps = (day.year - self._first.year) * 12 + day.month - self._first.month
            return 1 + steps // self._frequency.every
        return 1 + (day - self._first).days // self._frequency.days

    def _period(self, number: int, start: date, end: date) -> Period:
        count = self.terms.day_count
        if count in _NOMINAL:
            days, fraction = self._nominal(number, (end - start).days)
        else:
            days, fraction = (end - start).days, _actual(count, start, end)
        return Period(number, start, end, days, fraction, count)

    def _nominal(self, number: int, actual_days: int) -> tuple[int, Decimal]:
        steps = self._first_steps if number == 1 else Decimal(1)
        if self.terms.day_count is DayCount.EQUAL_PERIODS:
            return actual_days, steps / self._frequency.periods_per_year
        if self._frequency.unit is Unit.MONTH:
            days = 30 * self._frequency.every * steps
        else:
            start = self.terms.start_date if number == 1 else self.nominal_due(number - 1)
            days = Decimal(days_30_360(start, self.nominal_due(number)))
        return int(days.to_integral_value()), days / 360

    @cached_property
    def _first_steps(self) -> Decimal:
        """How many steps the first period has: whole ones back from its end, and a part of one more.

        The rule of ACT/ACT ICMA (ICMA rule 251) for a broken first period, with the days of the convention.
        """
        start = self.terms.start_date
        whole = max(0, -self._guess(start) - 1)
        while self.nominal_due(-whole) > start:
            whole += 1
        # The last step back passed the start, or met it: what it passed is no part of the period.
        earlier, later = self.nominal_due(-whole), self.nominal_due(1 - whole)
        return whole + _share(self.terms.day_count, (start, later), (earlier, later))


def _share(count: DayCount, part: tuple[date, date], whole: tuple[date, date]) -> Decimal:
    """How much of a whole a part is, by the days of a nominal convention."""
    thirty = count is DayCount.THIRTY_360
    some, days = (days_30_360(*pair) if thirty else (pair[1] - pair[0]).days for pair in (part, whole))
    return Decimal(some) / days if days else Decimal(0)


def _actual(count: DayCount, start: date, end: date) -> Decimal:
    match count:
        case DayCount.ACT_365:
            return Decimal((end - start).days) / 365
        case DayCount.ACT_360:
            return Decimal((end - start).days) / 360
        case _:
            return fraction_act_act(start, end)


def adjusted(day: date, rule: BusinessDays, *, earliest: date) -> date:
    """Move a date to a business day; never to before `earliest`."""

    def closed(candidate: date) -> bool:
        return candidate.weekday() >= _SATURDAY or rule.is_holiday(candidate)

    later = day
    while closed(later):
        later += _DAY
    stays_in_month = (later.year, later.month) == (day.year, day.month)
    if rule.adjustment is Adjustment.NEXT or (rule.adjustment is Adjustment.MODIFIED_NEXT and stays_in_month):
        return later
    before = day
    while closed(before):
        before -= _DAY
    return before if before >= earliest else later
