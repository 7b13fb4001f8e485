"""Commissions over HTTP: read by the broker and the lender, paid by administrators, hidden from borrowers."""

from datetime import timedelta

import pytest

from events.models import Event
from notifications.models import Notification
from servicing.dates import business_date
from servicing.models import Commission, CommissionTerms, JournalEntry
from servicing.services.changes import loan_write_off
from tests.factories import BrokerFactory, CommissionTermsFactory
from tests.servicing.kit import balances, breaches, commission_of, make_ready
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db
TERMS = "/api/commission-terms/"


@pytest.fixture
def commission(world):
    commission_of(world.admin, world.theirs.application)
    return commission_of(world.admin, world.ours.application)


def url(broker, tail="commissions/"):
    return f"/api/brokers/{broker.pk}/{tail}"


def pay(client, commission, body=None, **headers):
    path = url(commission.broker, f"commissions/{commission.pk}/mark-paid/")
    return client.post(path, body or {}, headers=headers)


def test_a_settlement_over_http_accrues_with_it(world, api):
    CommissionTermsFactory.create(broker=world.ours.broker)
    make_ready(world.ours.application)
    client = api(world.ours.bd_user)
    reply = client.post(f"/api/applications/{world.ours.application.pk}/settle/", {})
    assert reply.status_code == 201
    [row] = client.get(url(world.ours.broker)).json()["results"]
    assert row == {
        "id": Commission.objects.get().pk,
        "application": world.ours.application.pk,
        "reference_number": world.ours.application.reference_number,
        "broker": world.ours.broker.pk,
        "partnership": None,
        "partner_terms": None,
        "branch": world.ours.branch.pk,
        "kind": "upfront",
        "kind_display": "Upfront",
        "status": "accrued",
        "status_display": "Accrued",
        "month": None,
        "accrued_on": business_date().isoformat(),
        "base": "12000.00",
        "rate": "0.6500",
        "amount": "78.00",
        "broker_amount": "62.40",
        "branch_amount": "15.60",
        "partner_amount": "0.00",
        "paid_on": None,
        "reference": "",
        "created_at": row["created_at"],
    }


def test_a_settlement_that_is_refused_accrues_nothing(world, api):
    CommissionTermsFactory.create()
    make_ready(world.ours.application)
    client = api(world.admin)
    with nothing_written():
        reply = client.post(f"/api/applications/{world.ours.application.pk}/settle/", {"balloon": "12000.01"})
    assert reply.status_code == 400


@pytest.mark.parametrize("who", ["admin", "bd_user", "broker_user"])
def test_who_may_reads_the_broker_s_commissions(world, api, commission, who):
    client = api(getattr(world.ours, who, None) or world.admin)
    body = client.get(url(world.ours.broker)).json()
    assert [row["id"] for row in body["results"]] == [commission.pk]
    detail = client.get(url(world.ours.broker, f"commissions/{commission.pk}/"))
    assert (detail.status_code, detail.json()) == (200, body["results"][0])
    assert client.get(url(world.ours.broker, "commission-summary/")).status_code == 200


def test_another_broker_s_are_not_found_under_an_address_of_mine(world, api, commission):
    theirs = Commission.objects.get(broker=world.theirs.broker)
    for user in (world.ours.broker_user, world.admin):
        assert api(user).get(url(world.ours.broker, f"commissions/{theirs.pk}/")).status_code == 404
    assert api(world.ours.broker_user).get(url(world.theirs.broker)).status_code == 404


def test_a_client_reads_nothing_of_them_not_even_in_the_ledger(world, api, commission):
    client = api(world.ours.client_user)
    assert client.get(url(world.ours.broker)).status_code == 403
    assert client.get(url(world.ours.broker, "commission-summary/")).status_code == 403
    path = f"/api/applications/{commission.application_id}/"
    for tail in ("ledger/", "statement/", "timeline/"):
        assert "ommission" not in client.get(path + tail).content.decode()
    staff = api(world.ours.bd_user).get(path + "ledger/").json()
    assert "commission_accrued" in [row["entry_type"] for row in staff["results"]]
    assert client.get(path + "ledger/").json()["count"] == staff["count"] - 1


def test_the_broker_before_keeps_them_and_the_one_after_does_not_see_them(world, api, commission):
    application = commission.application
    other = BrokerFactory.create(branch=world.ours.branch)
    application.broker = other
    application.save()
    assert api(world.ours.broker_user).get(url(world.ours.broker)).json()["count"] == 1
    client = api(other.user)
    assert client.get(url(other)).json()["count"] == 0
    assert "ommission" not in client.get(f"/api/applications/{application.pk}/ledger/").content.decode()


