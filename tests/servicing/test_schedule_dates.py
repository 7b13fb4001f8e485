"""Due dates and the counting of days, each by hand."""

from datetime import date
from decimal import Decimal

import pytest

from servicing.schedule import (
    Adjustment,
    BusinessDays,
    DayCount,
    Frequency,
    Method,
    Terms,
    Unit,
    interest_factor,
    make_schedule,
)
from servicing.schedule.periods import days_30_360, fraction_act_act
from tests.servicing.loans import MONTHLY, terms

YEARLY = Frequency(Unit.MONTH, 12)


def due_dates(**others) -> list[str]:
    return [str(row.due_date) for row in make_schedule(terms(**others)).instalments]


def test_months_keep_the_day_they_began_with():
    assert due_dates(start_date=date(2024, 1, 31), number=5) == [
        "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30",
    ]  # fmt: skip
    assert due_dates(start_date=date(2023, 1, 31), number=2) == ["2023-02-28", "2023-03-31"]
    assert due_dates(start_date=date(2023, 11, 30), number=4, frequency=Frequency(Unit.MONTH, 3)) == [
        "2024-02-29", "2024-05-30", "2024-08-30", "2024-11-30",
    ]  # fmt: skip


def test_a_leap_day_comes_back_in_leap_years():
    assert due_dates(start_date=date(2024, 2, 29), frequency=YEARLY) == [
        "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29",
    ]  # fmt: skip


def test_weeks_and_days():
    start = date(2024, 2, 22)
    assert due_dates(start_date=start, number=2, frequency=Frequency(Unit.WEEK, 2)) == [
        "2024-03-07", "2024-03-21",
    ]  # fmt: skip
    assert due_dates(start_date=start, number=2, frequency=Frequency(Unit.DAY, 10)) == [
        "2024-03-03", "2024-03-13",
    ]  # fmt: skip


def test_the_first_due_date_sets_the_day_unless_it_is_the_regular_one():
    assert due_dates(start_date=date(2026, 1, 15), first_due_date=date(2026, 3, 31), number=3) == [
        "2026-03-31", "2026-04-30", "2026-05-31",
    ]  # fmt: skip
    assert due_dates(start_date=date(2026, 1, 31), first_due_date=date(2026, 2, 28), number=2) == [
        "2026-02-28", "2026-03-31",
    ]  # fmt: skip


# --- what a first period is worth ------------------------------------------------------------------

# 1,000 at 12 % from 15 January to 1 March 2026: 17 days of January and 28 of February.
LONG_FIRST = {"start_date": date(2026, 1, 15), "first_due_date": date(2026, 3, 1)}
# To 1 February: 17 days.
SHORT_FIRST = {"start_date": date(2026, 1, 15), "first_due_date": date(2026, 2, 1)}


@pytest.mark.parametrize(
    ("count", "broken", "days", "interest"),
    [
        (DayCount.ACT_365, LONG_FIRST, 45, "14.79"),  # 120 × 45/365
        (DayCount.ACT_360, LONG_FIRST, 45, "15.00"),  # 120 × 45/360
        (DayCount.ACT_ACT, LONG_FIRST, 45, "14.79"),  # no leap year
        (DayCount.THIRTY_360, LONG_FIRST, 46, "15.33"),  # 120 × (16 + 30)/360
        (DayCount.EQUAL_PERIODS, LONG_FIRST, 45, "15.48"),  # 120 ÷ 12 × (1 + 17/31)
        (DayCount.ACT_365, SHORT_FIRST, 17, "5.59"),  # 120 × 17/365
        (DayCount.THIRTY_360, SHORT_FIRST, 16, "5.33"),  # 120 × 16/360
        (DayCount.EQUAL_PERIODS, SHORT_FIRST, 17, "5.48"),  # 120 ÷ 12 × 17/31
    ],
)
def test_a_broken_first_period(count, broken, days, interest):
    first, second = make_schedule(terms(day_count=count, **broken)).instalments[:2]
    assert (first.days, str(first.interest)) == (days, interest)
    assert first.total == second.total


def test_the_instalment_of_a_broken_period_solves_the_annuity():
    # Factors f = 12 % × days ÷ 365 of 45, 31 and 30 days: 0.014 794 5, 0.010 191 8, 0.009 863 0.
    # Worth of 1 at each due date, at the first: 1 + 1/1.010 191 8 × (1 + 1/1.009 863 0) = 2.970 154.
    # 1,000 × 1.014 794 5 ÷ 2.970 154 = 341.664.
    rows = make_schedule(terms(number=3, day_count=DayCount.ACT_365, **LONG_FIRST)).instalments
    assert [str(row.total) for row in rows] == ["341.66", "341.66", "341.67"]


# --- day counts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2024, 1, 1), date(2024, 2, 1), 30),
        (date(2024, 1, 30), date(2024, 1, 31), 0),
        (date(2024, 1, 31), date(2024, 2, 29), 29),
        (date(2024, 2, 29), date(2024, 3, 31), 31),
        (date(2023, 2, 28), date(2023, 3, 1), 3),
        (date(2023, 12, 15), date(2025, 1, 15), 390),
    ],
)
def test_months_of_thirty_days(start, end, days):
    assert days_30_360(start, end) == days


def test_a_whole_month_is_a_twelfth_in_30_360_february_too():
    of = terms(
        rate="12", start_date=date(2024, 1, 31), day_count=DayCount.THIRTY_360, method=Method.INTEREST_ONLY
    )
    rows = make_schedule(of).instalments
    assert [(row.days, str(row.interest)) for row in rows] == [(30, "10.00")] * 4


