"""Extra payments, accrual between due dates, and what is left when a loan is changed; worked out by hand.

The loan is the one of `test_schedule_methods`: 1,000 at 1 % a month, four instalments of 256.28.
"""

from datetime import date
from decimal import Decimal

import pytest

from servicing.schedule import (
    DayCount,
    Effect,
    ExtraPayment,
    Method,
    ScheduleError,
    accrued_interest,
    interest_factor,
    make_schedule,
    revise,
)
from tests.servicing.loans import table, terms

FIRST_DUE = date(2026, 2, 15)


def extra(amount, effect, day=FIRST_DUE) -> tuple[ExtraPayment, ...]:
    return (ExtraPayment(day, Decimal(amount), effect),)


# --- extra payments: 300 with the first instalment, which leaves 753.72 − 300 = 453.72 --------------


def test_a_shorter_term():
    rows = make_schedule(terms(extra_payments=extra(300, Effect.REDUCE_TERM)))
    assert table(rows) == [
        "10.00 546.28 556.28 453.72",
        "4.54 251.74 256.28 201.98",
        "2.02 201.98 204.00 0.00",
    ]
    assert str(rows.instalments[0].extra) == "300.00"


def test_a_smaller_instalment():
    # 453.72 × 0.01 ÷ (1 − 1.01⁻³) = 154.275.
    assert table(make_schedule(terms(extra_payments=extra(300, Effect.REDUCE_INSTALMENT)))) == [
        "10.00 546.28 556.28 453.72",
        "4.54 149.73 154.27 303.99",
        "3.04 151.23 154.27 152.76",
        "1.53 152.76 154.29 0.00",
    ]


def test_principal_of_the_next_instalments():
    # The second's 251.74 are paid ahead, and 48.26 of the third's 251.74. Interest is always paid.
    assert table(make_schedule(terms(extra_payments=extra(300, Effect.NEXT_DUE)))) == [
        "10.00 546.28 556.28 453.72",
        "4.54 0.00 4.54 453.72",
        "4.54 203.48 208.02 250.24",
        "2.50 250.24 252.74 0.00",
    ]


def test_between_due_dates_interest_is_on_what_is_owed_each_day():
    # 15 days on 1,000 and 16 on 635 at 12 % ÷ 365: (15,000 + 10,160) × 0.12 ÷ 365 = 8.27.
    of = terms(day_count=DayCount.ACT_365, extra_payments=extra(365, Effect.REDUCE_TERM, date(2026, 1, 30)))
    plain = make_schedule(terms(day_count=DayCount.ACT_365)).instalments[0]
    first = make_schedule(of).instalments[0]
    assert str(first.interest) == "8.27"
    assert first.total == plain.total + 365


def test_a_smaller_instalment_from_the_middle_of_a_period():
    # 16 of 31 days of the first month are still to come: 10 × 15/31 + 5 × 16/31 = 7.419 of interest, and
    # (500 + 7.419) ÷ (1 + 1/1.01 + 1/1.01² + 1/1.01³) = 507.419 ÷ 3.940 985 = 128.754.
    of = terms(extra_payments=extra(500, Effect.REDUCE_INSTALMENT, date(2026, 1, 30)))
    assert table(make_schedule(of)) == [
        "7.42 621.33 628.75 378.67",
        "3.79 124.96 128.75 253.71",
        "2.54 126.21 128.75 127.50",
        "1.28 127.50 128.78 0.00",
    ]


def test_in_a_grace_period_a_smaller_instalment_is_for_what_comes_after_it():
    of = terms(principal_grace_periods=1, extra_payments=extra(400, Effect.REDUCE_INSTALMENT))
    # 600 × 0.01 ÷ (1 − 1.01⁻³) = 204.013.
    assert [str(row.total) for row in make_schedule(of).instalments] == [
        "410.00",
        "204.01",
        "204.01",
        "204.02",
    ]


def test_equal_principal_after_an_extra_payment():
    shorter = terms(method=Method.EQUAL_PRINCIPAL, extra_payments=extra(300, Effect.REDUCE_TERM))
    assert [str(row.principal) for row in make_schedule(shorter).instalments] == [
        "550.00",
        "250.00",
        "200.00",
    ]
    smaller = terms(method=Method.EQUAL_PRINCIPAL, extra_payments=extra(300, Effect.REDUCE_INSTALMENT))
    assert [str(row.principal) for row in make_schedule(smaller).instalments] == ["550.00", *["150.00"] * 3]
    ahead = terms(method=Method.EQUAL_PRINCIPAL, extra_payments=extra(300, Effect.NEXT_DUE))
    assert [str(row.principal) for row in make_schedule(ahead).instalments] == [
        "550.00", "0.00", "200.00", "250.00",
    ]  # fmt: skip


