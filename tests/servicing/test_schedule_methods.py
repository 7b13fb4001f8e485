"""Each method, worked out by hand: 1,000 AUD at 12 % over four months of equal length, so 1 % a month."""

from datetime import date
from decimal import Decimal

import pytest

from servicing.schedule import DayCount, Method, Rounding, RoundingMode, make_schedule
from tests.servicing.loans import table, terms


def test_a_published_table_with_actual_days():
    # 100 at 15.678 % from 1 January 2024, ACT/365F.
    of = terms("100", "15.678", 6, start_date=date(2024, 1, 1), day_count=DayCount.ACT_365)
    schedule = make_schedule(of)
    assert [str(row.interest) for row in schedule.instalments] == [
        "1.33", "1.05", "0.90", "0.66", "0.46", "0.22",
    ]  # fmt: skip
    assert [str(row.total) for row in schedule.instalments] == [*["17.43"] * 5, "17.47"]
    assert [row.days for row in schedule.instalments] == [31, 29, 31, 30, 31, 30]


def test_a_published_table_with_whole_instalments():
    # 1,250 at 15 % from 1 September 2023, equal periods, whole units, half even: 15.625 is 15.62.
    of = terms(
        "1250", "15", start_date=date(2023, 9, 1), rounding=Rounding(RoundingMode.HALF_EVEN, Decimal(1))
    )
    schedule = make_schedule(of)
    assert [str(row.interest) for row in schedule.instalments] == ["15.62", "11.80", "7.92", "3.99"]
    assert [str(row.total) for row in schedule.instalments] == [*["322.00"] * 3, "323.33"]


def test_equal_instalments():
    # 1000 × 0.01 ÷ (1 − 1.01⁻⁴) = 10 ÷ 0.039 019 66 = 256.281.
    schedule = make_schedule(terms())
    assert table(schedule) == [
        "10.00 246.28 256.28 753.72",
        "7.54 248.74 256.28 504.98",  # 7.5372
        "5.05 251.23 256.28 253.75",  # 5.0498
        "2.54 253.75 256.29 0.00",  # 2.5375
    ]
    totals = schedule.totals
    assert (str(totals.interest), str(totals.principal), str(totals.total)) == ("25.13", "1000.00", "1025.13")


def test_equal_principal():
    assert table(make_schedule(terms(method=Method.EQUAL_PRINCIPAL))) == [
        "10.00 250.00 260.00 750.00",
        "7.50 250.00 257.50 500.00",
        "5.00 250.00 255.00 250.00",
        "2.50 250.00 252.50 0.00",
    ]


def test_equal_principal_leaves_the_residue_for_the_last():
    # 1000 ÷ 3 = 333.33, and 333.34 at the end.
    rows = make_schedule(terms(number=3, method=Method.EQUAL_PRINCIPAL)).instalments
    assert [str(row.principal) for row in rows] == ["333.33", "333.33", "333.34"]


def test_interest_only():
    assert table(make_schedule(terms(method=Method.INTEREST_ONLY))) == [
        *["10.00 0.00 10.00 1000.00"] * 3,
        "10.00 1000.00 1010.00 0.00",
    ]


def test_bullet():
    # Interest is lent: 1000 → 1010 → 1020.10 → 1030.30 (10.201), and 10.30 (10.303) with the last.
    assert table(make_schedule(terms(method=Method.BULLET))) == [
        "10.00 -10.00 0.00 1010.00",
        "10.10 -10.10 0.00 1020.10",
        "10.20 -10.20 0.00 1030.30",
        "10.30 1030.30 1040.60 0.00",
    ]


def test_fixed_principal_percentage():
    of = terms(method=Method.FIXED_PRINCIPAL_PERCENTAGE, principal_percentage=Decimal(30))
    assert table(make_schedule(of)) == [
        "10.00 300.00 310.00 700.00",
        "7.00 300.00 307.00 400.00",
        "4.00 300.00 304.00 100.00",
        "1.00 100.00 101.00 0.00",
    ]


def test_a_percentage_that_repays_early_ends_early():
    of = terms(method=Method.FIXED_PRINCIPAL_PERCENTAGE, principal_percentage=Decimal(60))
    assert table(make_schedule(of)) == ["10.00 600.00 610.00 400.00", "4.00 400.00 404.00 0.00"]


def test_grace_periods_are_of_interest_only():
    # Then 1000 × 0.01 ÷ (1 − 1.01⁻³) = 340.022 for the other three.
    assert table(make_schedule(terms(principal_grace_periods=1))) == [
        "10.00 0.00 10.00 1000.00",
        "10.00 330.02 340.02 669.98",
        "6.70 333.32 340.02 336.66",
        "3.37 336.66 340.03 0.00",
    ]


def test_grace_periods_before_equal_principal():
    of = terms(principal_grace_periods=2, method=Method.EQUAL_PRINCIPAL)
    assert table(make_schedule(of)) == [
        *["10.00 0.00 10.00 1000.00"] * 2,
        "10.00 500.00 510.00 500.00",
        "5.00 500.00 505.00 0.00",
    ]


def test_grace_periods_of_a_bullet_are_paid_and_then_capitalised():
    of = terms(principal_grace_periods=2, method=Method.BULLET)
    assert table(make_schedule(of)) == [
        *["10.00 0.00 10.00 1000.00"] * 2,
        "10.00 -10.00 0.00 1010.00",
        "10.10 1010.00 1020.10 0.00",
    ]


