"""When a schedule is due, by the clock of a place. Pure: no database, no clock.

A time that a clock jumps over, or shows twice, is read by the offset before the jump, and as the first of the
two (RFC 5545, 3.3.5): Python's `fold=0` is the same rule. So each day has each time once.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from reports.choices import Recurrence

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Rhythm:
    """Every day, one day of the week (1 for Monday), or one of the month: its last where that is shorter."""

    recurrence: Recurrence
    at: time
    zone: ZoneInfo
    weekday: int | None = None
    day_of_month: int | None = None

    def falls_on(self, day: date) -> bool:
        """Whether it is due on a day of its own clock."""
        if self.recurrence is Recurrence.WEEKLY:
            return day.isoweekday() == self.weekday
        if self.recurrence is Recurrence.MONTHLY:
            assert self.day_of_month is not None
            return day.day == min(self.day_of_month, monthrange(day.year, day.month)[1])
        return True

    def after(self, moment: datetime) -> datetime:
        """The first time that it is due after a moment, UTC."""
        # The day before too: a jump of the clock can carry its time past midnight.
        day = moment.astimezone(self.zone).date() - DAY
        while True:
            due = datetime.combine(day, self.at, self.zone).astimezone(UTC)
            if due > moment and self.falls_on(day):
                return due
            day += DAY
