"""Payoff figures, paying out, other terms, and writing off."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine

from servicing.models import Fee, JournalEntry, Loan, Repayment, ScheduleVersion
from servicing.selectors.facts import read_facts
from servicing.selectors.payoff import payoff
from servicing.services.changes import loan_pay_out
from servicing.services.nightly import nightly
from servicing.services.payments import payment_record
from tests.factories import ProductFactory
from tests.servicing.kit import D, balances, breaches, settled
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db
TODAY = date(2025, 3, 20)


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel("2025-03-20T02:00:00Z", tick=False):
        yield


@pytest.fixture
def loan(world):
    """Settled on 15 January, the first two repayments paid."""
    loan = settled(world.admin, world.ours.application)
    payment_record(application=loan.application, actor=world.admin, amount=D("2065.32"), received_on=TODAY)
    return loan


@pytest.fixture
def client(world, api, loan):
    return api(world.ours.bd_user)


def url(loan, tail):
    return f"/api/applications/{loan.application_id}/{tail}"


def figure(client, loan, **query):
    reply = client.get(url(loan, "payoff/"), query)
    assert reply.status_code == 200, reply.content
    return reply.json()


# --- payoff ---------------------------------------------------------------------------------------


def test_the_figure_is_principal_and_interest_of_the_days_since(client, loan):
    body = figure(client, loan)
    second = Repayment.objects.get(number=2)
    days = (TODAY - second.due_date).days
    interest = (second.balance_after * 6 / 100 * days / 365).quantize(Decimal("0.01"))
    assert (body["date"], body["principal"]) == ("2025-03-20", str(second.balance_after))
    assert (body["accrued_interest"], body["interest_due"]) == (str(interest), "0.00")
    assert body["total"] == str(second.balance_after + interest)


def test_ten_days_of_figures(client, loan):
    body = figure(client, loan, date="2025-04-10", days=10)
    dates = [row["date"] for row in body["figures"]]
    assert dates == [(date(2025, 4, 10) + timedelta(days=n)).isoformat() for n in range(10)]
    third = Repayment.objects.get(number=3)
    on_the_day = body["figures"][5]
    assert (on_the_day["interest_due"], on_the_day["accrued_interest"]) == (str(third.interest), "0.00")
    totals = [D(row["total"]) for row in body["figures"]]
    assert totals == sorted(totals)
    assert {name: value for name, value in body.items() if name != "figures"} == body["figures"][0]


def test_fees_count_and_money_that_is_held_is_taken_off(client, loan, world):
    before = D(figure(client, loan)["total"])
    client.post(url(loan, "fees/"), {"fee_type": "legal", "amount": "99.00", "due_date": "2025-05-01"})
    payment_record(application=loan.application, actor=world.admin, amount=D(40), received_on=TODAY)
    body = figure(client, loan)
    assert (body["fees"], body["unapplied"]) == ("99.00", "40.00")
    assert D(body["total"]) == before + D(99) - D(40)


def test_a_past_day_is_as_it_was(client, loan):
    body = figure(client, loan, date="2025-02-14")
    assert (body["principal"], body["interest_due"]) == ("12000.00", "0.00")
    assert body["accrued_interest"] == str((D(12000) * 6 / 100 * 30 / 365).quantize(Decimal("0.01")))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"date": "2025-01-14"}, "date"),
        ({"date": "2099-01-01"}, "date"),
        ({"date": "soon"}, "date"),
        ({"days": 11}, "days"),
        ({"days": 0}, "days"),
        ({"days": "ten"}, "days"),
    ],
)
def test_bad_questions(client, loan, query, field):
    reply = client.get(url(loan, "payoff/"), query)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


def test_paying_the_figure_closes_the_loan(client, loan):
    client.post(url(loan, "fees/"), {"fee_type": "legal", "amount": "99.00", "due_date": "2025-05-01"})
    total = figure(client, loan)["total"]
    with nothing_written():
        reply = client.post(url(loan, "payoff/"), {"amount": "1.00"})
    assert reply.status_code == 409
    assert (reply.json()["code"], reply.json()["figure"]) == ("wrong_payoff", total)
    reply = client.post(url(loan, "payoff/"), {"amount": total, "reference": "Refinanced"})
    assert reply.status_code == 201
    body = reply.json()
    assert (body["status"], body["closed_on"], body["balance"]) == ("closed", "2025-03-20", "0.00")
    assert Repayment.objects.filter(status="superseded").count() == 10
    assert [row["status"] for row in body["repayments"]] == ["paid"] * 3
    assert figure(client, loan)["total"] == "0.00"
    assert breaches() == []
    assert client.put(url(loan, "stage/"), {"stage": "closed"}).status_code == 200


def test_money_that_is_held_can_pay_it_out(client, loan, world):
    payment_record(application=loan.application, actor=world.admin, amount=D(11000), received_on=TODAY)
    assert figure(client, loan)["total"] == "0.00"
    assert client.post(url(loan, "payoff/"), {"amount": "0.00"}).json()["status"] == "closed"
    held = balances(loan.application)["unapplied"]
    assert held < 0
    assert client.post(url(loan, "refund/"), {"amount": str(-held)}).status_code == 201
    assert breaches() == []


# --- other terms ----------------------------------------------------------------------------------


def test_an_extension_supersedes_and_deletes_nothing(client, loan):
    body = client.post(url(loan, "extend-loan/"), {"loan_term": 24, "reason": "Hardship."}).json()
    assert [version["version"] for version in body["versions"]] == [1, 2]
    second = body["versions"][1]
    assert (second["starts_on"], second["reason"]) == ("2025-03-20", "Hardship.")
    assert second["number_of_instalments"] == 24
    left = Repayment.objects.get(number=2).balance_after
    assert second["principal"] == str(left)
    gone = Repayment.objects.filter(status="superseded")
    assert gone.count() == 10
    assert {row.superseded_by.version for row in gone} == {2}
    rows = body["repayments"]
    assert [row["number"] for row in rows] == list(range(1, 27))
    # Due dates go on as before.
    assert [row["due_date"] for row in rows[2:5]] == ["2025-04-15", "2025-05-15", "2025-06-15"]
    assert sum(D(row["principal"]) for row in rows) == D(12000)
    listed = client.get(url(loan, "repayments/")).json()
    assert listed["count"] == 36
    assert breaches() == []


def test_another_rate_counts_from_its_day_and_the_days_before_at_the_old_one(client, loan):
    left = Repayment.objects.get(number=2).balance_after
    body = client.post(url(loan, "extend-loan/"), {"interest_rate": "9.0000"}).json()
    third = body["repayments"][2]
    at_the_old = (left * 6 / 100 * 5 / 365).quantize(Decimal("0.01"))
    assert body["versions"][1]["interest_brought_forward"] == str(at_the_old)
    exact = at_the_old + left * 9 / 100 * 26 / 365
    assert third["interest"] == str(exact.quantize(Decimal("0.01")))
    assert len(body["repayments"]) == 12
    assert breaches() == []


def test_more_money_is_lent(client, loan):
    body = client.post(url(loan, "extend-loan/"), {"additional_amount": "3000.00"}).json()
    assert body["versions"][1]["advanced"] == "3000.00"
    left = Repayment.objects.get(number=2).balance_after
    assert body["principal_balance"] == str(left + D(3000))
    entry = JournalEntry.objects.filter(entry_type="disbursement").latest("pk")
    assert (entry.amount, entry.entry_date) == (D(3000), TODAY)
    assert breaches() == []


def test_a_change_can_be_agreed_for_later(client, loan):
    body = {"effective_date": "2025-04-20", "interest_rate": "7.0000"}
    body = client.post(url(loan, "extend-loan/"), body).json()
    assert body["versions"][1]["starts_on"] == "2025-04-20"
    assert [row["number"] for row in body["repayments"][:4]] == [1, 2, 3, 4]
    assert Repayment.objects.filter(status="superseded").order_by("number").first().number == 4
    assert breaches() == []


def test_what_is_agreed_for_later_does_not_keep_a_loan_from_being_paid_out(client, loan):
    before = figure(client, loan)
    body = {"effective_date": "2025-05-01", "interest_rate": "12.0000"}
    assert client.post(url(loan, "extend-loan/"), body).status_code == 201
    assert figure(client, loan) == before
    # Of 16 days at the old rate and three at the new one.
    later = figure(client, loan, date="2025-05-04")
    third = Repayment.objects.get(number=3)
    parts = (third.balance_after * rate * days / 36500 for rate, days in ((6, 16), (12, 3)))
    assert D(later["accrued_interest"]) == sum(part.quantize(D("0.01")) for part in parts)
    reply = client.post(url(loan, "payoff/"), {"amount": before["total"]})
    assert (reply.status_code, reply.json()["status"]) == (201, "closed")
    assert breaches() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "loan_term"),
        ({"reason": "No change"}, "loan_term"),
        ({"loan_term": 0}, "loan_term"),
        ({"loan_term": 601}, "loan_term"),
        ({"interest_rate": "-1"}, "interest_rate"),
        ({"interest_rate": "100.0001"}, "interest_rate"),
        ({"additional_amount": "0.00"}, "additional_amount"),
        ({"additional_amount": "1.001"}, "additional_amount"),
        ({"loan_term": 12, "effective_date": "2025-03-14"}, "effective_date"),
        ({"loan_term": 12, "effective_date": "2025-01-01"}, "effective_date"),
        ({"loan_term": 12, "effective_date": "2999-01-01"}, "effective_date"),
        ({"additional_amount": "1.00", "effective_date": "2025-03-22"}, "effective_date"),
    ],
)
def test_bad_terms_are_refused_by_field(client, loan, body, field):
    with nothing_written():
        reply = client.post(url(loan, "extend-loan/"), body)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


# --- matured loans --------------------------------------------------------------------------------


@pytest.fixture
def matured(world, api, loan):
    """A client on 20 January 2026, when the last repayment fell due five days ago and ten are unpaid."""
    with time_machine.travel("2026-01-20T02:00:00Z", tick=False):
        yield api(world.ours.bd_user)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"interest_rate": "7.0000"}, "loan_term"),
        ({"loan_term": 6, "effective_date": "2026-01-21"}, "effective_date"),
        ({"loan_term": 6, "effective_date": "2026-01-14"}, "effective_date"),
    ],
)
def test_of_a_matured_loan_a_new_term_is_needed(matured, loan, body, field):
    with nothing_written():
        reply = matured.post(url(loan, "extend-loan/"), body)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, [field])


def test_unpaid_principal_of_a_matured_loan_gets_a_new_schedule(matured, loan):
    left = Repayment.objects.get(number=2).balance_after
    interest = sum(row.interest for row in Repayment.objects.filter(number__gt=2))
    body = {"loan_term": 6, "effective_date": "2026-01-20", "reason": "Sale of the house fell through."}
    body = matured.post(url(loan, "extend-loan/"), body).json()
    assert body["versions"][1]["principal"] == str(left)
    rows = body["repayments"]
    # What was paid stays paid, unpaid interest stays due, and the unpaid principal has new days.
    assert [(row["number"], row["status"]) for row in rows[:3]] == [(1, "paid"), (2, "paid"), (3, "overdue")]
    assert sum(D(row["principal"]) for row in rows[2:12]) == 0
    assert sum(D(row["outstanding"]) for row in rows[2:12]) == interest == D(body["arrears"]["amount"])
    assert (rows[12]["number"], rows[12]["due_date"]) == (13, "2026-02-15")
    assert sum(D(row["principal"]) for row in rows[12:]) == left == D(body["principal_balance"])
    assert Repayment.objects.filter(status="superseded").count() == 10
    total = D(body["balance"]) + D(body["accrued_interest"])
    assert figure(matured, loan, date="2026-01-20")["total"] == str(total) == str(left + interest)
    assert breaches() == []


def test_new_terms_of_a_matured_loan_can_begin_before_today(matured, loan, world):
    body = {"loan_term": 6, "effective_date": "2026-01-16", "additional_amount": "500.00"}
    assert matured.post(url(loan, "extend-loan/"), body).status_code == 201
    with time_machine.travel("2026-06-20T02:00:00Z", tick=False):
        nightly(date(2026, 6, 20))
        last = Repayment.objects.order_by("due_date").last()
        assert (last.number, last.due_date) == (18, date(2026, 7, 15))
        total = payoff(read_facts(loan.application), date(2026, 6, 20)).total
        loan_pay_out(application=loan.application, actor=world.admin, amount=total)
    assert Loan.objects.get().status == "closed"
    assert breaches() == []


def test_a_late_fee_of_a_matured_loan_is_not_charged_again(world, api):
    product = ProductFactory.create(late_fee="20.00", late_fee_after_days=5)
    terms = {"product": product, "loan_term": 2}
    loan = settled(world.admin, world.theirs.application, on=date(2025, 1, 15), terms=terms)
    with time_machine.travel("2025-03-30T02:00:00Z", tick=False):
        nightly(date(2025, 3, 30))
        assert Fee.objects.count() == 2
        reply = api(world.admin).post(url(loan, "extend-loan/"), {"loan_term": 3})
        assert reply.status_code == 201
        assert {fee.repayment.status for fee in Fee.objects.all()} == {"overdue"}
    with time_machine.travel("2025-04-10T02:00:00Z", tick=False):
        nightly(date(2025, 4, 10))
    assert Fee.objects.count() == 2
    assert breaches() == []


def test_a_loan_that_was_paid_out_by_money_that_bounced_gets_new_terms(client, loan, world):
    total = figure(client, loan)["total"]
    assert client.post(url(loan, "payoff/"), {"amount": total}).status_code == 201
    payment = loan.application.payments.latest("id")
    assert (
        client.post(url(loan, f"payments/{payment.pk}/reverse/"), {"reason": "Bounced."}).status_code == 200
    )
    body = client.post(url(loan, "extend-loan/"), {"loan_term": 10}).json()
    assert [row["number"] for row in body["repayments"][-10:]] == list(range(4, 14))
    assert breaches() == []


# --- paid ahead -----------------------------------------------------------------------------------


def test_what_was_paid_ahead_is_kept_when_the_loan_is_paid_out(client, loan):
    third = Repayment.objects.get(number=3)
    assert client.post(f"/api/documents/repayments/{third.pk}/mark-paid/", {}).status_code == 200
    body = figure(client, loan)
    assert (body["total"], body["accrued_interest"]) == (str(third.balance_after), "0.00")
    reply = client.post(url(loan, "payoff/"), {"amount": body["total"]})
    assert (reply.status_code, reply.json()["status"]) == (201, "closed")
    assert [row["status"] for row in reply.json()["repayments"]] == ["paid"] * 4
    assert breaches() == []


def test_a_loan_is_not_paid_out_as_of_a_day_before_its_last_money(client, loan):
    with nothing_written():
        reply = client.post(url(loan, "payoff/"), {"amount": "1.00", "received_on": "2025-03-19"})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["received_on"])


def test_a_repayment_is_not_paid_ahead_in_part(client, loan):
    third = Repayment.objects.get(number=3)
    for address, body in (
        (f"/api/documents/repayments/{third.pk}/mark-paid/", {"amount": "1032.65"}),
        (url(loan, "record-payment/"), {"amount": "1032.65", "repayment": third.pk}),
    ):
        with nothing_written():
            reply = client.post(address, body)
        assert (reply.status_code, list(reply.json()["errors"])) == (400, ["amount"])


def test_a_payment_ahead_that_bounces_leaves_nothing_due_before_its_day(client, loan):
    before = balances(loan.application)
    third = Repayment.objects.get(number=3)
    client.post(f"/api/documents/repayments/{third.pk}/mark-paid/", {})
    payment = loan.application.payments.latest("id")
    client.post(url(loan, f"payments/{payment.pk}/reverse/"), {"reason": "Bounced."})
    assert balances(loan.application) == before
    third.refresh_from_db()
    assert (third.status, third.charged_on) == ("scheduled", None)
    body = client.get(url(loan, "schedule/")).json()
    assert D(body["balance"]) + D(body["accrued_interest"]) == D(figure(client, loan)["total"])
    assert breaches() == []


def test_the_end_of_a_bullet_is_not_paid_before_its_interest_has_joined_the_loan(world, api):
    product = ProductFactory.create(repayment_method="bullet")
    loan = settled(world.admin, world.theirs.application, on=TODAY, terms={"product": product})
    last = Repayment.objects.filter(application=loan.application).latest("due_date")
    boss = api(world.admin)
    with nothing_written():
        reply = boss.post(f"/api/documents/repayments/{last.pk}/mark-paid/", {})
    assert (reply.status_code, reply.json()["code"]) == (409, "conflict")


def test_terms_are_changed_one_after_the_other(client, loan):
    for rate in ("7.0000", "8.0000"):
        assert client.post(url(loan, "extend-loan/"), {"interest_rate": rate}).status_code == 201
    assert ScheduleVersion.objects.count() == 3
    with nothing_written():
        early = {"interest_rate": "5.0000", "effective_date": "2025-03-18"}
        reply = client.post(url(loan, "extend-loan/"), early)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["effective_date"])
    assert breaches() == []


# --- write-off ------------------------------------------------------------------------------------


def test_a_loan_is_written_off_with_all_that_is_owed(client, loan):
    client.post(url(loan, "fees/"), {"fee_type": "legal", "amount": "99.00", "due_date": "2025-05-01"})
    reply = client.post(url(loan, "write-off/"), {"reason": "Bankrupt."})
    assert reply.status_code == 201
    left = Repayment.objects.get(number=2).balance_after
    assert (reply.json()["principal"], reply.json()["fees"]) == (str(left), "99.00")
    earned = D(reply.json()["accrued_interest"])  # of the five days since the second repayment fell due
    assert earned == (left * 6 / 100 * 5 / 365).quantize(D("0.01"))
    assert balances(loan.application)["write_off"] == left + D(99) + earned
    assert "loan_principal" not in balances(loan.application)
    assert Loan.objects.get().status == "written_off"
    assert figure(client, loan)["total"] == "0.00"
    for tail, body in (
        ("record-payment/", {"amount": "1.00"}),
        ("extend-loan/", {"loan_term": 12}),
        ("write-off/", {"reason": "Again."}),
        ("payoff/", {"amount": "0.00"}),
    ):
        with nothing_written():
            reply = client.post(url(loan, tail), body)
        assert (reply.status_code, reply.json()["code"]) == (409, "loan_not_open"), tail
    assert breaches() == []
    assert client.put(url(loan, "stage/"), {"stage": "closed"}).status_code == 200


def test_money_that_is_held_stands_against_a_write_off(client, loan, world):
    payment_record(application=loan.application, actor=world.admin, amount=D(40), received_on=TODAY)
    with nothing_written():
        reply = client.post(url(loan, "write-off/"), {"reason": "Bankrupt."})
    assert (reply.status_code, reply.json()["held"]) == (409, "40.00")


def test_a_write_off_needs_a_reason(client, loan):
    for body in ({}, {"reason": ""}, {"reason": "  "}):
        with nothing_written():
            reply = client.post(url(loan, "write-off/"), body)
        assert (reply.status_code, list(reply.json()["errors"])) == (400, ["reason"])
