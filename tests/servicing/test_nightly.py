"""The work of a business date: what it does, once, in order, in chunks, and after being missed or killed."""

from datetime import date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.management import CommandError, call_command

from events.models import Event
from servicing.dates import business_date
from servicing.models import Fee, JournalEntry, Loan, NightlyRun, Repayment
from servicing.services import nightly as module
from servicing.services.nightly import nightly
from servicing.services.payments import payment_record, refund
from servicing.tasks import run_nightly
from tests.factories import ProductFactory
from tests.servicing.kit import START, D, balances, breaches, settled
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db
# The first repayment is due on 15 February 2025.
DUE = date(2025, 2, 15)


def at(day):
    """Noon in Sydney."""
    return time_machine.travel(
        datetime(*day.timetuple()[:3], 12, tzinfo=ZoneInfo("Australia/Sydney")), tick=False
    )


def night(day):
    with at(day):
        return nightly(day)


@pytest.fixture
def loan(world):
    product = ProductFactory.create(late_fee="20.00", late_fee_after_days=5)
    with at(START):
        nightly(START)
        return settled(world.admin, world.ours.application, terms={"product": product})


def told(kind):
    return [
        (event.data.get("days_late"), set(event.recipients))
        for event in Event.objects.filter(type=kind).order_by("pk")
    ]


def test_the_business_date_is_the_lenders_day():
    assert business_date(datetime(2025, 1, 14, 12, 59, tzinfo=ZoneInfo("UTC"))) == date(2025, 1, 14)
    assert business_date(datetime(2025, 1, 14, 13, 0, tzinfo=ZoneInfo("UTC"))) == date(2025, 1, 15)


def test_interest_is_charged_on_the_day_it_falls_due(loan):
    night(DUE - timedelta(days=1))
    assert not JournalEntry.objects.filter(entry_type="interest_charged").exists()
    night(DUE)
    entry = JournalEntry.objects.get(entry_type="interest_charged")
    first = Repayment.objects.get(number=1)
    assert (entry.amount, entry.entry_date, entry.repayment) == (first.interest, DUE, first)
    assert breaches() == []


def test_a_repayment_that_falls_due_soon_is_told_once_to_borrower_and_bdm(loan, world):
    night(DUE - timedelta(days=8))
    assert told("repayment.due_soon") == []
    for days in (7, 6, 0):
        night(DUE - timedelta(days=days))
    everyone = {world.ours.client_user.pk, world.ours.bd_user.pk}
    assert told("repayment.due_soon") == [(None, everyone)]
    assert Repayment.objects.get(number=1).status == "due_soon"


def test_an_overdue_one_is_told_to_the_borrower_at_three_and_seven_days_and_to_the_bdm_at_ten(loan, world):
    for days in range(-8, 13):
        night(DUE + timedelta(days=days))
    borrower, bdm = {world.ours.client_user.pk}, {world.ours.bd_user.pk}
    assert told("repayment.overdue") == [(3, borrower), (7, borrower), (10, bdm)]
    first = Repayment.objects.get(number=1)
    assert (first.status, first.overdue_told) == ("overdue", 10)
    loan.refresh_from_db()
    assert loan.days_past_due(DUE + timedelta(days=12)) == 12


def test_a_late_fee_is_charged_once_when_the_product_says_so(loan):
    night(DUE + timedelta(days=4))
    assert not Fee.objects.exists()
    for days in (5, 6, 7):
        night(DUE + timedelta(days=days))
    fee = Fee.objects.get()
    assert (fee.fee_type, fee.amount, fee.due_date) == ("late", D(20), DUE + timedelta(days=5))
    assert fee.repayment == Repayment.objects.get(number=1)
    assert balances(loan.application)["penalty_receivable"] == D(20)
    assert breaches() == []


def test_a_paid_repayment_is_neither_late_nor_told_of(loan, world):
    with at(DUE):
        payment_record(application=loan.application, actor=world.admin, amount=D("1032.66"), received_on=DUE)
    for days in range(12):
        night(DUE + timedelta(days=days))
    assert told("repayment.overdue") == []
    assert not Fee.objects.exists()


def test_a_night_is_done_once(loan):
    day = DUE + timedelta(days=6)
    assert [run.business_date for run in night(day)][-1] == day
    run = NightlyRun.objects.get(business_date=day)
    assert (run.status, run.applications, run.late_fees) == ("done", 1, 0)
    with nothing_written():
        assert night(day) == []
        assert night(day - timedelta(days=3)) == []


