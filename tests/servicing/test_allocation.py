"""The pure replay: which money pays what."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicing.allocation import Due, Key, Money, RefundNotCovered, allocate

ORDER = ("penalty", "fee", "interest", "principal")
DAY = date(2026, 1, 1)


def due(pk, day, amount, component="principal", kind="repayment"):
    return Due(Key(kind, pk), component, DAY + timedelta(days=day), Decimal(amount))


def money(pk, day, amount, target=None):
    return Money(pk, DAY + timedelta(days=day), Decimal(amount), target)


def run(dues, moneys, until=1000, order=ORDER):
    return allocate(dues, moneys, order=order, until=DAY + timedelta(days=until))


def shares(outcome):
    return [(s.payment, s.key.pk, s.component, str(s.amount), (s.on - DAY).days) for s in outcome.shares]


BOOK = [
    due(1, 10, "30", "interest"),
    due(1, 10, "70"),
    due(2, 40, "20", "interest"),
    due(2, 40, "80"),
    due(9, 15, "15", "penalty", "fee"),
    due(8, 12, "25", "fee", "fee"),
]


def test_a_payment_follows_the_order_and_of_one_component_the_oldest():
    outcome = run(BOOK, [money(1, 50, "120")])
    assert shares(outcome) == [
        (1, 9, "penalty", "15", 50),
        (1, 8, "fee", "25", 50),
        (1, 1, "interest", "30", 50),
        (1, 2, "interest", "20", 50),
        (1, 1, "principal", "30", 50),
    ]
    assert outcome.unapplied == 0


def test_another_order():
    outcome = run(BOOK, [money(1, 50, "120")], order=("principal", "interest", "fee", "penalty"))
    assert shares(outcome) == [(1, 1, "principal", "70", 50), (1, 2, "principal", "50", 50)]


def test_too_much_waits_for_what_falls_due_next_and_is_used_on_that_day():
    outcome = run(BOOK, [money(1, 11, "150")], until=39)
    assert shares(outcome) == [
        (1, 1, "interest", "30", 11),
        (1, 1, "principal", "70", 11),
        (1, 8, "fee", "25", 12),
        (1, 9, "penalty", "15", 15),
    ]
    assert outcome.unapplied == Decimal(10)
    assert shares(run(BOOK, [money(1, 11, "150")], until=40))[-1] == (1, 2, "interest", "10", 40)


def test_what_was_paid_late_in_the_telling_counts_from_its_own_day():
    told_in_order = run(BOOK, [money(1, 10, "100"), money(2, 41, "100")])
    told_late = run(BOOK, [money(2, 41, "100"), money(1, 10, "100")])
    assert told_late == told_in_order


def test_money_that_is_meant_for_something_pays_that_first_even_before_it_is_due():
    outcome = run(BOOK, [money(1, 20, "105", Key("repayment", 2))], until=20)
    assert shares(outcome) == [
        (1, 2, "interest", "20", 20),
        (1, 2, "principal", "80", 20),
        (1, 9, "penalty", "5", 20),
    ]


def test_money_that_is_meant_for_what_is_gone_is_money():
    outcome = run(BOOK, [money(1, 20, "5", Key("repayment", 77))], until=20)
    assert shares(outcome) == [(1, 9, "penalty", "5", 20)]


def test_a_refund_takes_what_is_held():
    outcome = run([], [money(1, 5, "60"), money(2, 6, "40"), money(1, 7, "-50")])
    assert outcome.unapplied == Decimal(50)
    after = run([due(1, 9, "100")], [money(1, 5, "60"), money(2, 6, "40"), money(1, 7, "-50")])
    assert shares(after) == [(1, 1, "principal", "50", 9)]


def test_a_refund_of_what_was_used_is_refused():
    with pytest.raises(RefundNotCovered):
        run([due(1, 5, "30")], [money(1, 5, "60"), money(1, 7, "-50")])


amounts = st.integers(0, 20_000).map(lambda cents: Decimal(cents) / 100)
days = st.integers(0, 60)
dues = st.lists(st.tuples(days, amounts, st.sampled_from(ORDER)), max_size=12).map(
    lambda rows: [due(pk, day, amount, part) for pk, (day, amount, part) in enumerate(rows)]
)
moneys = st.lists(st.tuples(days, st.integers(1, 20_000)), max_size=10).map(
    lambda rows: [money(pk, day, Decimal(cents) / 100) for pk, (day, cents) in enumerate(rows)]
)


@settings(deadline=None)
@given(dues, moneys, days, st.permutations(ORDER))
def test_nothing_is_lost_or_made_and_nothing_waits_while_something_is_due(dues, moneys, until, order):
    outcome = run(dues, moneys, until, order)
    received = sum((m.amount for m in moneys if (m.on - DAY).days <= until), Decimal(0))
    assert received == sum(s.amount for s in outcome.shares) + outcome.unapplied
    paid: dict = {}
    for share in outcome.shares:
        assert share.amount > 0
        assert (share.on - DAY).days <= until
        paid[share.key] = paid.get(share.key, 0) + share.amount
    for one in dues:
        assert paid.get(one.key, 0) <= one.amount
        if outcome.unapplied and (one.due_date - DAY).days <= until:
            assert paid.get(one.key, 0) == one.amount
    of_each: dict = {}
    for share in outcome.shares:
        of_each[share.payment] = of_each.get(share.payment, 0) + share.amount
    for one in moneys:
        assert of_each.get(one.pk, 0) <= one.amount


@settings(deadline=None)
@given(dues, moneys, days, days)
def test_a_later_look_only_adds(dues, moneys, one, two):
    early, late = run(dues, moneys, min(one, two)), run(dues, moneys, max(one, two))
    assert late.shares[: len(early.shares)] == early.shares
