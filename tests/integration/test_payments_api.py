"""Payments: what they pay, money that is held, dating back, reversal, refunds, and refusals."""

from datetime import date, timedelta

import pytest
import time_machine

from events.models import Event
from servicing.models import JournalEntry, Loan, Payment, Repayment
from servicing.services.nightly import nightly
from tests.clients import ApiClient
from tests.servicing.kit import D, balances, breaches, fee_of, settled
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db
# Settled on 15 January 2025: 12 repayments of 1,032.66 from 15 February on.
INSTALMENT = "1032.66"


@pytest.fixture
def today():
    with time_machine.travel("2025-03-20T02:00:00Z", tick=False):
        yield date(2025, 3, 20)


@pytest.fixture
def loan(world, today):
    return settled(world.admin, world.ours.application)


@pytest.fixture
def client(world, api, loan):
    return api(world.ours.bd_user)


def url(loan, tail="record-payment/"):
    return f"/api/applications/{loan.application_id}/{tail}"


def pay(client, loan, amount, on="2025-03-20", **more):
    reply = client.post(url(loan), {"amount": amount, "received_on": on, **more})
    assert reply.status_code == 201, reply.content
    return reply.json()


def paid(loan):
    rows = Repayment.objects.filter(application=loan.application_id).order_by("number")
    return [(str(row.interest_paid), str(row.principal_paid), row.status) for row in rows[:3]]


def test_a_payment_pays_in_the_loans_order_and_says_what(client, loan):
    body = pay(client, loan, "1200.00", method="direct_debit", reference="DD 4711")
    assert (body["status"], body["method"], body["held"]) == ("received", "direct_debit", "0.00")
    first, second = Repayment.objects.order_by("number")[:2]
    # Interest of both that are due, then the older one's principal, then what is left for the other.
    assert [(s["repayment"], s["component"], s["amount"]) for s in body["shares"]] == [
        (first.pk, "interest", str(first.interest)),
        (second.pk, "interest", str(second.interest)),
        (first.pk, "principal", str(first.principal)),
        (second.pk, "principal", str(D("1200.00") - first.amount - second.interest)),
    ]
    assert paid(loan)[0][2] == "paid"
    assert paid(loan)[1][2] == "partial"
    assert breaches() == []
    event = Event.objects.get(type="payment.recorded")
    assert (event.data["amount"], event.data["held"]) == ("1200.00", "0.00")
    assert event.application_id == loan.application_id


def test_an_over_payment_is_held_and_used_when_the_next_falls_due(client, loan, world):
    body = pay(client, loan, "2100.00")
    assert body["held"] == str(D(2100) - 2 * D(INSTALMENT))
    assert balances(loan.application)["unapplied"] == -D("34.68")
    with time_machine.travel("2025-04-15T02:00:00Z", tick=False):
        nightly(date(2025, 4, 15))
    third = Repayment.objects.get(number=3)
    assert (third.status, third.paid_amount) == ("partial", D("34.68"))
    assert "unapplied" not in balances(loan.application)
    applied = JournalEntry.objects.get(entry_type="payment_applied")
    assert (applied.entry_date, applied.amount) == (date(2025, 4, 15), D("34.68"))
    assert breaches() == []


def test_a_payment_found_out_late_is_as_if_it_had_come_in_time(client, loan):
    pay(client, loan, INSTALMENT, on="2025-03-16")
    pay(client, loan, INSTALMENT, on="2025-02-15")
    rows = list(Repayment.objects.order_by("number")[:2])
    assert [row.paid_on for row in rows] == [date(2025, 2, 15), date(2025, 3, 16)]
    loan.refresh_from_db()
    assert loan.oldest_due is None
    assert breaches() == []


def test_the_order_of_recording_does_not_matter(client, loan, world, api):
    other = settled(world.admin, world.theirs.application)
    boss = api(world.admin)
    moneys = [("700.00", "2025-02-20"), ("50.00", "2025-02-16"), ("1600.00", "2025-03-01")]
    for amount, on in moneys:
        pay(boss, loan, amount, on)
    for amount, on in reversed(moneys):
        pay(boss, other, amount, on)
    assert balances(loan.application) == balances(other.application)
    assert paid(loan) == paid(other)
    assert breaches() == []


def test_a_reversal_is_a_new_entry_and_opens_what_was_paid(client, loan):
    before = balances(loan.application)
    made = pay(client, loan, "1500.00")
    entry = JournalEntry.objects.get(payment=made["id"])
    reply = client.post(url(loan, f"payments/{made['id']}/reverse/"), {"reason": "Dishonoured."})
    assert reply.status_code == 200
    body = reply.json()
    assert (body["status"], body["reversal_reason"], body["shares"]) == ("reversed", "Dishonoured.", [])
    assert body["held"] == "0.00"
    assert balances(loan.application) == before
    reversal = JournalEntry.objects.get(entry_type="reversal")
    assert (reversal.reverses, reversal.payment_id, reversal.amount) == (entry, made["id"], D(1500))
    assert [row[2] for row in paid(loan)] == ["overdue", "overdue", "scheduled"]
    assert breaches() == []
    with nothing_written():
        again = client.post(url(loan, f"payments/{made['id']}/reverse/"), {"reason": "Again."})
    assert again.status_code == 409


