"""Working time: office hours from the first day of the book to its last.

Everything in the book happens from Monday to Friday between nine and five in Sydney. A moment is a number of
working seconds since the book began, so that later numbers are later moments, whatever weekends lie between.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

OFFICE = ZoneInfo("Australia/Sydney")
OPENS = time(9)
SECONDS_A_DAY = 8 * 3600
YEARS = 3


class WorkingClock:
    """The working time of three years that end when `today` begins (midnight UTC)."""

    def __init__(self, today: date) -> None:
        self.end = datetime.combine(today, time(), UTC)
        first = today - timedelta(days=365 * YEARS + 1)
        days = (first + timedelta(days=number) for number in range((today - first).days + 1))
        self._mornings = [
            datetime.combine(day, OPENS, OFFICE).astimezone(UTC) for day in days if day.weekday() < 5
        ]
        self.total = sum(self._worked(morning) for morning in self._mornings)

    def at(self, second: int) -> datetime:
        """The moment (UTC) after so many working seconds, which must be fewer than `total`."""
        day, rest = divmod(second, SECONDS_A_DAY)
        return self._mornings[day] + timedelta(seconds=rest)

    def _worked(self, morning: datetime) -> int:
        left = int((self.end - morning).total_seconds())
        return max(0, min(SECONDS_A_DAY, left))
