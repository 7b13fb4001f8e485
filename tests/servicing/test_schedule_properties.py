"""What holds for every schedule, whatever its terms."""

import random
import sys
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import numpy_financial as npf
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from servicing.schedule import (
    DayCount,
    Frequency,
    Method,
    Rounding,
    RoundingMode,
    Terms,
    Unit,
    accrued_interest,
    interest_factor,
    make_schedule,
    revise,
)
from tests.servicing.loans import any_terms, fraction_of_year, made_or_refused, terms

CENT = Decimal("0.01")
repeatable = settings(max_examples=300, derandomize=True, database=None, deadline=None)


def check_sums(schedule):
    """Every row follows from the one before, and all of them repay what was lent."""
    with localcontext(prec=60):
        _check_sums(schedule)


def _check_sums(schedule):
    balance = schedule.terms.principal
    for position, row in enumerate(schedule.instalments):
        assert row.number == schedule.terms.first_number + position
        assert row.total == row.interest + row.principal
        assert row.balance == balance - row.principal
        assert row.balance >= 0
        assert row.interest >= 0
        for amount in (row.interest, row.principal, row.total, row.balance, row.extra):
            assert amount.as_tuple().exponent == -2
        balance = row.balance
    assert balance == 0
    assert 1 <= len(schedule.instalments) <= schedule.terms.number_of_instalments
    totals = schedule.totals
    assert totals.principal == schedule.terms.principal
    assert totals.total == totals.interest + totals.principal
    assert totals.interest == sum(row.interest for row in schedule.instalments)
    dates = [schedule.terms.start_date, *(row.due_date for row in schedule.instalments)]
    assert dates == sorted(set(dates))


@repeatable
@given(any_terms())
def test_principal_sums_to_what_was_lent_and_the_last_balance_is_zero(of):
    check_sums(make_schedule(of))


@repeatable
@given(any_terms(extras=True))
def test_extra_payments_change_nothing_of_that(of):
    schedule = made_or_refused(of)
    if schedule is not None:
        check_sums(schedule)
        paid = sum((extra.amount for extra in of.extra_payments), Decimal(0))
        assert sum(row.extra for row in schedule.instalments) == paid


@settings(repeatable, max_examples=100)
@given(any_terms(longest=2608))
def test_instalments_are_equal_but_for_the_last(of):
    assume(of.method is Method.EQUAL_INSTALMENTS and of.rounding.instalment_multiple is None)
    rows = make_schedule(of).instalments
    amortising = rows[of.principal_grace_periods : -1]
    # At the balloon, or at the end of a loan of a few cents, there is nothing left to repay before the last.
    assert len({row.total for row in amortising if row.balance > of.balloon}) <= 1
    assert all(row.principal == 0 for row in rows[: of.principal_grace_periods] if row.balance)
    assert rows[-1].principal >= of.balloon


@repeatable
@given(any_terms())
def test_interest_is_the_balance_times_the_period_rounded_once(of):
    mode = ROUND_HALF_UP if of.rounding.mode is RoundingMode.HALF_UP else ROUND_HALF_EVEN
    balance, start = of.principal, of.start_date
    for row in make_schedule(of).instalments:
        part = fraction_of_year(of.day_count, of.frequency, start, row.due_date)
        exact = Fraction(balance) * Fraction(of.annual_rate) / 100 * part
        scaled = exact * 10**12  # far beyond the cent; only exact halves need more
        assert row.interest == (Decimal(scaled.numerator) / scaled.denominator / 10**12).quantize(CENT, mode)
        balance, start = row.balance, row.due_date


@repeatable
@given(any_terms(longest=60))
def test_each_method_repays_as_it_says(of):
    rows = make_schedule(of).instalments
    grace, last = of.principal_grace_periods, rows[-1]
    for row in rows[:grace]:
        assert row.principal == (0 if row is not last else of.principal)
    between = rows[grace:-1]
    match of.method:
        case Method.INTEREST_ONLY:
            assert all(row.principal == 0 for row in between)
        case Method.BULLET:
            assert all(row.total == 0 for row in between)
        case Method.EQUAL_PRINCIPAL if of.rounding.instalment_multiple is None:
            share = (of.principal - of.balloon) / (of.number_of_instalments - grace)
            assert all(abs(row.principal - share) <= CENT / 2 for row in between if row.balance > of.balloon)
        case Method.FIXED_PRINCIPAL_PERCENTAGE if of.rounding.instalment_multiple is None:
            share = of.principal * of.principal_percentage / 100
            assert all(abs(row.principal - share) <= CENT / 2 for row in between if row.balance > of.balloon)
        case Method.EQUAL_PRINCIPAL | Method.FIXED_PRINCIPAL_PERCENTAGE:
            multiple = of.rounding.instalment_multiple
            assert all(row.total % multiple == 0 for row in between if row.balance > of.balloon)


@repeatable
@given(any_terms(longest=60), st.data())
def test_accrued_interest_of_two_stretches_is_that_of_both(of, data):
    last = make_schedule(of).instalments[-1].due_date.toordinal() + 60
    first = of.start_date.toordinal()
    days = sorted(data.draw(st.lists(st.integers(first, last), min_size=3, max_size=3)))
    start, middle, end = (date.fromordinal(day) for day in days)
    both = interest_factor(of, start, middle) + interest_factor(of, middle, end)
    assert abs(both - interest_factor(of, start, end)) < Decimal("1e-20")


@repeatable
@given(any_terms(longest=60))
def test_a_whole_period_accrues_what_its_instalment_says(of):
    balance, start = of.principal, of.start_date
    for row in make_schedule(of).instalments:
        assert accrued_interest(of, balance=balance, start=start, end=row.due_date) == row.interest
        balance, start = row.balance, row.due_date