def test_after_a_reversal_later_money_takes_its_place(client, loan):
    first = pay(client, loan, INSTALMENT, on="2025-02-15")
    pay(client, loan, INSTALMENT, on="2025-03-15")
    client.post(url(loan, f"payments/{first['id']}/reverse/"), {"reason": "Dishonoured."})
    rows = list(Repayment.objects.order_by("number")[:2])
    # The interest of both, and principal of the older: what the loan's order says of the one payment.
    assert (rows[0].interest_paid, rows[1].interest_paid) == (rows[0].interest, rows[1].interest)
    assert rows[0].principal_paid == D(INSTALMENT) - rows[0].interest - rows[1].interest
    loan.refresh_from_db()
    assert loan.oldest_due == date(2025, 2, 15)
    assert breaches() == []


def test_a_repayment_is_marked_paid(client, loan):
    second = Repayment.objects.get(number=2)
    reply = client.post(f"/api/documents/repayments/{second.pk}/mark-paid/", {"received_on": "2025-03-15"})
    assert reply.status_code == 200
    assert (reply.json()["status"], reply.json()["paid_on"]) == ("paid", "2025-03-15")
    assert paid(loan)[0][2] == "overdue"
    assert breaches() == []


def test_a_repayment_that_is_not_due_is_paid_ahead_when_it_is_named(client, loan):
    last = Repayment.objects.get(number=12)
    reply = client.post(f"/api/documents/repayments/{last.pk}/mark-paid/", {})
    assert (reply.status_code, reply.json()["status"]) == (200, "paid")
    payment = Payment.objects.get()
    assert (payment.amount, payment.repayment) == (last.amount, last)
    assert breaches() == []
    with nothing_written():
        again = client.post(f"/api/documents/repayments/{last.pk}/mark-paid/", {})
    assert again.status_code == 409


def test_a_payment_names_what_it_is_for(client, loan, world, api):
    third = Repayment.objects.get(number=3)
    body = pay(client, loan, "1040.00", repayment=third.pk)
    assert body["repayment"] == third.pk
    assert {share["repayment"] for share in body["shares"][:2]} == {third.pk}
    fee = fee_of(world.admin, loan.application)
    assert pay(client, loan, "300.00", fee=fee.pk)["shares"][0]["fee"] == fee.pk
    theirs = settled(world.admin, world.theirs.application).schedules.get().repayments.first()
    boss = api(world.admin)
    for who, named in ((client, theirs.pk), (boss, theirs.pk), (client, 999999999)):
        with nothing_written():
            reply = who.post(url(loan), {"amount": "1.00", "repayment": named})
        assert (reply.status_code, list(reply.json()["errors"])) == (400, ["repayment"])
    with nothing_written():
        reply = client.post(url(loan), {"amount": "1.00", "repayment": third.pk, "fee": fee.pk})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["fee"])
    assert breaches() == []


def test_money_that_is_held_is_refunded(client, loan):
    pay(client, loan, "2165.32")
    for amount, held in (("100.01", "100.00"),):
        with nothing_written():
            reply = client.post(url(loan, "refund/"), {"amount": amount})
        assert reply.status_code == 409
        assert (reply.json()["code"], reply.json()["held"]) == ("not_held", held)
    reply = client.post(url(loan, "refund/"), {"amount": "100.00", "reason": "Paid twice."})
    assert reply.status_code == 201
    assert reply.json()["refunded_on"] == "2025-03-20"
    assert "unapplied" not in balances(loan.application)
    assert breaches() == []


def test_a_payment_whose_money_went_back_is_not_reversed(client, loan):
    made = pay(client, loan, "2165.32")
    client.post(url(loan, "refund/"), {"amount": "100.00"})
    with nothing_written():
        reply = client.post(url(loan, f"payments/{made['id']}/reverse/"), {"reason": "Dishonoured."})
    assert reply.status_code == 409
    assert reply.json()["code"] == "refunded_already"


