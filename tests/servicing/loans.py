"""Loans to test the schedule engine with, and an oracle for their interest that shares nothing with it."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from servicing.schedule import (
    DayCount,
    Effect,
    ExtraPayment,
    Frequency,
    Method,
    Rounding,
    RoundingMode,
    Schedule,
    ScheduleError,
    Terms,
    Unit,
    make_schedule,
)

MONTHLY = Frequency(Unit.MONTH)
WEEKLY = Frequency(Unit.WEEK)
FIFTY_YEARS = {Unit.DAY: 18262, Unit.WEEK: 2608, Unit.MONTH: 600}


def terms(principal="1000.00", rate="12", number=4, **others) -> Terms:
    """1,000 AUD at 12 % over four months of equal length: 1 % a month."""
    return Terms(
        **{
            "principal": Decimal(principal),
            "annual_rate": Decimal(rate),
            "number_of_instalments": number,
            "frequency": MONTHLY,
            "start_date": date(2026, 1, 15),
            "day_count": DayCount.EQUAL_PERIODS,
            **others,
        }
    )


def table(schedule: Schedule) -> list[str]:
    """Each row as `interest principal total balance`."""
    return [f"{row.interest} {row.principal} {row.total} {row.balance}" for row in schedule.instalments]


def cents(value: str) -> Decimal:
    return Decimal(value)


def fraction_of_year(count: DayCount, frequency: Frequency, start: date, end: date) -> Fraction:
    """A regular period's part of a year, day by day where days are counted."""
    days = [date.fromordinal(day) for day in range(start.toordinal(), end.toordinal())]
    match count:
        case DayCount.ACT_365:
            return Fraction(len(days), 365)
        case DayCount.ACT_360:
            return Fraction(len(days), 360)
        case DayCount.ACT_ACT:
            leap = sum(
                1 for day in days if day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
            )
            return Fraction(leap, 366) + Fraction(len(days) - leap, 365)
        case DayCount.EQUAL_PERIODS:
            year = {Unit.MONTH: 12, Unit.WEEK: 52, Unit.DAY: 365}[frequency.unit]
            return Fraction(frequency.every, year)
        case DayCount.THIRTY_360 if frequency.unit is Unit.MONTH:
            return Fraction(frequency.every, 12)
        case _:
            months = 12 * (end.year - start.year) + end.month - start.month
            return Fraction(30 * months + min(end.day, 30) - min(start.day, 30), 360)


@st.composite
def any_terms(draw, *, extras: bool = False, longest: int = 240) -> Terms:
    """Terms of every kind; from one day to 50 years, from 0 to 100 percent."""
    unit = draw(st.sampled_from(Unit))
    number = draw(st.integers(1, min(longest, FIFTY_YEARS[unit])))
    every = draw(st.integers(1, max(1, min(12, (FIFTY_YEARS[unit] - 2) // number))))
    method = draw(st.sampled_from(Method))
    principal = draw(st.decimals("0.01", "5000000", places=2))
    start = draw(st.dates(date(1999, 1, 1), date(2060, 12, 31)))
    return Terms(
        principal=principal,
        annual_rate=draw(st.decimals(0, 100, places=4)),
        number_of_instalments=number,
        frequency=Frequency(unit, every),
        start_date=start,
        method=method,
        day_count=draw(st.sampled_from(DayCount)),
        rounding=Rounding(
            draw(st.sampled_from(RoundingMode)),
            draw(st.sampled_from([None, None, Decimal("0.05"), Decimal(1), Decimal(10)])),
        ),
        principal_percentage=(
            draw(st.decimals("0.01", 100, places=4)) if method is Method.FIXED_PRINCIPAL_PERCENTAGE else None
        ),
        principal_grace_periods=draw(st.integers(0, number - 1)) if draw(st.booleans()) else 0,
        balloon=(draw(st.decimals(0, principal, places=2)) if draw(st.booleans()) else Decimal("0.00")),
        extra_payments=draw(_extras(start, principal)) if extras else (),
    )


def _extras(start: date, principal: Decimal) -> st.SearchStrategy:
    one = st.builds(
        ExtraPayment,
        st.integers(0, 3000).map(lambda days: date.fromordinal(start.toordinal() + days)),
        st.decimals("0.01", max(principal / 4, Decimal("0.01")), places=2),
        st.sampled_from(Effect),
    )
    return st.lists(one, max_size=4).map(tuple)


def made_or_refused(of: Terms) -> Schedule | None:
    """A schedule, or None where an extra payment is more than is owed by then."""
    try:
        return make_schedule(of)
    except ScheduleError as error:
        if error.field != "extra_payments":
            raise
        return None