def test_a_percentage_after_an_extra_payment():
    of = terms(
        method=Method.FIXED_PRINCIPAL_PERCENTAGE,
        principal_percentage=Decimal(20),
        extra_payments=extra(400, Effect.REDUCE_INSTALMENT),
    )
    # 800 are left by then, and 400 after it: half of 200 each.
    assert [str(row.principal) for row in make_schedule(of).instalments] == [
        "600.00", "100.00", "100.00", "200.00",
    ]  # fmt: skip


def test_interest_only_and_bullets_have_less_to_pay_interest_on():
    for effect in Effect:
        only = make_schedule(terms(method=Method.INTEREST_ONLY, extra_payments=extra(400, effect)))
        assert [str(row.interest) for row in only.instalments] == ["10.00", "6.00", "6.00", "6.00"]
    bullet = make_schedule(terms(method=Method.BULLET, extra_payments=extra(510, Effect.REDUCE_TERM)))
    # 1,010 − 510 = 500 → 505 → 510.05, and 5.10 with the last.
    assert table(bullet) == [
        "10.00 500.00 510.00 500.00",
        "5.00 -5.00 0.00 505.00",
        "5.05 -5.05 0.00 510.05",
        "5.10 510.05 515.15 0.00",
    ]


def test_all_that_is_owed_ends_the_loan_with_its_interest():
    on_due_date = make_schedule(terms(extra_payments=extra("753.72", Effect.REDUCE_TERM)))
    assert table(on_due_date) == ["10.00 1000.00 1010.00 0.00"]
    # After 15 of 31 days, with the 4.84 of interest until then due on the due date.
    before = make_schedule(terms(extra_payments=extra(1000, Effect.REDUCE_TERM, date(2026, 1, 30))))
    assert table(before) == ["4.84 1000.00 1004.84 0.00"]


def test_a_shorter_term_keeps_its_balloon():
    # 157.77 each: 852.23 − 300 = 552.23, of which 400 are the balloon; the next but one brings it there.
    of = terms(balloon=Decimal(400), extra_payments=extra(300, Effect.REDUCE_TERM))
    assert table(make_schedule(of)) == [
        "10.00 447.77 457.77 552.23",
        "5.52 552.23 557.75 0.00",
    ]


@pytest.mark.parametrize(
    ("payments", "path"),
    [
        (extra("753.73", Effect.REDUCE_TERM), ("extra_payments", 0, "amount")),
        (extra("1000.01", Effect.NEXT_DUE, date(2026, 1, 20)), ("extra_payments", 0, "amount")),
        (extra("1", Effect.NEXT_DUE, date(2026, 5, 15)), ("extra_payments", 0, "date")),
        (extra("1", Effect.NEXT_DUE, date(2036, 5, 15)), ("extra_payments", 0, "date")),
        # The second in the list, though it comes first in time, is not the one at fault.
        (
            extra("1", Effect.REDUCE_TERM, date(2026, 3, 1)) + extra("753.72", Effect.REDUCE_TERM),
            ("extra_payments", 0, "date"),
        ),
    ],
)
def test_more_than_is_owed_is_refused(payments, path):
    with pytest.raises(ScheduleError) as refused:
        make_schedule(terms(extra_payments=payments))
    assert refused.value.path == path


# --- accrual ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "end", "interest"),
    [
        (DayCount.ACT_365, date(2026, 1, 30), "4.93"),  # 120 × 15/365
        (DayCount.ACT_360, date(2026, 1, 30), "5.00"),  # 120 × 15/360
        (DayCount.THIRTY_360, date(2026, 1, 30), "5.00"),  # 120 × 15/360
        (DayCount.EQUAL_PERIODS, date(2026, 1, 30), "4.84"),  # 10 × 15/31
        (DayCount.EQUAL_PERIODS, date(2026, 2, 15), "10.00"),
        (DayCount.EQUAL_PERIODS, date(2026, 3, 1), "15.00"),  # 10, and 10 × 14/28
        (DayCount.EQUAL_PERIODS, date(2027, 1, 15), "120.00"),  # also after the last instalment
        (DayCount.ACT_365, date(2026, 1, 15), "0.00"),
    ],
)
def test_interest_accrued_on_a_thousand(count, end, interest):
    of = terms(day_count=count)
    assert str(accrued_interest(of, balance=Decimal(1000), start=of.start_date, end=end)) == interest


