"""Periods by name, so that a report that is kept asks for the days of the day on which it runs.

Pure. All are whole days and inclusive; "to date" ends today.
"""

from datetime import date, timedelta
from enum import StrEnum


class Period(StrEnum):
    """A span of days, seen from today."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    LAST_7_DAYS = "last_7_days"
    LAST_30_DAYS = "last_30_days"
    LAST_90_DAYS = "last_90_days"
    LAST_WEEK = "last_week"
    WEEK_TO_DATE = "week_to_date"
    LAST_MONTH = "last_month"
    MONTH_TO_DATE = "month_to_date"
    LAST_QUARTER = "last_quarter"
    QUARTER_TO_DATE = "quarter_to_date"
    LAST_FINANCIAL_YEAR = "last_financial_year"
    FINANCIAL_YEAR_TO_DATE = "financial_year_to_date"
    LAST_YEAR = "last_year"
    YEAR_TO_DATE = "year_to_date"


PERIODS = [(one.value, one.value) for one in Period]
_BACK = {Period.LAST_7_DAYS: 7, Period.LAST_30_DAYS: 30, Period.LAST_90_DAYS: 90}
_DAY = timedelta(days=1)


def period_days(period: Period, today: date) -> tuple[date, date]:
    """The first and the last day.

    "last_7_days" and its like are full days that end yesterday. Weeks begin on Monday; a financial year
    begins on 1 July, as it does in Australia.
    """
    if period is Period.TODAY:
        return today, today
    if period is Period.YESTERDAY:
        return today - _DAY, today - _DAY
    if period in _BACK:
        return today - timedelta(days=_BACK[period]), today - _DAY
    begins = _begins(period, today)
    if period.value.endswith("to_date"):
        return begins, today
    return _begins(period, begins - _DAY), begins - _DAY


def _begins(period: Period, day: date) -> date:
    """The first day of the week, month, quarter or year that a day is in."""
    name = period.value
    if "week" in name:
        return day - timedelta(days=day.weekday())
    if "month" in name:
        return day.replace(day=1)
    if "quarter" in name:
        return date(day.year, day.month - (day.month - 1) % 3, 1)
    if "financial" in name:
        return date(day.year if day.month >= 7 else day.year - 1, 7, 1)
    return date(day.year, 1, 1)