def test_the_last_payment_pays_the_loan_out_and_its_reversal_opens_it_again(loan, world):
    with time_machine.travel("2026-01-20T02:00:00Z", tick=False):
        total = sum(row.amount for row in Repayment.objects.all())
        client = ApiClient(world.ours.bd_user)
        made = pay(client, loan, str(total), on="2026-01-20")
        loan.refresh_from_db()
        assert (loan.status, loan.closed_on) == ("closed", date(2026, 1, 20))
        assert Event.objects.filter(type="loan.paid_out").count() == 1
        with nothing_written():
            reply = client.post(url(loan), {"amount": "1.00"})
        assert reply.status_code == 409
        assert reply.json()["code"] == "loan_not_open"
        client.post(url(loan, f"payments/{made['id']}/reverse/"), {"reason": "Dishonoured."})
        loan.refresh_from_db()
        assert (loan.status, loan.closed_on) == ("active", None)
        assert breaches() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "amount"),
        ({"amount": "0.00"}, "amount"),
        ({"amount": "-5.00"}, "amount"),
        ({"amount": "10.001"}, "amount"),
        ({"amount": "1000000000000.00"}, "amount"),
        ({"amount": "ten"}, "amount"),
        ({"amount": None}, "amount"),
        ({"amount": "1.00", "received_on": "2025-03-22"}, "received_on"),
        ({"amount": "1.00", "received_on": "2025-01-14"}, "received_on"),
        ({"amount": "1.00", "received_on": "0001-01-01"}, "received_on"),
        ({"amount": "1.00", "received_on": "31/12/2024"}, "received_on"),
        ({"amount": "1.00", "method": "deduction"}, "method"),
        ({"amount": "1.00", "reference": "x" * 101}, "reference"),
        ({"amount": "1.00", "loan": 1}, "loan"),
    ],
)
def test_bad_input_is_refused_by_field(client, loan, body, field):
    with nothing_written():
        reply = client.post(url(loan), body)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


def test_rows_of_other_loans_do_not_exist_here(client, loan, world):
    other = settled(world.admin, world.theirs.application)
    theirs = other.schedules.get().repayments.first()
    with nothing_written():
        assert client.post(f"/api/documents/repayments/{theirs.pk}/mark-paid/", {}).status_code == 404
        assert client.post(url(other), {"amount": "1.00"}).status_code == 404
        assert client.post(url(loan, "payments/99999999/reverse/"), {"reason": "No."}).status_code == 404


def test_before_settlement_there_is_no_loan_to_pay(world, api, today):
    bdm = api(world.ours.bd_user)
    with nothing_written():
        reply = bdm.post(f"/api/applications/{world.ours.application.pk}/record-payment/", {"amount": "1.00"})
    assert reply.status_code == 409
    assert reply.json()["code"] == "loan_not_open"


def test_payments_are_listed_latest_first(client, loan):
    one = pay(client, loan, "10.00", on="2025-03-01")
    two = pay(client, loan, "20.00", on="2025-02-01")
    listed = client.get(url(loan, "payments/")).json()["results"]
    assert [row["id"] for row in listed] == [one["id"], two["id"]]
    assert client.get(url(loan, f"payments/{two['id']}/")).json() == listed[1]


def test_the_ledger_shows_every_entry_with_its_running_balance(client, loan):
    made = pay(client, loan, "500.00")
    body = client.get(url(loan, "ledger/")).json()
    rows = body["results"]
    assert [row["entry_type"] for row in rows] == [
        "repayment_received",
        "interest_charged",
        "interest_accrued",
        "interest_charged",
        "interest_accrued",
        "repayment_scheduled",
        "disbursement",
    ]
    assert rows[0]["payment"] == made["id"]
    assert (rows[0]["amount"], rows[0]["date"]) == ("500.00", "2025-03-20")
    interest = sum(row.interest for row in Repayment.objects.order_by("number")[:2])
    assert rows[0]["running_balance"] == str(D(12000) + interest - D(500))
    assert all(sum(D(line["amount"]) for line in row["lines"]) == 0 for row in rows)


def test_a_statement_adds_up(client, loan):
    pay(client, loan, "500.00", on="2025-02-20")
    body = client.get(url(loan, "statement/"), {"start": "2025-02-01", "end": "2025-02-28"}).json()
    first = Repayment.objects.get(number=1)
    assert body["opening_balance"] == "12000.00"
    assert [(line["date"], line["debit"], line["credit"]) for line in body["lines"]] == [
        ("2025-02-15", str(first.interest), "0.00"),
        ("2025-02-20", "0.00", "500.00"),
    ]
    assert body["closing_balance"] == str(D(12000) + first.interest - D(500))
    whole = client.get(url(loan, "statement/")).json()
    assert whole["closing_balance"] == client.get(url(loan, "schedule/")).json()["balance"]
    reply = client.get(url(loan, "statement/"), {"start": "2025-03-01", "end": "2025-02-01"})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["end"])


def test_lists_find_what_is_overdue(client, loan):
    pay(client, loan, "10.00")
    found = client.get("/api/documents/repayments/", {"is_overdue": "true"}).json()["results"]
    assert [(row["number"], row["status"], row["days_late"]) for row in found] == [
        (1, "partial", 33),
        (2, "overdue" if found[1]["paid_amount"] == "0.00" else "partial", 5),
    ]
    later = client.get("/api/documents/repayments/", {"due_after": "2025-12-01"}).json()
    assert later["count"] == 2
    assert client.get("/api/documents/repayments/", {"status": "paid"}).json()["count"] == 0
    assert Loan.objects.get().days_past_due(date(2025, 3, 20)) == 33
    assert timedelta(days=33) == date(2025, 3, 20) - date(2025, 2, 15)