def test_the_summary_says_what_its_figures_mean(world, api, commission):
    pay(api(world.admin), commission)
    loan_write_off(application=commission.application, actor=world.admin, reason="Gone.")
    body = api(world.ours.broker_user).get(url(world.ours.broker, "commission-summary/")).json()
    assert body["broker"] == world.ours.broker.pk
    assert body["as_broker"] == {
        "accrued": "62.40",
        "clawed_back": "62.40",
        "paid": "62.40",
        "payable": "-62.40",
    }
    assert body["as_branch"]["payable"] == "-15.60"
    [month] = body["by_month"]
    assert month["month"] == business_date().replace(day=1).isoformat()
    assert month["as_branch"] == {"accrued": "15.60", "clawed_back": "15.60", "paid": "15.60"}
    assert set(body["definitions"]) == {"accrued", "clawed_back", "paid", "payable"}


def test_a_broker_without_commissions_has_a_summary_of_nothing(world, api):
    body = api(world.ours.broker_user).get(url(world.ours.broker, "commission-summary/")).json()
    assert body["by_month"] == []
    assert set(body["as_broker"].values()) == {"0.00"}


def test_an_administrator_marks_one_as_paid(world, api, commission, dispatch):
    reply = pay(api(world.admin), commission, {"reference": "RCTI 7"})
    assert reply.status_code == 200
    assert reply.json()["status"] == "paid"
    assert (reply.json()["paid_on"], reply.json()["reference"]) == (business_date().isoformat(), "RCTI 7")
    assert balances(commission.application)["cash"] == -12000 - 78
    assert "commission_payable" not in balances(commission.application)
    event = Event.objects.get(type="commission.paid")
    assert event.recipients == [world.ours.broker_user.pk]
    dispatch()
    told = Notification.objects.filter(user=world.ours.broker_user, event=event).get()
    assert told.body.endswith("62.40 AUD of it are yours.")
    assert breaches() == []


def test_it_is_paid_once(world, api, commission):
    client = api(world.admin)
    first = pay(client, commission, **{"Idempotency-Key": "pay-1"})
    with nothing_written():
        again = pay(client, commission, **{"Idempotency-Key": "pay-1"})
    assert (again.status_code, again.json()) == (200, first.json())
    assert again["Idempotency-Replayed"] == "true"
    with nothing_written():
        assert pay(client, commission).status_code == 409
    assert JournalEntry.objects.filter(entry_type="commission_paid").count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"paid_on": "2999-01-01"}, "paid_on"),
        ({"paid_on": "soon"}, "paid_on"),
        ({"paid_on": (business_date() - timedelta(days=1)).isoformat()}, "paid_on"),
        ({"reference": "x" * 101}, "reference"),
        ({"amount": "1.00"}, "amount"),
    ],
)
def test_a_bad_payment_is_refused_by_field(world, api, commission, body, field):
    client = api(world.admin)
    with nothing_written():
        reply = pay(client, commission, body)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, [field])


@pytest.mark.parametrize("who", ["bd_user", "broker_user"])
def test_others_do_not_pay(world, api, commission, who):
    client = api(getattr(world.ours, who))
    with nothing_written():
        assert pay(client, commission).status_code == 403


def test_terms_are_kept_by_administrators(world, api):
    client = api(world.admin)
    body = {"broker": world.ours.broker.pk, "upfront_rate": "0.6", "clawback_months": 24}
    reply = client.post(TERMS, body)
    assert reply.status_code == 201
    made = reply.json()
    assert (made["product"], made["trail_rate"], made["clawback_percentage"]) == (None, "0.0000", "100.0000")
    assert (made["clawback_method"], made["clawback_method_display"]) == (
        "pro_rata",
        "In proportion to the days left",
    )
    assert client.get(TERMS).json()["results"] == [made]
    changed = client.patch(f"{TERMS}{made['id']}/", {"trail_rate": "0.2"}).json()
    assert changed["trail_rate"] == "0.2000"
    events = Event.objects.filter(type__startswith="commission_terms").order_by("pk")
    assert [event.data.get("field_names") for event in events] == [None, "trail_rate"]
    assert client.delete(f"{TERMS}{made['id']}/").status_code == 204
    assert not CommissionTerms.objects.exists()


@pytest.mark.parametrize("named", [True, False])
def test_there_are_one_terms_for_the_same(world, api, named):
    body = {"broker": world.ours.broker.pk if named else None, "product": None}
    client = api(world.admin)
    assert client.post(TERMS, body).status_code == 201
    with nothing_written():
        assert client.post(TERMS, body).status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"upfront_rate": "100.0001"}, "upfront_rate"),
        ({"trail_rate": "-0.1"}, "trail_rate"),
        ({"branch_share": "lots"}, "branch_share"),
        ({"clawback_months": 121}, "clawback_months"),
        ({"clawback_percentage": None}, "clawback_percentage"),
        ({"clawback_method": "never"}, "clawback_method"),
        ({"broker": 2**31 - 1}, "broker"),
        ({"product": "x"}, "product"),
    ],
)
def test_bad_terms_are_refused_by_field(world, api, body, field):
    client = api(world.admin)
    with nothing_written():
        reply = client.post(TERMS, body)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, [field])


