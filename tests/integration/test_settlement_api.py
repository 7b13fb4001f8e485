"""Disbursing a loan: what is written, what is refused, and who is told."""

from datetime import timedelta
from decimal import Decimal

import pytest

from applications.models import Application, StageChange
from events.models import Event
from servicing.dates import business_date
from servicing.models import Fee, Loan, Repayment
from tests.factories import ApplicationFactory, ProductFactory
from tests.servicing.kit import D, balances, breaches, entries, make_ready, settled
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(world):
    return make_ready(world.ours.application)


@pytest.fixture
def client(world, api):
    return api(world.ours.bd_user)


def url(application, tail="settle/"):
    return f"/api/applications/{application.pk}/{tail}"


def test_a_settlement_disburses_and_schedules(ready, client, world):
    reply = client.post(url(ready), {})
    assert reply.status_code == 201
    body = reply.json()
    assert (body["status"], body["settled_on"]) == ("active", business_date().isoformat())
    assert (body["balance"], body["principal_balance"], body["held"]) == ("12000.00", "12000.00", "0.00")
    assert len(body["repayments"]) == 12
    assert sum(Decimal(row["principal"]) for row in body["repayments"]) == D(12000)
    assert body["totals"]["principal"] == "12000.00"
    assert body["arrears"] == {
        "days_past_due": 0,
        "bucket": "current",
        "bucket_display": "Current",
        "amount": "0.00",
        "oldest_due": None,
    }
    [version] = body["versions"]
    assert (version["version"], version["advanced"], version["annual_rate"]) == (1, "12000.00", "6.0000")
    ready.refresh_from_db()
    assert ready.stage == "settled"
    assert client.get(url(ready, "schedule/")).json() == body
    total = D(body["totals"]["amount"])
    assert entries(ready) == [
        ("disbursement", D(12000), {"loan_principal": D(12000), "cash": D(-12000)}),
        ("repayment_scheduled", total, {"scheduled": total, "scheduled_contra": -total}),
    ]
    assert breaches() == []


def test_it_is_told_and_on_the_timeline(ready, client, world):
    client.post(url(ready), {"notes": "By wire."})
    settled, moved = Event.objects.order_by("-pk")[:2][::-1]
    assert (settled.type, moved.type) == ("loan.settled", "application.stage_changed")
    told = [world.admin, world.ours.broker_user, world.ours.client_user]
    assert settled.recipients == sorted(user.pk for user in told)
    assert settled.data["amount"] == "12000.00"
    assert StageChange.objects.latest("pk").notes == "By wire."
    shown = client.get(url(ready, "timeline/")).json()["results"]
    assert [row["type"] for row in shown[:2]] == ["application.stage_changed", "loan.settled"]


def test_fees_are_charged_and_deducted_with_it(ready, client):
    later = (business_date() + timedelta(days=20)).isoformat()
    reply = client.post(
        url(ready),
        {
            "fees": [
                {"fee_type": "establishment", "amount": "240.00", "deducted": True},
                {"fee_type": "legal", "amount": "198.00", "description": "Deeds"},
                {"fee_type": "other", "amount": "10.00", "due_date": later},
            ]
        },
    )
    assert reply.status_code == 201
    rows = client.get(url(ready, "fees/")).json()["results"]
    assert [(row["fee_type"], row["status"], row["outstanding"]) for row in rows] == [
        ("establishment", "paid", "0.00"),
        ("legal", "pending", "198.00"),
        ("other", "pending", "10.00"),
    ]
    assert balances(ready)["cash"] == D(-12000 + 240)
    assert balances(ready)["fees_receivable"] == D(208)
    assert breaches() == []


def test_the_products_method_order_and_late_fee_go_into_the_loan(ready, client):
    product = ProductFactory.create(
        repayment_method="interest_only",
        day_count="30_360",
        allocation_order=["principal", "interest", "fee", "penalty"],
        late_fee="25.00",
        late_fee_after_days=5,
    )
    Application.objects.filter(pk=ready.pk).update(product=product)
    body = client.post(url(ready), {}).json()
    assert body["allocation_order"] == ["principal", "interest", "fee", "penalty"]
    assert (body["late_fee"], body["late_fee_after_days"]) == ("25.00", 5)
    assert [row["principal"] for row in body["repayments"]] == ["0.00"] * 11 + ["12000.00"]
    assert {row["interest"] for row in body["repayments"]} == {"60.00"}


def test_a_bullet_adds_its_interest_to_the_loan(ready, client):
    product = ProductFactory.create(repayment_method="bullet", day_count="30_360")
    Application.objects.filter(pk=ready.pk).update(product=product, loan_term=3)
    day = business_date() - timedelta(days=70)
    body = client.post(url(ready), {"settlement_date": day.isoformat()}).json()
    assert [row["amount"] for row in body["repayments"][:2]] == ["0.00", "0.00"]
    # Two months have been added: 60.00, and 60.30 on 12,060.
    assert (body["principal_balance"], body["balance"]) == ("12120.30", "12120.30")
    assert body["arrears"]["days_past_due"] == 0
    assert breaches() == []


