"""Calendar months: pure rules on dates."""

from calendar import monthrange
from datetime import date, timedelta


def first_of(day: date) -> date:
    """The first day of a day's month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after a day's."""
    return add_months(first_of(month), 1)


def last_of(month: date) -> date:
    """The last day of a day's month."""
    return next_month(month) - timedelta(days=1)


def quarter_of(day: date) -> tuple[date, date]:
    """The first and the last day of a day's calendar quarter."""
    first = date(day.year, day.month - (day.month - 1) % 3, 1)
    return first, last_of(add_months(first, 2))


def financial_year_of(day: date) -> tuple[date, date]:
    """The first and the last day of a day's financial year, which begins on 1 July."""
    year = day.year if day.month >= 7 else day.year - 1
    return date(year, 7, 1), date(year + 1, 6, 30)


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last of a month that is too short."""
    years, index = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, index + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