@repeatable
@given(any_terms(longest=60), st.data())
def test_what_is_left_repays_what_is_left(of, data):
    rows = make_schedule(of).instalments
    assume(len(rows) == of.number_of_instalments)
    days = (rows[-1].due_date - of.start_date).days
    on = date.fromordinal(of.start_date.toordinal() + data.draw(st.integers(0, days - 1)))
    rest = revise(of, on=on)
    schedule = make_schedule(rest)
    check_sums(schedule)
    to_come = [row for row in rows if row.due_date > on]
    before = [row for row in rows if row.due_date <= on]
    assert rest.principal == (before[-1].balance if before else of.principal)
    if len(schedule.instalments) == len(to_come):
        assert [row.due_date for row in schedule.instalments] == [row.due_date for row in to_come]
        assert [row.number for row in schedule.instalments] == [row.number for row in to_come]
    if on in {of.start_date, *(row.due_date for row in before)}:
        assert rest.interest_brought_forward == 0


# --- compared with numpy-financial -----------------------------------------------------------------


def random_loans(count: int) -> list[Terms]:
    chance = random.Random(20260131)
    frequencies = [Frequency(Unit.MONTH, every) for every in (1, 3, 12)]
    frequencies += [Frequency(Unit.WEEK, every) for every in (1, 2)]
    loans = []
    for _ in range(count):
        frequency = chance.choice(frequencies)
        number = chance.randint(2, min(240, int(30 * frequency.periods_per_year)))
        principal = Decimal(chance.randint(1_000_00, 3_000_000_00)) / 100
        loans.append(
            terms(
                principal,
                Decimal(chance.randint(1, 30_0000)) / 10000,
                number,
                frequency=frequency,
                rounding=Rounding(chance.choice(list(RoundingMode))),
                balloon=chance.choice(
                    [Decimal("0.00"), (principal * chance.randint(1, 60) / 100).quantize(CENT)]
                ),
                principal_grace_periods=chance.choice([0, 0, chance.randint(0, number - 2)]),
            )
        )
    return loans


def test_thousands_of_annuities_have_the_instalment_of_numpy_financial():
    for of in random_loans(3000):
        grace = of.principal_grace_periods
        factor = float(of.annual_rate) / 100 / float(of.frequency.periods_per_year)
        exact = npf.pmt(factor, of.number_of_instalments - grace, -float(of.principal), float(of.balloon))
        row = make_schedule(replace(of)).instalments[grace]
        if row.balance:
            assert abs(float(row.total) - exact) <= 0.005 + 1e-6, of


def test_balances_stay_with_those_of_numpy_financial():
    for of in random_loans(150):
        of = replace(of, principal_grace_periods=0)
        factor = float(of.annual_rate) / 100 / float(of.frequency.periods_per_year)
        rows = make_schedule(of).instalments
        instalment = float(rows[0].total)
        for row in rows[:-1]:
            expected = -npf.fv(factor, row.number, -instalment, float(of.principal))
            # Half a cent of interest in each period, and the interest on that.
            tolerance = 0.005 * ((1 + factor) ** row.number - 1) / factor + 1e-4
            assert abs(float(row.balance) - abs(expected)) <= tolerance, (of, row)


# --- as long, and as fast, as it gets --------------------------------------------------------------


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("rate", ["0", "0.0001", "100"])
@pytest.mark.parametrize(
    ("unit", "number", "count"),
    [
        (Unit.DAY, 18262, DayCount.ACT_ACT),
        (Unit.WEEK, 2608, DayCount.ACT_365),
        (Unit.WEEK, 2608, DayCount.THIRTY_360),
        (Unit.MONTH, 600, DayCount.ACT_360),
        (Unit.MONTH, 600, DayCount.EQUAL_PERIODS),
    ],
)
def test_fifty_years_in_days_weeks_and_months(method, rate, unit, number, count):
    percentage = Decimal("0.0001") if method is Method.FIXED_PRINCIPAL_PERCENTAGE else None
    of = terms(
        "9999999.99", rate, number, frequency=Frequency(unit), method=method, day_count=count,
        principal_percentage=percentage, start_date=date(2000, 2, 29),
    )  # fmt: skip
    schedule = make_schedule(of)
    check_sums(schedule)
    if rate != "100":  # there, half a cent in the instalment is years of principal
        assert schedule.instalments[-1].due_date.year in (2049, 2050)


def calls(function) -> int:
    """How many calls of Python functions a function makes: work without a clock."""
    count = 0

    def counted(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("method", list(Method))
def test_work_is_linear_in_instalments(method):
    percentage = Decimal("0.01") if method is Method.FIXED_PRINCIPAL_PERCENTAGE else None
    loans = [
        terms("9000000", "5", number, frequency=Frequency(Unit.DAY), method=method,
              principal_percentage=percentage, day_count=DayCount.ACT_ACT)
        for number in (1000, 2000, 4000)
    ]  # fmt: skip
    first, second, third = (calls(lambda of=of: make_schedule(of)) for of in loans)
    assert abs((third - second) - 2 * (second - first)) <= 0.01 * third


def test_every_due_date_is_one_step_after_the_one_before():
    rows = make_schedule(terms(number=24, start_date=date(2023, 12, 31))).instalments
    for earlier, later in pairwise(rows):
        assert (later.due_date.year * 12 + later.due_date.month) - (
            earlier.due_date.year * 12 + earlier.due_date.month
        ) == 1