def test_days_of_leap_years_are_counted_apart():
    # ISDA: of 1 December 2023 to 1 February 2024, 31 days are of 365 and 31 of 366.
    of_both = Decimal(31) / 365 + Decimal(31) / 366
    assert fraction_act_act(date(2023, 12, 1), date(2024, 2, 1)) == of_both
    assert fraction_act_act(date(2023, 1, 1), date(2026, 1, 1)) == 3
    assert fraction_act_act(date(2024, 2, 29), date(2024, 2, 29)) == 0
    # 100,000 at 10 %: 849.315 + 846.994.
    of = terms(
        "100000", "10", 1, start_date=date(2023, 12, 1), frequency=Frequency(Unit.MONTH, 2),
        day_count=DayCount.ACT_ACT,
    )  # fmt: skip
    assert str(make_schedule(of).instalments[0].interest) == "1696.31"


@pytest.mark.parametrize(
    ("frequency", "periods"),
    [
        (MONTHLY, "12"),
        (Frequency(Unit.MONTH, 3), "4"),
        (YEARLY, "1"),
        (Frequency(Unit.WEEK), "52"),
        (Frequency(Unit.WEEK, 2), "26"),
        (Frequency(Unit.DAY), "365"),
        (Frequency(Unit.DAY, 73), "5"),
    ],
)
def test_equal_periods_divide_the_year(frequency, periods):
    assert frequency.periods_per_year == Decimal(periods)
    # 36,500 at 100 % for one period.
    of = terms("36500", "100", 1, frequency=frequency)
    expected = (Decimal(36500) / Decimal(periods)).quantize(Decimal("0.01"))
    assert make_schedule(of).instalments[0].interest == expected


def test_interest_goes_on_after_the_last_due_date():
    of = terms(number=1, day_count=DayCount.ACT_365)
    # 36,500 × 12 % × 30/365.
    after = interest_factor(of, date(2026, 2, 15), date(2026, 3, 17))
    assert (after * 36500).quantize(Decimal("0.000001")) == 360


# --- business days ---------------------------------------------------------------------------------

AUSTRALIA_DAY = date(2026, 1, 26)  # a Monday


def moved(adjustment: Adjustment, due: date, **others) -> str:
    rule = BusinessDays(adjustment, lambda day: day == AUSTRALIA_DAY)
    of = terms(number=1, start_date=date(2026, 1, 1), first_due_date=due, business_days=rule, **others)
    return str(make_schedule(of).instalments[0].due_date)


@pytest.mark.parametrize(
    ("due", "following", "modified", "previous"),
    [
        (date(2026, 2, 13), "2026-02-13", "2026-02-13", "2026-02-13"),  # Friday
        (date(2026, 2, 14), "2026-02-16", "2026-02-16", "2026-02-13"),  # Saturday
        (date(2026, 2, 15), "2026-02-16", "2026-02-16", "2026-02-13"),  # Sunday
        (date(2026, 1, 24), "2026-01-27", "2026-01-27", "2026-01-23"),  # before a holiday
        (date(2026, 1, 26), "2026-01-27", "2026-01-27", "2026-01-23"),  # the holiday
        (date(2026, 1, 31), "2026-02-02", "2026-01-30", "2026-01-30"),  # Saturday, and the month ends
        (date(2026, 5, 31), "2026-06-01", "2026-05-29", "2026-05-29"),  # Sunday, and the month ends
    ],
)
def test_due_dates_move_to_business_days(due, following, modified, previous):
    assert moved(Adjustment.NEXT, due) == following
    assert moved(Adjustment.MODIFIED_NEXT, due) == modified
    assert moved(Adjustment.PREVIOUS, due) == previous


def test_no_date_moves_to_before_the_start():
    rule = BusinessDays(Adjustment.PREVIOUS)
    of = terms(number=1, start_date=date(2026, 2, 14), first_due_date=date(2026, 2, 15), business_days=rule)
    assert str(make_schedule(of).instalments[0].due_date) == "2026-02-16"


def on_weekdays(count: DayCount) -> Terms:
    return terms(
        number=2, day_count=count, method=Method.INTEREST_ONLY, business_days=BusinessDays(Adjustment.NEXT)
    )


def test_actual_days_move_with_the_date_and_nominal_ones_do_not():
    # 15 February 2026 is a Sunday, 15 March too: 32 days to Monday the 16th, and 28 to the 16th of March.
    moving = make_schedule(on_weekdays(DayCount.ACT_365)).instalments
    assert [(str(row.due_date), row.days) for row in moving] == [("2026-02-16", 32), ("2026-03-16", 28)]
    assert [str(row.interest) for row in moving] == ["10.52", "9.21"]  # 120 × 32/365 and 28/365
    for count in (DayCount.THIRTY_360, DayCount.EQUAL_PERIODS):
        resting = make_schedule(on_weekdays(count)).instalments
        assert [str(row.interest) for row in resting] == ["10.00", "10.00"]
        assert str(resting[0].due_date) == "2026-02-16"


def test_later_dates_are_counted_from_the_unmoved_ones():
    of = terms(number=4, business_days=BusinessDays(Adjustment.NEXT))
    assert [str(row.due_date) for row in make_schedule(of).instalments] == [
        "2026-02-16", "2026-03-16", "2026-04-15", "2026-05-15",
    ]  # fmt: skip
