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


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last of a month that is too short."""
    years, index = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, index + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