def test_time_does_not_run_backwards():
    of = terms()
    with pytest.raises(ScheduleError, match="before the start"):
        interest_factor(of, FIRST_DUE, of.start_date)
    with pytest.raises(ScheduleError, match="before the loan starts"):
        interest_factor(of, date(2026, 1, 14), FIRST_DUE)


# --- what is left ----------------------------------------------------------------------------------


def test_nothing_changed_goes_on_as_scheduled():
    of = terms(start_date=date(2024, 1, 31), day_count=DayCount.THIRTY_360)
    rows = make_schedule(of).instalments
    # In the middle of March 2024, after 29 February and before 31 March.
    rest = make_schedule(revise(of, on=date(2024, 3, 15))).instalments
    assert [row.number for row in rest] == [2, 3, 4]
    assert [str(row.due_date) for row in rest] == ["2024-03-31", "2024-04-30", "2024-05-31"]
    assert [(row.interest, row.total) for row in rest] == [(row.interest, row.total) for row in rows[1:]]


def test_another_rate_from_the_middle_of_a_period():
    # On 1 March, 14 of 28 days after the first instalment: 753.72 × 1 % × 14/28 = 3.77 at the old rate, and
    # 753.72 × 2 % × 14/28 = 7.54 at the new one.
    rest = revise(terms(), on=date(2026, 3, 1), annual_rate=Decimal(24))
    assert str(rest.principal) == "753.72"
    assert str(rest.interest_brought_forward) == "3.77"
    rows = make_schedule(rest).instalments
    assert str(rows[0].interest) == "11.31"
    assert rows[0].total == rows[1].total
    assert len(rows) == 3


def test_a_longer_term_from_a_due_date():
    # 753.72 × 0.01 ÷ (1 − 1.01⁻⁶) = 130.053.
    rest = revise(terms(), on=FIRST_DUE, number_of_instalments=6)
    rows = make_schedule(rest).instalments
    assert [str(row.total) for row in rows] == [*["130.05"] * 5, "130.06"]
    assert rows[0].number == 2
    assert str(rows[-1].due_date) == "2026-08-15"


def test_another_instalment():
    rest = revise(terms(), on=FIRST_DUE, number_of_instalments=10, instalment_amount=Decimal(200))
    rows = make_schedule(rest).instalments
    assert [str(row.total) for row in rows[:3]] == ["200.00"] * 3
    assert len(rows) == 4


def test_figures_of_the_ledger_come_before_those_of_the_schedule():
    rest = revise(
        terms(), on=FIRST_DUE, principal=Decimal("900.00"), interest_brought_forward=Decimal("12.34")
    )
    rows = make_schedule(rest).instalments
    assert str(rows[0].interest) == "21.34"  # 12.34 and 1 % of 900
    assert sum(row.principal for row in rows) == 900


def test_a_loan_is_extended_after_its_end():
    # Due on 15 May; extended on the 20th, with 500 still owed.
    rest = revise(
        terms(), on=date(2026, 5, 20), principal=Decimal(500), interest_brought_forward=Decimal(0),
        number_of_instalments=2,
    )  # fmt: skip
    rows = make_schedule(rest).instalments
    assert [row.number for row in rows] == [5, 6]
    assert [str(row.due_date) for row in rows] == ["2026-06-15", "2026-07-15"]


def test_grace_and_extra_payments_that_are_behind_are_left_behind():
    payments = extra(100, Effect.REDUCE_TERM) + extra(50, Effect.REDUCE_TERM, date(2026, 4, 1))
    rest = revise(terms(principal_grace_periods=2, extra_payments=payments), on=date(2026, 2, 20))
    assert rest.principal_grace_periods == 1
    assert rest.extra_payments == payments[1:]
    assert str(rest.principal) == "900.00"


def test_extra_payments_of_this_period_count():
    # 15 days on 1,000 and 6 on 600, of 31: 10 × 15/31 + 6 × 6/31 = 6.00.
    of = terms(extra_payments=extra(400, Effect.REDUCE_TERM, date(2026, 1, 30)))
    rest = revise(of, on=date(2026, 2, 5))
    assert (str(rest.principal), str(rest.interest_brought_forward)) == ("600.00", "6.00")


def test_what_is_repaid_cannot_be_revised():
    with pytest.raises(ScheduleError, match="Nothing is left"):
        revise(terms(), on=date(2026, 5, 15))
    with pytest.raises(ScheduleError, match="has not started"):
        revise(terms(), on=date(2026, 1, 14))
