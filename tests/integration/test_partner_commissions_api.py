"""Terms and commissions of referral partners over HTTP: administrators write, the branch's BDMs read."""

from datetime import timedelta

import pytest

from events.models import Event
from servicing.dates import business_date
from servicing.models import PartnershipTerms
from servicing.services.changes import loan_write_off
from tests.factories import ApplicationFactory, PartnershipFactory, PartnershipTermsFactory
from tests.servicing.kit import (
    balances,
    breaches,
    commission_of,
    make_ready,
    partner_commission_of,
    settled,
)
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

TIERS = [{"from_amount": "500000.00", "rate": "0.5000"}, {"from_amount": "0.00", "rate": "0.4000"}]


@pytest.fixture
def commission(world):
    return partner_commission_of(world.admin, world.ours.application)


def url(partnership, tail):
    return f"/api/partnerships/{partnership.pk}/{tail}"


def day(days=0):
    return (business_date() + timedelta(days=days)).isoformat()


def refuse(reply, code):
    assert (reply.status_code, reply.json()["code"]) == (409, code)
    return reply.json()


# --- terms ---------------------------------------------------------------------------------------


def test_terms_are_added_in_versions_and_the_one_of_the_settlement_counts(world, admin):
    partner, terms = world.ours.partnership, url(world.ours.partnership, "terms/")
    flat = {"kind": "flat", "flat_amount": "500.00", "valid_from": "2025-01-01"}
    assert admin.post(terms, flat).status_code == 201
    body = {"kind": "tiered", "tier_basis": "loan", "tiers": TIERS, "valid_from": day(), "clawback_months": 6}
    made = admin.post(terms, body)
    assert made.status_code == 201
    shown = made.json()
    assert shown == {
        "id": shown["id"],
        "partnership": partner.pk,
        "valid_from": day(),
        "kind": "tiered",
        "kind_display": "Percent by tiers",
        "flat_amount": None,
        "rate": None,
        "tier_basis": "loan",
        "tier_basis_display": "Amount of the loan",
        "tiers": list(reversed(TIERS)),
        "clawback_months": 6,
        "clawback_percentage": "100.0000",
        "clawback_method": "pro_rata",
        "clawback_method_display": "In proportion to the days left",
        "created_at": shown["created_at"],
    }
    assert admin.get(f"{terms}{shown['id']}/").json() == shown
    listed = admin.get(terms).json()["results"]
    assert [row["kind"] for row in listed] == ["tiered", "flat"]
    event = Event.objects.filter(type="partnership_terms.created").latest("pk")
    assert event.data["label"] == f"with {partner.organisation} from {day()}"
    make_ready(world.ours.application)
    assert admin.post(f"/api/applications/{world.ours.application.pk}/settle/", {}).status_code == 201
    [row] = admin.get(url(partner, "commissions/")).json()["results"]
    # 12,000 x 0.4 %.
    assert (row["amount"], row["rate"], row["partner_terms"]) == ("48.00", None, shown["id"])


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"kind": "flat"}, ["flat_amount"]),
        ({"kind": "flat", "flat_amount": "0.00"}, ["flat_amount"]),
        ({"kind": "flat", "flat_amount": "5.00", "rate": "1"}, ["rate"]),
        ({"kind": "none", "flat_amount": "5.00"}, ["flat_amount"]),
        ({"kind": "percentage"}, ["rate"]),
        ({"kind": "percentage", "rate": "0"}, ["rate"]),
        ({"kind": "percentage", "rate": "100.0001"}, ["rate"]),
        ({"kind": "tiered"}, ["tier_basis", "tiers"]),
        ({"kind": "tiered", "tier_basis": "loan", "tiers": []}, ["tiers"]),
        ({"kind": "tiered", "tier_basis": "loan", "tiers": [{"from_amount": "1", "rate": "1"}]}, ["tiers"]),
        (
            {"kind": "tiered", "tier_basis": "loan", "tiers": [{"from_amount": "0", "rate": "1"}] * 2},
            ["tiers"],
        ),
        ({"kind": "none", "valid_from": "1999-01-01"}, ["valid_from"]),
        ({"kind": "none", "clawback_percentage": "101"}, ["clawback_percentage"]),
    ],
)
def test_terms_that_make_no_sense_are_refused(world, admin, body, at):
    with nothing_written():
        reply = admin.post(url(world.ours.partnership, "terms/"), {"valid_from": day(), **body})
    assert reply.status_code == 400
    assert sorted(reply.json()["errors"]) == at