@pytest.mark.parametrize("who", ["bd_user", "broker_user", "client_user"])
def test_terms_are_not_for_others(world, api, who):
    client = api(getattr(world.ours, who))
    assert client.get(TERMS).status_code == 403
    with nothing_written():
        assert client.post(TERMS, {}).status_code == 403


# --- of all brokers ------------------------------------------------------------------------------


LIST = "/api/commissions/"


def listed(client, **query):
    reply = client.get(LIST, query)
    assert reply.status_code == 200, reply.content
    return [row["id"] for row in reply.json()["results"]]


def test_the_list_of_all_is_filtered_and_ordered(world, api, commission):
    theirs = Commission.objects.exclude(pk=commission.pk).get()
    pay(api(world.admin), theirs)
    loan_write_off(application=commission.application, actor=world.admin, reason="Gone.")
    clawback = Commission.objects.get(kind="clawback")
    client, today = api(world.admin), business_date().isoformat()
    assert listed(client) == [clawback.pk, commission.pk, theirs.pk]
    assert listed(client, ordering="amount")[0] == clawback.pk
    assert listed(client, broker=commission.broker_id) == [clawback.pk, commission.pk]
    assert listed(client, branch=theirs.branch_id) == [theirs.pk]
    assert listed(client, application=theirs.application_id) == [theirs.pk]
    assert listed(client, kind="clawback") == [clawback.pk]
    assert listed(client, status="paid") == [theirs.pk]
    assert listed(client, kind="nonsense") == []
    assert len(listed(client, accrued_after=today, accrued_before=today)) == 3
    assert listed(client, accrued_before="2020-01-01") == []
    assert client.get(LIST, {"accrued_after": "soon"}).status_code == 400
    of_broker = url(world.ours.broker) + "?kind=upfront"
    assert [row["id"] for row in client.get(of_broker).json()["results"]] == [commission.pk]


def test_everybody_lists_what_is_theirs_to_see(world, api, commission):
    assert listed(api(world.ours.broker_user)) == listed(api(world.ours.bd_user)) == [commission.pk]
    assert api(world.ours.client_user).get(LIST).status_code == 403
    theirs = Commission.objects.exclude(pk=commission.pk).get()
    assert api(world.ours.broker_user).get(f"{LIST}{theirs.pk}/").status_code == 404


def pay_all(client, commissions, body=None, **headers):
    ids = [row.pk for row in commissions]
    return client.post(f"{LIST}pay/", {"commissions": ids, **(body or {})}, headers=headers)


def test_several_are_paid_together_with_clawbacks_taken_off(world, api, commission):
    loan_write_off(application=commission.application, actor=world.admin, reason="Gone.")
    rows = list(Commission.objects.order_by("pk"))
    client, key = api(world.admin), {"Idempotency-Key": "run-7"}
    reply = pay_all(client, rows, {"reference": "Run 7"}, **key)
    assert reply.status_code == 200
    body = reply.json()
    assert (body["count"], body["amount"]) == (3, "78.00")  # two of 78.00, one of which is taken back
    assert (body["broker_amount"], body["branch_amount"]) == ("62.40", "15.60")
    assert {(row["status"], row["reference"]) for row in body["commissions"]} == {("paid", "Run 7")}
    with nothing_written():
        again = pay_all(client, rows, {"reference": "Run 7"}, **key)
        assert (again["Idempotency-Replayed"], again.json()) == ("true", body)
        assert pay_all(client, rows[:1], **key).status_code == 422
    assert Event.objects.filter(type="commission.paid").count() == 3
    assert "commission_payable" not in balances(commission.application)
    assert breaches() == []


def test_of_several_none_is_paid_when_one_is_already(world, api, commission):
    client, rows = api(world.admin), list(Commission.objects.order_by("pk"))
    pay(client, commission)
    with nothing_written():
        reply = pay_all(client, rows)
    assert (reply.status_code, reply.json()["code"]) == (409, "paid_already")
    assert reply.json()["commissions"] == [commission.pk]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"commissions": []}, "commissions"),
        ({"commissions": [2**31 - 1]}, "commissions"),
        ({"commissions": "all"}, "commissions"),
        ({"paid_on": "2999-01-01"}, "paid_on"),
        ({"paid_on": (business_date() - timedelta(days=1)).isoformat()}, "paid_on"),
        ({"amount": "1.00"}, "amount"),
    ],
)
def test_bad_payments_of_several_are_refused_by_field(world, api, commission, body, field):
    client = api(world.admin)
    with nothing_written():
        reply = pay_all(client, [commission], body)
    assert (reply.status_code, list(reply.json()["errors"])) == (400, [field])
