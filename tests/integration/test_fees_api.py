"""Fees: charged, edited, paid, waived, refunded and cancelled, before and after settlement."""

from datetime import date, timedelta

import pytest

from events.models import Event
from servicing.dates import business_date
from servicing.models import Fee, JournalEntry
from servicing.services.changes import loan_write_off
from servicing.services.payments import payment_record
from tests.servicing.kit import D, balances, breaches, fee_of, loan_of, settled
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db
FEES = "/api/documents/fees/"


@pytest.fixture
def client(world, api):
    return api(world.ours.bd_user)


def body_of(application=None, **fields):
    due = (business_date() + timedelta(days=30)).isoformat()
    body = {"fee_type": "valuation", "amount": "550.00", "due_date": due, **fields}
    return {**body, "application": application.pk} if application else body


def test_a_fee_is_charged_told_and_listed(world, client):
    application = world.ours.application
    reply = client.post(FEES, body_of(application, description="Desk review"))
    assert reply.status_code == 201
    body = reply.json()
    assert (body["status"], body["outstanding"], body["paid_amount"]) == ("pending", "550.00", "0.00")
    assert client.get(reply["Location"]).json() == body
    assert client.get(f"/api/applications/{application.pk}/fees/").json()["results"] == [body]
    assert balances(application) == {"fees_receivable": D(550), "fee_income": D(-550)}
    event = Event.objects.latest("pk")
    assert (event.type, event.data["amount"], event.application_id) == ("fee.added", "550.00", application.pk)
    assert world.ours.client_user.pk in event.recipients
    assert breaches() == []


def test_it_is_marked_paid_in_parts(world, client):
    fee = fee_of(world.admin, world.ours.application)
    reply = client.post(f"{FEES}{fee.pk}/mark-paid/", {"amount": "100.00", "method": "card"})
    assert (reply.status_code, reply.json()["outstanding"]) == (200, "200.00")
    with nothing_written():
        reply = client.post(f"{FEES}{fee.pk}/mark-paid/", {"amount": "200.01"})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["amount"])
    reply = client.post(f"{FEES}{fee.pk}/mark-paid/", {})
    assert (reply.json()["status"], reply.json()["paid_on"]) == ("paid", business_date().isoformat())
    with nothing_written():
        assert client.post(f"{FEES}{fee.pk}/mark-paid/", {}).status_code == 409
    assert [entry.entry_type for entry in JournalEntry.objects.order_by("pk")] == [
        "fee_created",
        "fee_paid",
        "fee_paid",
    ]
    assert breaches() == []


def test_what_is_unpaid_is_waived(world, client):
    fee = fee_of(world.admin, world.ours.application)
    client.post(f"{FEES}{fee.pk}/mark-paid/", {"amount": "100.00"})
    reply = client.post(f"{FEES}{fee.pk}/waive/", {"reason": "Goodwill."})
    assert reply.status_code == 200
    body = reply.json()
    assert (body["waived_amount"], body["paid_amount"], body["outstanding"]) == ("200.00", "100.00", "0.00")
    assert body["status"] == "paid"
    assert balances(world.ours.application) == {"fee_income": D(-100), "cash": D(100)}
    with nothing_written():
        assert client.post(f"{FEES}{fee.pk}/waive/", {}).status_code == 409
    assert breaches() == []


def test_an_unpaid_fee_that_is_waived_is_waived(world, client):
    fee = fee_of(world.admin, world.ours.application)
    assert client.post(f"{FEES}{fee.pk}/waive/", {}).json()["status"] == "waived"
    assert balances(world.ours.application) == {}


def test_it_is_edited_until_money_has_gone_to_it(world, client):
    fee = fee_of(world.admin, world.ours.application)
    reply = client.patch(f"{FEES}{fee.pk}/", {"amount": "250.00", "description": "Less"})
    assert (reply.status_code, reply.json()["amount"]) == (200, "250.00")
    assert balances(world.ours.application)["fees_receivable"] == D(250)
    with nothing_written():
        reply = client.patch(f"{FEES}{fee.pk}/", {"fee_type": "late"})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["fee_type"])
    before = Event.objects.count()
    assert client.patch(f"{FEES}{fee.pk}/", {"amount": "250.00"}).status_code == 200
    assert Event.objects.count() == before
    client.post(f"{FEES}{fee.pk}/mark-paid/", {"amount": "1.00"})
    with nothing_written():
        assert client.patch(f"{FEES}{fee.pk}/", {"amount": "300.00"}).status_code == 409
    assert client.patch(f"{FEES}{fee.pk}/", {"description": "Paid in part"}).status_code == 200
    assert breaches() == []


def test_one_entered_in_error_is_cancelled_and_the_ledger_keeps_both_entries(world, client):
    fee = fee_of(world.admin, world.ours.application)
    assert client.delete(f"{FEES}{fee.pk}/").status_code == 204
    assert client.get(f"{FEES}{fee.pk}/").status_code == 404
    assert client.get(f"/api/applications/{world.ours.application.pk}/fees/").json()["count"] == 0
    assert Fee.objects.get().cancelled_at is not None
    assert JournalEntry.objects.count() == 2
    assert balances(world.ours.application) == {}
    assert breaches() == []