def state(application):
    fees = Fee.objects.filter(application=application).order_by("pk")
    rows = Repayment.objects.filter(application=application).order_by("number")
    return (
        balances(application),
        [(fee.amount, fee.due_date, fee.status) for fee in fees],
        [(row.status, row.charged_on, row.overdue_told, row.due_soon_told) for row in rows],
        list(
            JournalEntry.objects.filter(application=application)
            .order_by("pk")
            .values_list("entry_type", "entry_date", "amount", "balance")
        ),
        Loan.objects.get(application=application).oldest_due,
    )


def test_missed_nights_are_made_up_in_order_and_lead_to_the_same(world):
    product = ProductFactory.create(late_fee="20.00", late_fee_after_days=5)
    end = DUE + timedelta(days=40)
    with at(START):
        nightly(START)
        one = settled(world.admin, world.ours.application, terms={"product": product})
    for days in range((end - START).days + 1):
        night(START + timedelta(days=days))
    every_night = state(one.application)
    NightlyRun.objects.all().delete()
    with at(START):
        nightly(START)
        two = settled(world.admin, world.theirs.application, terms={"product": product})
    runs = night(end)
    assert [run.business_date for run in runs] == [
        START + timedelta(days=n + 1) for n in range((end - START).days)
    ]
    assert state(two.application) == every_night
    assert breaches() == []


def test_it_goes_on_where_it_was_stopped(loan, world, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1)
    with at(START):
        loans = [loan, *[settled(world.admin, on=START) for _ in range(3)]]
    night(DUE - timedelta(days=1))
    answers = iter([True, True, False])
    with at(DUE):
        [run] = nightly(DUE, may_go_on=lambda: next(answers))
        assert (run.status, run.applications) == ("running", 2)
        charged = JournalEntry.objects.filter(entry_type="interest_charged").count()
        assert charged == 2
        [run] = nightly(DUE)
    assert (run.status, run.applications, run.charged) == ("done", 4, 4)
    assert JournalEntry.objects.filter(entry_type="interest_charged").count() == len(loans)
    assert breaches() == []


def test_a_chunk_that_fails_leaves_nothing_and_is_done_again(loan, world, monkeypatch):
    night(DUE - timedelta(days=1))

    def fails(books):
        raise ZeroDivisionError

    with monkeypatch.context() as patched, at(DUE):
        patched.setattr(module, "remind", fails)
        with pytest.raises(ZeroDivisionError):
            nightly(DUE)
    assert NightlyRun.objects.get(business_date=DUE).applications == 0
    assert not JournalEntry.objects.filter(entry_type="interest_charged").exists()
    night(DUE)
    assert JournalEntry.objects.filter(entry_type="interest_charged").count() == 1


def test_a_late_fee_does_not_take_what_was_refunded(loan, world):
    """Nights that are made up after money came, paid what was due, and went back."""
    with at(DUE + timedelta(days=10)):
        today = business_date()
        payment_record(application=loan.application, actor=world.admin, amount=D(1100), received_on=today)
        refund(application=loan.application, actor=world.admin, amount=D("67.34"))
        nightly(today)
    assert breaches() == []


def test_fees_that_are_not_paid_become_overdue(loan, world):
    from servicing.services.fees import fee_add

    with at(DUE):
        fee = fee_add(
            application=loan.application, actor=world.admin, fee_type="legal", amount=D(5), due_date=DUE
        )
        nightly(DUE)
    assert Fee.objects.get(pk=fee.pk).status == "pending"
    night(DUE + timedelta(days=1))
    assert Fee.objects.get(pk=fee.pk).status == "overdue"


def test_the_task_does_the_present_date(loan):
    with at(DUE):
        assert run_nightly() == (DUE - START).days
        assert run_nightly() == 0


def test_the_command_shows_how_far_it_is(loan):
    out = StringIO()
    with at(DUE):
        call_command("servicing_nightly", date=DUE, stdout=out)
        assert out.getvalue().splitlines()[-1] == (
            "2025-02-15 done: 1 applications, 1 repayments charged, 0 accruals, 0 late fees, 0 reminders"
        )
        again = StringIO()
        call_command("servicing_nightly", stdout=again)
        assert again.getvalue() == "Nothing to do: that date is done.\n"
        with pytest.raises(CommandError, match="2025-02-16 has not come yet"):
            call_command("servicing_nightly", date=DUE + timedelta(days=1))
