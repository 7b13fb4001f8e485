"""Interest is income when it is earned: by the close of each month, and all of it when it falls due."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine

from servicing.models import JournalEntry, JournalLine, Loan, NightlyRun, Repayment, WriteOff
from servicing.selectors.facts import read_facts
from servicing.selectors.loans import loan_detail
from servicing.selectors.payoff import payoff
from servicing.services import month_ends
from servicing.services import nightly as module
from servicing.services.changes import loan_extend, loan_pay_out, loan_write_off
from servicing.services.nightly import nightly
from servicing.services.payments import payment_record, payment_reverse, repayment_mark_paid
from tests.factories import ProductFactory
from tests.servicing.kit import START, D, balances, breaches, settled
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db
DUE = date(2025, 2, 15)
JANUARY = date(2025, 1, 31)


def at(day):
    return time_machine.travel(
        datetime(*day.timetuple()[:3], 12, tzinfo=ZoneInfo("Australia/Sydney")), tick=False
    )


def night(day):
    with at(day):
        return nightly(day)


@pytest.fixture
def lend(world):
    """12,000 AUD at 6 % from 15 January: 61.15 AUD of interest in the 31 days to 15 February."""

    def settle(**product):
        with at(START):
            nightly(START)
            kind = ProductFactory.create(**product) if product else None
            return settled(world.admin, world.ours.application, terms={"product": kind} if kind else {})

    return settle


def accruals(loan):
    rows = JournalEntry.objects.filter(application=loan.application, entry_type="interest_accrued")
    return [
        (entry.entry_date, line.amount)
        for entry in rows.order_by("pk")
        for line in entry.lines.filter(account="interest_accrued")
    ]


def income(loan, until=date.max):
    """Interest income by value date, AUD."""
    lines = JournalLine.objects.filter(
        entry__application=loan.application, account="interest_income", entry__entry_date__lte=until
    )
    return -sum((line.amount for line in lines), D(0))


def owed(loan):
    return sum(balances(loan.application).get(name, D(0)) for name in (
        "loan_principal", "interest_receivable", "fees_receivable", "penalty_receivable", "unapplied",
    ))  # fmt: skip


def test_a_month_is_accrued_in_the_first_night_after_it(lend):
    loan = lend()
    night(JANUARY)
    assert accruals(loan) == []
    night(JANUARY + timedelta(days=1))
    # 17 nights, that of the 31st included: 12,000 × 0.06 × 17 ÷ 365.
    assert accruals(loan) == [(JANUARY, D("33.53"))]
    assert NightlyRun.objects.get(business_date=date(2025, 2, 1)).accrued == 1
    assert breaches() == []


def test_what_is_due_takes_what_was_accrued_and_no_cent_is_lost(lend):
    loan = lend()
    night(DUE)
    entry = JournalEntry.objects.get(entry_type="interest_charged")
    assert {line.account: line.amount for line in entry.lines.all()} == {
        "interest_receivable": D("61.15"),
        "interest_accrued": D("-33.53"),
        "interest_income": D("-27.62"),
    }
    assert balances(loan.application)["interest_receivable"] == D("61.15")
    assert "interest_accrued" not in balances(loan.application)


def test_income_of_every_month_is_what_its_days_earned_and_of_the_whole_loan_its_interest(lend):
    loan = lend(day_count="act_365", repayment_method="interest_only")
    night(date(2026, 1, 31))
    for month in range(2, 13):
        first = date(2025, month, 1)
        days = (first - START).days
        exact = Decimal(12000) * 6 * days / 36500
        assert abs(income(loan, first - timedelta(days=1)) - exact) < Decimal("0.07")  # 12 roundings
    rows = Repayment.objects.filter(application=loan.application)
    assert income(loan) == sum(row.interest for row in rows) == -balances(loan.application)["interest_income"]
    assert breaches() == []


def test_missed_nights_are_made_up_with_the_same_entries(world, lend):
    first = lend()
    for days in range(1, 80):
        night(START + timedelta(days=days))
    NightlyRun.objects.all().delete()
    with at(START):
        nightly(START)
        second = settled(world.admin, world.theirs.application)
    night(START + timedelta(days=79))
    assert (
        accruals(second)
        == accruals(first)
        == [
            (date(2025, 1, 31), D("33.53")),
            (date(2025, 2, 28), D("25.38")),
            (date(2025, 3, 31), D("28.08")),
        ]
    )
    assert breaches() == []


def test_what_a_service_finds_undone_it_does_before_its_own(lend, world):
    """A payment comes before the missed nights are made up: the months have their income all the same."""
    loan = lend()
    with at(DUE + timedelta(days=20)):
        payment_record(
            application=loan.application, actor=world.admin, amount=D(10), received_on=DUE - timedelta(days=3)
        )
    assert accruals(loan) == [(JANUARY, D("33.53")), (date(2025, 2, 28), D("25.38"))]
    with at(DUE + timedelta(days=20)):
        nightly(DUE + timedelta(days=20))
    assert len(accruals(loan)) == 2
    assert breaches() == []


def test_a_night_that_is_done_again_accrues_nothing(lend):
    lend()
    night(date(2025, 2, 1))
    NightlyRun.objects.filter(business_date=date(2025, 2, 1)).update(
        status="running", finished_at=None, step="", reached=0
    )
    before = JournalEntry.objects.count()
    night(date(2025, 2, 1))
    assert JournalEntry.objects.count() == before


def test_a_chunk_takes_as_many_queries_for_many_loans_as_for_one(
    lend, world, django_assert_max_num_queries, monkeypatch
):
    loans = [lend()]
    with at(START):
        loans += [settled(world.admin, on=START) for _ in range(4)]
    ids = [loan.application_id for loan in loans]
    with at(date(2025, 2, 1)), django_assert_max_num_queries(9):
        assert month_ends.accrue_loans(ids, date(2025, 2, 1)) == 5
    assert {tuple(accruals(loan)) for loan in loans} == {((JANUARY, D("33.53")),)}
    assert set(Loan.objects.values_list("accrued_to", flat=True)) == {JANUARY}
    with at(date(2025, 2, 1)), nothing_written():
        assert month_ends.accrue_loans(ids, date(2025, 2, 1)) == 0
    assert breaches() == []


def test_chunks_go_on_where_the_last_one_ended(lend, world, monkeypatch):
    monkeypatch.setattr(module, "ACCRUED_AT_ONCE", 2)
    lend()
    with at(START):
        for _ in range(4):
            settled(world.admin, on=START)
    night(date(2025, 2, 1))
    run = NightlyRun.objects.get(business_date=date(2025, 2, 1))
    assert (run.accrued, run.step, run.status) == (5, "accruals", "done")


def test_the_loan_shows_what_the_payoff_figure_has(lend):
    loan = lend()
    for days in (0, 1, 17, 30, 31, 40):
        night(START + timedelta(days=days))
        with at(START + timedelta(days=days)):
            shown = loan_detail(loan.application)
            figure = payoff(read_facts(loan.application), START + timedelta(days=days))
        assert shown.accrued_interest == figure.accrued_interest
        assert shown.balance + shown.accrued_interest == figure.total
    # What the ledger has at a close is the figure of the next morning.
    night(date(2025, 4, 1))
    accrued = balances(loan.application)["interest_accrued"]
    assert accrued == payoff(read_facts(loan.application), date(2025, 4, 1)).accrued_interest


@pytest.mark.parametrize("days", [3, 16, 17, 25, 31])
def test_paid_out_early_income_is_what_was_earned_by_the_day(lend, world, days):
    loan = lend()
    day = START + timedelta(days=days)
    night(day)
    with at(day):
        figure = payoff(read_facts(loan.application), day)
        loan_pay_out(application=loan.application, actor=world.admin, amount=figure.total)
    assert income(loan) == (Decimal(12000) * 6 * days / 36500).quantize(D("0.01"))
    assert {name for name in balances(loan.application) if name.startswith("interest")} == {"interest_income"}
    assert breaches() == []


def test_paid_out_as_of_a_day_before_the_last_close_takes_income_back(lend, world):
    loan = lend()
    night(date(2025, 2, 5))
    with at(date(2025, 2, 5)):
        day = date(2025, 1, 25)
        figure = payoff(read_facts(loan.application), day).total
        loan_pay_out(application=loan.application, actor=world.admin, amount=figure, received_on=day)
    assert income(loan) == D("19.73")  # of 10 days
    assert breaches() == []


def test_a_rate_that_is_changed_back_before_the_last_close_corrects_what_was_accrued(lend, world):
    loan = lend()
    night(date(2025, 2, 5))
    with at(date(2025, 2, 5)):
        loan_extend(
            application=loan.application,
            actor=world.admin,
            effective_date=date(2025, 1, 25),
            interest_rate=Decimal(12),
        )
    # 10 days at 6 % and 7 at 12 % by the close of January.
    assert accruals(loan) == [(JANUARY, D("33.53")), (date(2025, 2, 5), D("13.82"))]
    assert balances(loan.application)["interest_accrued"] == D("19.73") + D("27.62")
    night(DUE)
    assert breaches() == []


def test_terms_from_a_later_day_on_leave_what_was_earned_before_as_it_was(lend, world):
    loan = lend()
    with at(date(2025, 1, 20)):
        loan_extend(
            application=loan.application,
            actor=world.admin,
            effective_date=date(2025, 2, 10),
            interest_rate=Decimal(12),
        )
    night(date(2025, 2, 1))
    assert accruals(loan) == [(JANUARY, D("33.53"))]
    night(date(2025, 3, 1))
    assert breaches() == []


def test_a_loan_is_written_off_with_what_it_had_earned(lend, world):
    loan = lend()
    night(DUE + timedelta(days=10))
    with at(DUE + timedelta(days=10)):
        figure = payoff(read_facts(loan.application), DUE + timedelta(days=10))
        loan_write_off(application=loan.application, actor=world.admin, reason="Gone.")
    row = WriteOff.objects.get()
    assert (row.interest, row.accrued_interest) == (D("61.15"), figure.accrued_interest)
    assert balances(loan.application)["write_off"] == figure.total
    night(date(2025, 4, 1))
    assert breaches() == []


def test_interest_paid_ahead_is_income_at_once_until_the_payment_bounces(lend, world):
    loan = lend()
    night(date(2025, 2, 3))
    first = Repayment.objects.get(number=1)
    with at(date(2025, 2, 3)):
        repayment_mark_paid(repayment=first, actor=world.admin)
        assert income(loan) == D("61.15")
        payment_reverse(payment=loan.application.payments.get(), actor=world.admin, reason="Dishonoured.")
    assert balances(loan.application)["interest_accrued"] == income(loan) == D("33.53")
    night(date(2025, 3, 1))
    assert accruals(loan) == [(JANUARY, D("33.53")), (date(2025, 2, 28), D("25.38"))]
    assert breaches() == []


def test_interest_that_is_capitalised_is_accrued_too(lend):
    loan = lend(repayment_method="bullet")
    night(date(2025, 3, 1))
    assert len(accruals(loan)) == 2
    assert balances(loan.application)["loan_principal"] == D("12061.15")
    assert breaches() == []


def test_a_loan_without_interest_has_no_accruals(lend, world):
    with at(START):
        loan = settled(world.admin, on=START, terms={"interest_rate": "0.0000"})
        nightly(START)
    night(date(2025, 3, 1))
    assert accruals(loan) == []
    assert Loan.objects.get(pk=loan.pk).accrued_to == date(2025, 2, 28)
    assert breaches() == []
