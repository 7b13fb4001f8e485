"""The small book of these tests."""

from dataclasses import dataclass
from datetime import date

from demo.clock import WorkingClock
from demo.loans import Loan

TODAY = date(2025, 6, 24)
LIMIT = 80


@dataclass
class Written:
    """What the fixture wrote, and from what."""

    counts: dict[str, int]
    logins: dict[str, dict[str, str]]
    loans: list[Loan]
    clock: WorkingClock