def test_a_method_that_needs_a_percentage_says_so(ready, client):
    product = ProductFactory.create(repayment_method="fixed_principal_percentage")
    Application.objects.filter(pk=ready.pk).update(product=product)
    with nothing_written():
        reply = client.post(url(ready), {})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"principal_percentage": ["This method needs it."]}
    assert client.post(url(ready), {"principal_percentage": "5"}).status_code == 201


def test_a_settlement_of_long_ago_has_fallen_due_meanwhile(ready, client):
    day = business_date() - timedelta(days=100)
    body = client.post(url(ready), {"settlement_date": day.isoformat()}).json()
    assert body["settled_on"] == day.isoformat()
    assert [row["status"] for row in body["repayments"][:3]] == ["overdue"] * 3
    assert body["arrears"]["bucket"] == "61-90"
    assert Repayment.objects.exclude(charged_on=None).count() == 3
    assert breaches() == []


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"settlement_date": "2999-01-01"}, ["settlement_date"]),
        ({"settlement_date": "1999-01-01"}, ["settlement_date"]),
        ({"settlement_date": "soon"}, ["settlement_date"]),
        ({"first_due_date": "2026-01-01"}, ["first_due_date"]),
        ({"balloon": "12000.01"}, ["balloon"]),
        ({"balloon": "-1"}, ["balloon"]),
        ({"principal_grace_periods": 12}, ["principal_grace_periods"]),
        ({"fees": [{"fee_type": "legal", "amount": "0.00"}]}, ["fees"]),
        ({"fees": [{"fee_type": "legal", "amount": "1.001"}]}, ["fees"]),
        ({"fees": [{"fee_type": "legal", "amount": "12000.01", "deducted": True}]}, ["fees"]),
        ({"amount": "1.00"}, ["amount"]),
    ],
)
def test_bad_input_is_refused_by_field(ready, client, body, errors):
    with nothing_written():
        reply = client.post(url(ready), body)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == errors


def test_everything_that_is_missing_is_named(world, client):
    application = ApplicationFactory.create(bd=world.ours.bdm)
    Application.objects.filter(pk=application.pk).update(stage="settlement_conditions")
    with nothing_written():
        reply = client.post(url(application), {})
    assert reply.status_code == 409
    assert reply.json()["code"] == "stage_guard_not_met"
    assert reply.json()["missing"] == [
        "it needs a security with a value",
        "it needs an approved amount",
        "it needs a borrower",
        "its loan documents have not been signed",
    ]


@pytest.mark.parametrize("stage", ["inquiry", "loan_docs_signed", "declined"])
def test_stages_from_which_nobody_settles(ready, client, stage):
    came_from = "inquiry" if stage == "declined" else ""
    Application.objects.filter(pk=ready.pk).update(stage=stage, came_from=came_from)
    with nothing_written():
        reply = client.post(url(ready), {"reason": "Now."})
    assert reply.status_code == 409
    assert reply.json()["code"] == "illegal_stage_move"


def test_a_loan_that_no_column_could_hold_is_refused(ready, client):
    product = ProductFactory.create(repayment_method="bullet")
    terms = {"approved_amount": "90000000000.00", "interest_rate": 100, "loan_term": 600, "product": product}
    Application.objects.filter(pk=ready.pk).update(**terms)
    ready.securities.update(value="900000000000.00")
    with nothing_written():
        reply = client.post(url(ready), {})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["loan_term"])


def test_it_is_settled_once(ready, client):
    assert client.post(url(ready), {}).status_code == 201
    with nothing_written():
        reply = client.post(url(ready), {})
    assert reply.status_code == 409
    assert Loan.objects.count() == 1


def test_a_plain_move_does_not_settle(ready, client):
    with nothing_written():
        reply = client.put(url(ready, "stage/"), {"stage": "settled"})
    assert reply.status_code == 409
    assert reply.json()["missing"] == ["it needs a schedule: disburse it with settle/"]


@pytest.mark.parametrize("tail", ["schedule/", "payoff/"])
def test_there_is_nothing_to_read_before(ready, client, tail):
    reply = client.get(url(ready, tail))
    assert reply.status_code == 409
    assert reply.json()["code"] == "loan_not_open"


def test_money_charged_before_settlement_stays(ready, client):
    body = {"fee_type": "application", "amount": "295.00", "due_date": business_date().isoformat()}
    fee = client.post(url(ready, "fees/"), body).json()
    assert client.post(f"/api/documents/fees/{fee['id']}/mark-paid/", {}).json()["status"] == "paid"
    assert client.post(url(ready), {}).status_code == 201
    assert balances(ready)["cash"] == D(295 - 12000)
    assert Fee.objects.get().status == "paid"
    assert breaches() == []


def test_what_was_taken_out_of_the_disbursement_is_not_reversed(world, api):
    fees = [{"fee_type": "legal", "amount": D(300), "deducted": True}]
    loan = settled(world.admin, world.ours.application, fees=fees)
    payment, boss = loan.application.payments.get(), api(world.admin)
    path = f"/api/applications/{loan.application_id}/payments/{payment.pk}/reverse/"
    with nothing_written():
        assert boss.post(path, {"reason": "By mistake."}).status_code == 409
