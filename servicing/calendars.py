"""Public holidays of the Australian states, for due dates on business days.

From the package `holidays`: those of a whole state, none that only a town or the banks keep. It knows them up
to 2100; later dates are moved for weekends only.
"""

from collections.abc import Callable
from datetime import date
from functools import cache

from holidays import country_holidays


@cache
def _holidays(state: str, year: int) -> frozenset[date]:
    # A whole year at once: the package's own mapping fills itself while it is read, also by two threads.
    return frozenset(country_holidays("AU", subdiv=state, years=year))


@cache
def holidays_of(state: str) -> Callable[[date], bool]:
    """Whether a day is a holiday in a state (NSW, VIC, …); the same function for the same state."""

    def is_holiday(day: date) -> bool:
        return day in _holidays(state, day.year)

    return is_holiday
