"""The schedule engine: the terms of a loan in, its instalments out.

Pure: no Django, no database, no clock, no floats. `make_schedule(terms)` works out every row in time linear
in their number. `accrued_interest` counts days as the schedule does, and `revise` makes the terms of what is
left of a loan when its rate, length or instalment changes. docs/servicing.md has the formulas and sources.

Inside, from bottom to top: `errors`, `terms` (what goes in), `periods` (due dates, and how much of a year is
between them), `methods` (what is repaid of the principal), `engine` (the rows), `changes` (accrual and
revision).
"""

from servicing.schedule.changes import accrued_interest, interest_factor, revise
from servicing.schedule.engine import Instalment, Schedule, Totals, make_schedule
from servicing.schedule.errors import ScheduleError
from servicing.schedule.terms import (
    Adjustment,
    BusinessDays,
    DayCount,
    Effect,
    ExtraPayment,
    Frequency,
    Method,
    Rounding,
    RoundingMode,
    Terms,
    Unit,
)

__all__ = [
    "Adjustment",
    "BusinessDays",
    "DayCount",
    "Effect",
    "ExtraPayment",
    "Frequency",
    "Instalment",
    "Method",
    "Rounding",
    "RoundingMode",
    "Schedule",
    "ScheduleError",
    "Terms",
    "Totals",
    "Unit",
    "accrued_interest",
    "interest_factor",
    "make_schedule",
    "revise",
]
