"""Commissions: whose terms apply, what is accrued by when, and what is taken back."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from events.models import Event
from servicing.choices import CommissionStatus
from servicing.commissions import clawback_of, percent_of, trail_of
from servicing.dates import business_date
from servicing.models import Commission, LoanCommission
from servicing.months import add_months
from servicing.selectors.commissions import commission_summary, commission_terms_for
from servicing.selectors.facts import read_facts
from servicing.selectors.payoff import payoff
from servicing.services.changes import loan_pay_out, loan_write_off
from servicing.services.commission_payments import commission_mark_paid
from servicing.services.nightly import nightly
from servicing.services.payments import payment_reverse
from tests.factories import BrokerFactory, CommissionTermsFactory, ProductFactory, UserFactory
from tests.servicing.kit import START, D, balances, breaches, settled

pytestmark = pytest.mark.django_db
SYDNEY = ZoneInfo("Australia/Sydney")


def on(day: date):
    """Noon of a day, at the lender's."""
    return time_machine.travel(datetime(day.year, day.month, day.day, 12, tzinfo=SYDNEY), tick=False)


def rows(application) -> list[tuple[str, str, str, str]]:
    found = Commission.objects.filter(application=application).order_by("pk")
    return [(row.kind, str(row.accrued_on), str(row.amount), str(row.branch_amount)) for row in found]


def pay_out(loan, actor):
    figure = payoff(read_facts(loan.application), business_date()).total
    return loan_pay_out(application=loan.application, actor=actor, amount=figure)


@pytest.fixture
def lend(world):
    """Settle our application of 12,000 AUD, interest only, on START."""
    product = ProductFactory.create(repayment_method="interest_only")

    def settle(**terms):
        CommissionTermsFactory.create(**terms)
        with on(START):
            return settled(world.admin, world.ours.application, terms={"product": product})

    return settle


def test_upfront_is_accrued_with_the_settlement_and_shared(world, lend):
    loan = lend()
    [row] = Commission.objects.all()
    assert (row.kind, row.status, row.accrued_on, row.month) == ("upfront", "accrued", START, None)
    assert (row.base, row.rate, row.amount) == (D(12000), Decimal("0.65"), D("78.00"))
    assert (row.broker, row.broker_amount) == (world.ours.broker, D("62.40"))
    assert (row.branch, row.branch_amount) == (world.ours.branch, D("15.60"))
    assert balances(loan.application)["commission_expense"] == D(78)
    assert balances(loan.application)["commission_payable"] == D(-78)
    event = Event.objects.get(type="commission.accrued")
    assert event.recipients == [world.ours.broker_user.pk]
    assert event.data["broker_amount"] == "62.40"
    assert breaches() == []


def test_without_terms_or_a_broker_there_is_no_commission(world):
    settled(world.admin, world.ours.application)
    CommissionTermsFactory.create()
    settled(world.admin)
    assert not Commission.objects.exists()
    assert not LoanCommission.objects.exists()


def test_a_rate_of_nothing_writes_nothing(lend):
    loan = lend(upfront_rate="0", trail_rate="0")
    assert rows(loan.application) == []
    assert LoanCommission.objects.get().trail_from is None
    assert breaches() == []


def test_the_nearest_terms_apply(world):
    application = world.ours.application
    application.product = world.product
    everybody = CommissionTermsFactory.create()
    CommissionTermsFactory.create(broker=world.theirs.broker)
    CommissionTermsFactory.create(product=ProductFactory.create())
    assert commission_terms_for(application) == everybody
    product = CommissionTermsFactory.create(product=world.product)
    assert commission_terms_for(application) == product
    broker = CommissionTermsFactory.create(broker=world.ours.broker)
    assert commission_terms_for(application) == broker
    both = CommissionTermsFactory.create(broker=world.ours.broker, product=world.product)
    assert commission_terms_for(application) == both
    application.product = None
    assert commission_terms_for(application) == broker
    application.broker = BrokerFactory.create()
    assert commission_terms_for(application) == everybody