def test_one_that_was_paid_is_not_cancelled_but_refunded(world, client):
    loan = loan_of(world.admin, world.ours.application)
    fee = fee_of(world.admin, loan.application)
    client.post(f"{FEES}{fee.pk}/mark-paid/", {})
    with nothing_written():
        assert client.delete(f"{FEES}{fee.pk}/").status_code == 409
    refund = f"/api/applications/{loan.application_id}/refund/"
    with nothing_written():
        reply = client.post(refund, {"fee": fee.pk, "amount": "300.00"})
    assert reply.status_code == 400
    reply = client.post(refund, {"fee": fee.pk, "reason": "Never ordered."})
    assert (reply.status_code, reply.json()["amount"]) == (201, "300.00")
    assert client.get(f"{FEES}{fee.pk}/").json()["status"] == "refunded"
    assert balances(loan.application)["cash"] == D(-12000)
    with nothing_written():
        assert client.post(refund, {"fee": fee.pk}).status_code == 409
    assert breaches() == []


def test_a_fee_of_another_application_is_not_refunded_here(world, client, api):
    loan_of(world.admin, world.ours.application)
    theirs = fee_of(world.admin, world.theirs.application)
    boss = api(world.admin)
    with nothing_written():
        for who in (client, boss):
            reply = who.post(f"/api/applications/{world.ours.application.pk}/refund/", {"fee": theirs.pk})
            assert (reply.status_code, list(reply.json()["errors"])) == (400, ["fee"])


def test_money_that_is_held_pays_a_fee_when_it_is_due(world, client):
    loan = loan_of(world.admin, world.ours.application)
    payment_record(application=loan.application, actor=world.admin, amount=D(80), received_on=business_date())
    reply = client.post(FEES, body_of(loan.application, due_date=business_date().isoformat()))
    assert (reply.json()["paid_amount"], reply.json()["outstanding"]) == ("80.00", "470.00")
    assert breaches() == []


def test_an_ended_application_is_charged_nothing(world, client):
    application = world.ours.application
    application.stage, application.came_from = "declined", "inquiry"
    application.save()
    with nothing_written():
        assert client.post(FEES, body_of(application)).status_code == 409


def test_a_loan_that_is_written_off_is_charged_nothing(world, client):
    loan = settled(world.admin, world.ours.application, on=date(2026, 1, 5))
    loan_write_off(application=loan.application, actor=world.admin, reason="Gone.")
    with nothing_written():
        reply = client.post(FEES, body_of(loan.application))
    assert (reply.status_code, reply.json()["code"]) == (409, "loan_not_open")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": "0.00"}, "amount"),
        ({"amount": "-1.00"}, "amount"),
        ({"amount": "1.005"}, "amount"),
        ({"amount": None}, "amount"),
        ({"due_date": "2999-01-01"}, "due_date"),
        ({"due_date": "0001-01-01"}, "due_date"),
        ({"due_date": ""}, "due_date"),
        ({"fee_type": "bribe"}, "fee_type"),
        ({"status": "paid"}, "status"),
    ],
)
def test_bad_input_is_refused_by_field(world, client, change, field):
    for address in (FEES, f"/api/applications/{world.ours.application.pk}/fees/"):
        application = world.ours.application if address == FEES else None
        with nothing_written():
            reply = client.post(address, {**body_of(application), **change})
        assert reply.status_code == 400
        assert list(reply.json()["errors"]) == [field]


def test_an_application_of_the_other_side_is_not_charged(world, client):
    with nothing_written():
        reply = client.post(FEES, body_of(world.theirs.application))
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["application"])


def test_filters(world, client):
    one = fee_of(world.admin, world.ours.application)
    two = client.post(FEES, body_of(world.ours.application)).json()["id"]
    fee_of(world.admin, world.theirs.application)

    def ids(**query):
        return [row["id"] for row in client.get(FEES, query).json()["results"]]

    assert ids() == [two, one.pk]
    assert ids(fee_type="legal") == [one.pk]
    assert ids(status="paid") == []
    assert ids(due_after=(business_date() + timedelta(days=1)).isoformat()) == [two]
    assert ids(due_before=business_date().isoformat()) == [one.pk]
    assert ids(application=world.ours.application.pk, ordering="amount") == [one.pk, two]


def test_a_loan_that_is_paid_out_is_charged_no_fee(world, api):
    loan = loan_of(world.admin, world.ours.application)
    client = api(world.ours.bd_user)
    body = {"amount": client.get(f"/api/applications/{loan.application_id}/payoff/").json()["total"]}
    client.post(f"/api/applications/{loan.application_id}/payoff/", body)
    fee = {"fee_type": "legal", "amount": "10.00", "due_date": business_date().isoformat()}
    with nothing_written():
        reply = client.post(f"/api/applications/{loan.application_id}/fees/", fee)
    assert (reply.status_code, reply.json()["code"]) == (409, "loan_not_open")