def test_two_versions_do_not_begin_on_one_day(world, admin):
    body = {"kind": "none", "valid_from": day()}
    assert admin.post(url(world.ours.partnership, "terms/"), body).status_code == 201
    assert admin.post(url(world.ours.partnership, "terms/"), body).status_code == 409


def test_what_is_settled_stays_as_it_was_agreed(world, admin, commission):
    terms = url(world.ours.partnership, "terms/")
    with nothing_written():
        reply = admin.post(terms, {"kind": "none", "valid_from": day()})
        assert refuse(reply, "terms_in_use")["last_settled_on"] == day()
        refuse(admin.delete(f"{terms}{commission.partner_terms_id}/"), "terms_in_use")
        for method in ("put", "patch"):
            edit = getattr(admin, method)(f"{terms}{commission.partner_terms_id}/", {"kind": "none"})
            assert edit.status_code == 405
    later = admin.post(terms, {"kind": "none", "valid_from": day(1)}).json()
    assert admin.delete(f"{terms}{later['id']}/").status_code == 204
    assert list(PartnershipTerms.objects.values_list("pk", flat=True)) == [commission.partner_terms_id]
    assert Event.objects.latest("pk").type == "partnership_terms.deleted"


def test_who_may(world, api, commission):
    ours = world.ours
    for tail in ("terms/", "commissions/", f"commissions/{commission.pk}/", "commission-summary/"):
        address = url(ours.partnership, tail)
        assert api(ours.bd_user).get(address).status_code == 200
        for user in (world.theirs.bd_user, ours.broker_user, ours.client_user):
            assert api(user).get(address).status_code == 404, tail
    body, client = {"kind": "none", "valid_from": day(1)}, api(ours.bd_user)
    with nothing_written():
        assert client.post(url(ours.partnership, "terms/"), body).status_code == 403
        paid = client.post(url(ours.partnership, f"commissions/{commission.pk}/mark-paid/"), {})
        assert paid.status_code == 403


# --- commissions ---------------------------------------------------------------------------------


def test_a_broker_commission_is_not_found_under_a_partner_s_address(world, admin, commission):
    other = commission_of(world.admin, ApplicationFactory.create(broker=world.ours.broker))
    assert admin.get(url(world.ours.partnership, f"commissions/{other.pk}/")).status_code == 404
    assert admin.get(f"/api/brokers/{world.ours.broker.pk}/commissions/{commission.pk}/").status_code == 404
    fresh = PartnershipFactory.create()
    assert admin.get(url(fresh, f"commissions/{commission.pk}/")).status_code == 404


def test_the_list_of_all_tells_payees_apart(world, api, admin, commission):
    of_broker = commission_of(world.admin, ApplicationFactory.create(broker=world.ours.broker))

    def listed(client, **query):
        return [row["id"] for row in client.get("/api/commissions/", query).json()["results"]]

    assert listed(admin) == [of_broker.pk, commission.pk]
    assert listed(admin, payee="partner") == [commission.pk]
    assert listed(admin, payee="broker") == [of_broker.pk]
    assert listed(admin, payee="nobody") == []
    assert listed(admin, partnership=world.ours.partnership.pk) == [commission.pk]
    assert listed(api(world.ours.bd_user)) == [of_broker.pk, commission.pk]
    assert listed(api(world.ours.broker_user)) == [of_broker.pk]
    assert listed(api(world.theirs.bd_user)) == []
    [shown] = admin.get("/api/commissions/", {"payee": "partner"}).json()["results"]
    parts = [shown[name] for name in ("broker", "partnership", "amount", "broker_amount", "partner_amount")]
    assert parts == [None, world.ours.partnership.pk, "60.00", "0.00", "60.00"]