def test_terms_that_change_later_do_not_rewrite_a_loan(world, lend):
    loan = lend()
    terms = loan.application.broker.commission_terms.model.objects.get()
    terms.trail_rate, terms.branch_share = Decimal(5), Decimal(0)
    terms.save()
    loan.application.broker = BrokerFactory.create()
    loan.application.save()
    nightly(date(2025, 2, 1))
    trail = Commission.objects.get(kind="trail")
    assert (trail.rate, trail.branch_amount) == (Decimal("0.15"), D("0.17"))
    assert trail.broker == world.ours.broker


def test_trail_is_accrued_for_each_month_that_has_ended(world, lend):
    loan = lend()
    for day in (31, 31):
        nightly(date(2025, 1, day))
        assert len(rows(loan.application)) == 1
    nightly(date(2025, 2, 1))
    nightly(date(2025, 2, 1))
    # 12,000 x 0.15 % x 17 days / 365, from the 15th to the 31st.
    assert rows(loan.application)[1:] == [("trail", "2025-01-31", "0.84", "0.17")]
    nightly(date(2025, 3, 1))
    assert rows(loan.application)[2:] == [("trail", "2025-02-28", "1.38", "0.28")]
    assert [str(row.month) for row in Commission.objects.filter(kind="trail")] == ["2025-01-01", "2025-02-01"]
    assert breaches() == []


def test_missed_months_are_caught_up_in_order_with_the_same_rows(world, lend):
    loan = lend()
    with on(date(2025, 5, 2)):
        nightly(date(2025, 5, 2))
    assert rows(loan.application)[1:] == [
        ("trail", "2025-01-31", "0.84", "0.17"),
        ("trail", "2025-02-28", "1.38", "0.28"),
        ("trail", "2025-03-31", "1.53", "0.31"),
        ("trail", "2025-04-30", "1.48", "0.30"),
    ]
    assert LoanCommission.objects.get().trail_from == date(2025, 5, 1)
    assert breaches() == []


def test_a_loan_that_is_paid_out_early_is_clawed_back_pro_rata(world, lend):
    loan = lend(clawback_months=12)
    boss = UserFactory.create(role="admin")
    with on(START + timedelta(days=100)):
        pay_out(loan, world.admin)
    # Trails to the end of March, and 78.00 x 265 of 365 days.
    assert [row[0] for row in rows(loan.application)] == ["upfront", "trail", "trail", "trail", "clawback"]
    assert rows(loan.application)[-1] == ("clawback", "2025-04-25", "-56.63", "-11.33")
    event = Event.objects.get(type="commission.clawed_back")
    assert event.recipients == sorted([world.ours.broker_user.pk, boss.pk])  # not the one who did it
    assert event.data["amount"] == "56.63"
    nightly(date(2025, 6, 1))
    assert len(rows(loan.application)) == 5
    assert breaches() == []


def test_in_full_and_by_a_percentage(world, lend):
    loan = lend(clawback_method="full", clawback_percentage="50")
    with on(START + timedelta(days=10)):
        pay_out(loan, world.admin)
    assert rows(loan.application)[-1] == ("clawback", "2025-01-25", "-39.00", "-7.80")


def test_nothing_is_clawed_back_once_the_period_is_over(world, lend):
    loan = lend(clawback_months=2, trail_rate="0")
    with on(date(2025, 3, 15)):
        pay_out(loan, world.admin)
    assert [row[0] for row in rows(loan.application)] == ["upfront"]


def test_a_write_off_claws_back_as_well(world, lend):
    loan = lend(clawback_method="full")
    with on(START + timedelta(days=20)):
        loan_write_off(application=loan.application, actor=world.admin, reason="Bankrupt.")
    assert rows(loan.application)[-2:] == [
        ("trail", "2025-01-31", "0.84", "0.17"),
        ("clawback", "2025-02-04", "-78.00", "-15.60"),
    ]
    assert breaches() == []


def test_a_payout_that_bounces_gives_the_clawback_back(world, lend):
    loan = lend(clawback_method="full")
    with on(START + timedelta(days=5)):
        payment = pay_out(loan, world.admin)
        payment_reverse(payment=payment, actor=world.admin, reason="Bounced.")
    assert rows(loan.application)[-2:] == [
        ("clawback", "2025-01-20", "-78.00", "-15.60"),
        ("clawback_reversed", "2025-01-20", "78.00", "15.60"),
    ]
    assert balances(loan.application)["commission_payable"] == D(-78)
    nightly(date(2025, 2, 1))
    assert rows(loan.application)[-1][0] == "trail"
    assert breaches() == []