def test_a_balloon_is_due_with_the_last_instalment():
    # (1000 − 400 × 1.01⁻⁴) ÷ 3.901 966 = (1000 − 384.392) ÷ 3.901 966 = 157.769.
    assert table(make_schedule(terms(balloon=Decimal(400)))) == [
        "10.00 147.77 157.77 852.23",
        "8.52 149.25 157.77 702.98",
        "7.03 150.74 157.77 552.24",
        "5.52 552.24 557.76 0.00",  # 157.76 and 400
    ]


def test_a_balloon_under_equal_principal():
    of = terms(balloon=Decimal(400), method=Method.EQUAL_PRINCIPAL)
    rows = make_schedule(of).instalments
    assert [str(row.principal) for row in rows] == ["150.00", "150.00", "150.00", "550.00"]


def test_a_balloon_of_everything_is_interest_only():
    only = table(make_schedule(terms(method=Method.INTEREST_ONLY)))
    assert table(make_schedule(terms(balloon=Decimal(1000)))) == only


def test_an_instalment_that_the_caller_gives():
    assert table(make_schedule(terms(instalment_amount=Decimal(300)))) == [
        "10.00 290.00 300.00 710.00",
        "7.10 292.90 300.00 417.10",
        "4.17 295.83 300.00 121.27",
        "1.21 121.27 122.48 0.00",
    ]


def test_a_large_instalment_repays_early_and_a_small_one_leaves_the_rest_for_the_last():
    early = make_schedule(terms(instalment_amount=Decimal(600)))
    assert table(early) == ["10.00 590.00 600.00 410.00", "4.10 410.00 414.10 0.00"]
    late = make_schedule(terms(instalment_amount=Decimal(10)))
    assert table(late) == [*["10.00 0.00 10.00 1000.00"] * 3, "10.00 1000.00 1010.00 0.00"]


def test_a_multiple_rounds_the_whole_instalment_of_equal_principal():
    # 250 + 10 = 260 → 300, which repays 290; 250 + 7.10 → 300; 250 + 4.17 → 300, all that is left and less.
    of = terms(method=Method.EQUAL_PRINCIPAL, rounding=Rounding(instalment_multiple=Decimal(100)))
    assert table(make_schedule(of)) == [
        "10.00 290.00 300.00 710.00",
        "7.10 292.90 300.00 417.10",
        "4.17 295.83 300.00 121.27",
        "1.21 121.27 122.48 0.00",
    ]


def test_a_multiple_never_rounds_an_instalment_to_less_than_its_interest():
    # 20,000 at 1 % a month for 40 years: 200 of interest, and an instalment of 201.70. In units of 150 that
    # would be one, so it is two.
    of = terms("20000", number=480, rounding=Rounding(instalment_multiple=Decimal(150)))
    assert make_schedule(of).instalments[0].total == 300


@pytest.mark.parametrize(
    ("mode", "interest"), [(RoundingMode.HALF_UP, "15.63"), (RoundingMode.HALF_EVEN, "15.62")]
)
def test_half_a_cent_goes_where_the_product_says(mode, interest):
    # 1,250 × 15 % ÷ 12 = 15.625 exactly.
    rows = make_schedule(terms("1250", "15", rounding=Rounding(mode))).instalments
    assert str(rows[0].interest) == interest


def test_no_interest():
    # 1000 ÷ 3 = 333.33.
    assert table(make_schedule(terms(rate="0", number=3))) == [
        "0.00 333.33 333.33 666.67",
        "0.00 333.33 333.33 333.34",
        "0.00 333.34 333.34 0.00",
    ]


def test_a_hundred_percent():
    # A month is 1/12: 1000 × 0.083 333 ÷ (1 − 1.083 333⁻²) = 563.333… = 1000 × 169 ÷ 300.
    assert table(make_schedule(terms(rate="100", number=2))) == [
        "83.33 480.00 563.33 520.00",
        "43.33 520.00 563.33 0.00",
    ]


def test_one_day():
    # 1,000 × 12 % ÷ 365 = 0.3288.
    of = terms(number=1, first_due_date=date(2026, 1, 16), day_count=DayCount.ACT_365)
    assert table(make_schedule(of)) == ["0.33 1000.00 1000.33 0.00"]


def test_one_cent():
    assert table(make_schedule(terms("0.01", number=3))) == [
        "0.00 0.00 0.00 0.01",
        "0.00 0.00 0.00 0.01",
        "0.00 0.01 0.01 0.00",
    ]


def test_a_long_first_period_may_cost_more_than_an_instalment_and_what_is_unpaid_is_lent():
    # 15 January to 15 July: 181 days at 24 % of 1,000 are 119.01, more than the instalment of 120 months.
    of = terms(rate="24", number=120, first_due_date=date(2026, 7, 15), day_count=DayCount.ACT_365)
    rows = make_schedule(of).instalments
    assert str(rows[0].interest) == "119.01"
    assert rows[0].total == rows[1].total == rows[-2].total
    assert rows[0].principal < 0
    assert rows[0].balance == 1000 - rows[0].principal
    assert rows[-1].balance == 0
