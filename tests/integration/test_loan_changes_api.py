"""Payoff figures, paying out, other terms, and writing off."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine

from servicing.models import JournalEntry, Loan, Repayment, ScheduleVersion
from servicing.services.payments import payment_record
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


def test_when_everything_is_due_there_is_nothing_to_reschedule(client, loan, world, api):
    with time_machine.travel("2026-01-20T02:00:00Z", tick=False):
        late = api(world.ours.bd_user)
        with nothing_written():
            reply = late.post(url(loan, "extend-loan/"), {"loan_term": 12})
    assert reply.status_code == 409


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
    assert balances(loan.application)["write_off"] == left + D(99)
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
