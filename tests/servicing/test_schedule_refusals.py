"""Terms that make no schedule are refused by name."""

from datetime import date
from decimal import Decimal

import pytest

from servicing.schedule import (
    DayCount,
    Effect,
    ExtraPayment,
    Frequency,
    Method,
    Rounding,
    ScheduleError,
    Unit,
    make_schedule,
)
from tests.servicing.loans import terms

D = Decimal


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"principal": "0"}, ("principal",)),
        ({"principal": "-1"}, ("principal",)),
        ({"principal": "NaN"}, ("principal",)),
        ({"principal": "1.001"}, ("principal",)),
        ({"principal": "1000000000000"}, ("principal",)),
        ({"rate": "-0.01"}, ("annual_rate",)),
        ({"rate": "100.01"}, ("annual_rate",)),
        ({"rate": "Infinity"}, ("annual_rate",)),
        ({"number": 0}, ("number_of_instalments",)),
        ({"number": 601}, ("number_of_instalments",)),
        ({"number": 10**9}, ("number_of_instalments",)),
        ({"number": 51, "frequency": Frequency(Unit.MONTH, 12)}, ("number_of_instalments",)),
        ({"start_date": date(1899, 12, 31)}, ("start_date",)),
        ({"start_date": date(9999, 12, 31)}, ("start_date",)),
        ({"first_due_date": date(2026, 1, 15)}, ("first_due_date",)),
        ({"first_due_date": date(2076, 1, 16)}, ("first_due_date",)),
        ({"principal_grace_periods": 4}, ("principal_grace_periods",)),
        ({"principal_grace_periods": -1}, ("principal_grace_periods",)),
        ({"balloon": D("1000.01")}, ("balloon",)),
        ({"balloon": D(-1)}, ("balloon",)),
        ({"instalment_amount": D(0)}, ("instalment_amount",)),
        ({"instalment_amount": D("9.99")}, ("instalment_amount",)),
        ({"instalment_amount": D(300), "method": Method.BULLET}, ("instalment_amount",)),
        ({"method": Method.FIXED_PRINCIPAL_PERCENTAGE}, ("principal_percentage",)),
        ({"principal_percentage": D(10)}, ("principal_percentage",)),
        ({"interest_brought_forward": D(-1)}, ("interest_brought_forward",)),
        ({"due_day": 32}, ("due_day",)),
        ({"extra_payments": (ExtraPayment(date(2026, 1, 14), D(1)),)}, ("extra_payments", 0, "date")),
        ({"extra_payments": (ExtraPayment(date(2026, 2, 14), D(0)),)}, ("extra_payments", 0, "amount")),
        ({"extra_payments": (ExtraPayment(date(2026, 2, 14), D("0.001")),)}, ("extra_payments", 0, "amount")),
    ],
)  # fmt: skip
def test_terms_are_refused_by_field(given, path):
    with pytest.raises(ScheduleError) as refused:
        make_schedule(terms(**given))
    assert refused.value.path == path
    assert refused.value.field == path[0]


@pytest.mark.parametrize("percentage", ["0", "-1", "100.0001", "NaN"])
def test_a_percentage_is_more_than_nothing_and_at_most_everything(percentage):
    with pytest.raises(ScheduleError, match="principal_percentage"):
        terms(method=Method.FIXED_PRINCIPAL_PERCENTAGE, principal_percentage=D(percentage))


def test_steps_and_multiples_are_more_than_nothing():
    with pytest.raises(ScheduleError, match=r"frequency\.every"):
        Frequency(Unit.DAY, 0)
    with pytest.raises(ScheduleError, match=r"rounding\.instalment_multiple"):
        Rounding(instalment_multiple=D(0))


def test_an_instalment_that_does_not_cover_interest_says_which():
    # 31 days of January at 12 % on 1,000 are 10.19; the month of 28 days would be covered.
    of = terms(instalment_amount=D("10.00"), day_count=DayCount.ACT_365)
    with pytest.raises(ScheduleError, match=r"interest of instalment 1, 10\.19"):
        make_schedule(of)


def test_the_longest_and_the_shortest_are_taken():
    assert len(make_schedule(terms("100000", "5", 600)).instalments) == 600
    assert len(make_schedule(terms(number=1, frequency=Frequency(Unit.DAY))).instalments) == 1


def test_terms_can_be_compared_and_are_not_changed():
    assert terms() == terms()
    with pytest.raises(AttributeError):
        terms().principal = D(1)
    assert ExtraPayment(date(2026, 1, 1), D(1)).effect is Effect.REDUCE_TERM