def test_it_is_paid_once(world, admin, commission):
    path = url(world.ours.partnership, f"commissions/{commission.pk}/mark-paid/")
    first = admin.post(path, {"reference": "Run 7"}, headers={"Idempotency-Key": "pay-1"})
    assert (first.status_code, first.json()["status"], first.json()["paid_on"]) == (200, "paid", day())
    with nothing_written():
        again = admin.post(path, {"reference": "Run 7"}, headers={"Idempotency-Key": "pay-1"})
        assert again.json() == first.json()
        refuse(admin.post(path, {}), "paid_already")
    assert balances(commission.application)["cash"] == -12000 - 60
    assert breaches() == []


def test_a_run_pays_brokers_and_partners_with_clawbacks_taken_off(world, admin, commission):
    loan_write_off(application=commission.application, actor=world.admin, reason="Gone.")
    rows = list(commission.application.commissions.order_by("pk"))
    of_broker = commission_of(world.admin, ApplicationFactory.create(broker=world.ours.broker))
    reply = admin.post("/api/commissions/pay/", {"commissions": [row.pk for row in [*rows, of_broker]]})
    assert reply.status_code == 200
    body = reply.json()
    # 60 less 60: the loan ended on the day of its settlement.
    sums = {name: body[name] for name in ("amount", "broker_amount", "branch_amount", "partner_amount")}
    assert sums == {
        "amount": "78.00", "broker_amount": "62.40", "branch_amount": "15.60", "partner_amount": "0.00",
    }  # fmt: skip
    assert Event.objects.filter(type="commission.referral_paid").count() == 2
    assert breaches() == []


def test_the_summary_of_a_partner(world, api, admin, commission):
    admin.post(url(world.ours.partnership, f"commissions/{commission.pk}/mark-paid/"), {})
    loan_write_off(application=commission.application, actor=world.admin, reason="Gone.")
    body = api(world.ours.bd_user).get(url(world.ours.partnership, "commission-summary/")).json()
    assert body["partnership"] == world.ours.partnership.pk
    figures = {"accrued": "60.00", "clawed_back": "60.00", "paid": "60.00"}
    assert body["as_partner"] == {**figures, "payable": "-60.00"}
    assert body["by_month"] == [{"month": business_date().replace(day=1).isoformat(), "as_partner": figures}]
    assert set(body["definitions"]) == {"accrued", "clawed_back", "paid", "payable"}


def test_the_client_and_the_broker_read_nothing_of_it(world, api, commission):
    path = f"/api/applications/{commission.application_id}/"
    for user in (world.ours.client_user, world.ours.broker_user):
        for tail in ("ledger/", "statement/", "timeline/"):
            reply = api(user).get(path + tail)
            assert reply.status_code == 200
            assert "ommission" not in reply.content.decode()
    staff = api(world.ours.bd_user).get(path + "timeline/").content.decode()
    assert "commission.referral_accrued" in staff


def test_a_partnership_with_terms_is_not_deleted(world, admin):
    partner = PartnershipFactory.create()
    PartnershipTermsFactory.create(partnership=partner)
    with nothing_written():
        assert admin.delete(f"/api/partnerships/{partner.pk}/").status_code == 409


def test_a_second_settlement_accrues_nothing(world, admin):
    PartnershipTermsFactory.create(partnership=world.ours.partnership)
    settled(world.admin, world.ours.application)
    with nothing_written():
        again = admin.post(f"/api/applications/{world.ours.application.pk}/settle/", {})
    assert again.status_code == 409