def test_the_figures_add_up(world, lend):
    loan = lend(clawback_method="full")
    commission_mark_paid(commission=Commission.objects.get(), actor=world.admin, paid_on=date(2025, 2, 10))
    nightly(date(2025, 2, 1))
    with on(date(2025, 3, 20)):
        pay_out(loan, world.admin)
    figures = commission_summary(world.ours.broker)
    assert figures["as_broker"] == {
        "accrued": D("62.40") + D("0.67") + D("1.10"),
        "clawed_back": D("62.40"),
        "paid": D("62.40"),
        "payable": D("-60.63"),
    }
    payable = figures["as_broker"]["payable"] + figures["as_branch"]["payable"]
    assert payable == -balances(loan.application)["commission_payable"]
    assert [(str(row["month"]), row["as_broker"]["accrued"]) for row in figures["by_month"]] == [
        ("2025-01-01", D("63.07")),
        ("2025-02-01", D("1.10")),
        ("2025-03-01", D("0.00")),
    ]
    assert figures["by_month"][1]["as_broker"]["paid"] == D("62.40")
    assert figures["by_month"][2]["as_branch"]["clawed_back"] == D("15.60")


def test_a_clawback_that_came_back_is_marked_as_paid(world, lend):
    loan = lend(clawback_method="full", trail_rate="0")
    with on(START + timedelta(days=5)):
        pay_out(loan, world.admin)
        before = balances(loan.application)["cash"]
        for row in Commission.objects.order_by("pk"):
            commission_mark_paid(commission=row, actor=world.admin)
    assert balances(loan.application)["cash"] == before
    assert "commission_payable" not in balances(loan.application)
    assert set(Commission.objects.values_list("status", flat=True)) == {CommissionStatus.PAID}
    assert breaches() == []


@pytest.mark.parametrize(
    "damage",
    [
        {"amount": D("77.00"), "broker_amount": D("61.40")},
        {"status": "paid", "paid_on": START, "paid_entry_id": 0},
    ],
)
def test_the_audit_finds_commissions_that_are_not_in_the_ledger(lend, damage):
    lend()
    row = Commission.objects.get()
    if "paid_entry_id" in damage:
        damage = {**damage, "paid_entry_id": row.entry_id}
    Commission.objects.update(**damage)
    found = " ".join(breaches())
    assert "commission payable is the sum" in found
    assert "the entries of a commission" in found


# --- the rules ------------------------------------------------------------------------------------


def test_half_a_cent_goes_up():
    assert percent_of(D("100.00"), Decimal("0.125")) == D("0.13")
    assert percent_of(D("-100.00"), Decimal("0.125")) == D("-0.13")
    assert trail_of(D("36500.00"), Decimal("0.005"), date(2025, 4, 1), START) == D("0.15")


def test_months_end_with_their_last_day():
    assert add_months(date(2025, 1, 31), 1) == date(2025, 2, 28)
    assert add_months(date(2025, 11, 30), 15) == date(2027, 2, 28)


money = st.integers(0, 10**9).map(lambda n: Decimal(n) / 100)
percents = st.integers(0, 1_000_000).map(lambda n: Decimal(n) / 10_000)


@given(money, percents, st.integers(0, 120), st.integers(0, 4000), st.booleans())
def test_a_clawback_is_part_of_the_upfront_and_never_grows(upfront, percentage, months, days, pro_rata):
    def after(days):
        return clawback_of(
            upfront,
            percentage,
            settled_on=START,
            months=months,
            ended_on=START + timedelta(days=days),
            pro_rata=pro_rata,
        )

    assert D(0) <= after(days + 1) <= after(days) <= percent_of(upfront, percentage) <= upfront
    assert after(31 * months) == 0


@given(money, money, percents)
def test_parts_of_a_difference_are_parts_of_it(first, second, share):
    """A clawback that is corrected is shared as the sums are: neither part changes its sign."""
    low, high = sorted((first, second))
    part = percent_of(high, share) - percent_of(low, share)
    assert D(0) <= part <= high - low
