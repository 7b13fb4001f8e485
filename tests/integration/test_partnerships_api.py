"""Partnerships and what they refer, over HTTP."""

from decimal import Decimal

import pytest

from applications.models import Application
from brokers.models import Partnership
from events.models import Event
from tests.factories import ApplicationFactory, BdmFactory, PartnershipFactory
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

PARTNERSHIPS = "/api/partnerships/"
VALID_ABN = "51 824 753 556"


def body_of(world, **fields):
    return {
        "kind": "solicitor",
        "organisation": "Novak Law",
        "contact_name": "Nia Novak",
        "email": "nia@example.com",
        "branch": world.ours.branch.pk,
        **fields,
    }


def ids(reply):
    assert reply.status_code == 200
    return [row["id"] for row in reply.json()["results"]]


def test_a_bdm_makes_one_of_the_own_branch(world, api):
    client = api(world.ours.bd_user)
    made = client.post(
        PARTNERSHIPS, body_of(world, owner=world.ours.bdm.pk, abn=VALID_ABN, phone="(02) 9234 1111")
    )
    assert made.status_code == 201
    shown = made.json()
    assert (shown["status"], shown["abn"], shown["phone"]) == ("prospective", "51824753556", "+61292341111")
    assert shown["owner_name"] == world.ours.bd_user.full_name
    figures = ("referrals", "open_referrals", "settled_referrals", "settled_amount", "conversion_rate")
    assert [shown[name] for name in figures] == [0, 0, 0, "0.00", None]
    event = Event.objects.latest("pk")
    assert (event.type, event.data) == ("partnership.created", {"label": "Novak Law"})


def test_not_of_another_branch(world, api):
    client = api(world.ours.bd_user)
    with nothing_written():
        reply = client.post(PARTNERSHIPS, body_of(world, branch=world.theirs.branch.pk))
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == ["branch"]


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"agreement_end": "2026-06-30"}, "agreement_end"),
        ({"agreement_start": "2026-07-01", "agreement_end": "2026-06-30"}, "agreement_end"),
        ({"abn": "51824753557"}, "abn"),
        ({"kind": "astrologer"}, "kind"),
    ],
)
def test_what_is_refused(fields, at, world, admin):
    with nothing_written():
        reply = admin.post(PARTNERSHIPS, body_of(world, **fields))
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [at]


def test_the_owner_is_of_the_branch(world, admin):
    stranger = BdmFactory.create()
    with nothing_written():
        reply = admin.post(PARTNERSHIPS, body_of(world, owner=stranger.pk))
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"owner": ["This BDM is of another branch."]}


def test_an_abn_is_once_in_a_branch_until_the_partnership_has_ended(world, admin):
    first = PartnershipFactory.create(branch=world.ours.branch, abn="51824753556")
    assert admin.post(PARTNERSHIPS, body_of(world, abn=VALID_ABN)).status_code == 409
    other = body_of(world, abn=VALID_ABN, branch=world.theirs.branch.pk)
    assert admin.post(PARTNERSHIPS, other).status_code == 201
    assert admin.put(f"{PARTNERSHIPS}{first.pk}/status/", {"status": "ended"}).status_code == 200
    assert admin.post(PARTNERSHIPS, body_of(world, abn=VALID_ABN)).status_code == 201


# Written down a second time.
MOVES = {
    "prospective": {"active", "ended"},
    "active": {"paused", "ended"},
    "paused": {"active", "ended"},
    "ended": set(),
}


@pytest.mark.parametrize("before", MOVES)
@pytest.mark.parametrize("to", MOVES)
def test_every_move(before, to, world, admin):
    one = PartnershipFactory.create(branch=world.ours.branch, status=before)
    reply = admin.put(f"{PARTNERSHIPS}{one.pk}/status/", {"status": to, "reason": "Talked."})
    one.refresh_from_db()
    if to in MOVES[before]:
        assert (reply.status_code, reply.json()["status"], one.status) == (200, to, to)
        event = Event.objects.get(type="partnership.status_changed")
        assert (event.data["from_status"], event.data["to_status"], event.data["reason"]) == (
            before,
            to,
            "Talked.",
        )
    else:
        assert (reply.status_code, reply.json()["code"]) == (409, "illegal_partnership_move")
        assert set(reply.json()["allowed"]) == MOVES[before]
        assert one.status == before


def test_an_active_one_has_an_agreement(world, admin):
    one = PartnershipFactory.create(branch=world.ours.branch, status="prospective", agreement_start=None)
    with nothing_written():
        reply = admin.put(f"{PARTNERSHIPS}{one.pk}/status/", {"status": "active"})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["status"])
    running = f"{PARTNERSHIPS}{world.ours.partnership.pk}/"
    with nothing_written():
        reply = admin.patch(running, {"agreement_start": None})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["agreement_start"])


def test_what_is_found(world, admin):
    builder = PartnershipFactory.create(kind="builder", organisation="Brick Works", branch=world.ours.branch)
    assert ids(admin.get(f"{PARTNERSHIPS}?kind=builder")) == [builder.pk]
    assert ids(admin.get(f"{PARTNERSHIPS}?search=brick")) == [builder.pk]
    assert ids(admin.get(f"{PARTNERSHIPS}?owner={world.ours.bdm.pk}")) == [world.ours.partnership.pk]
    assert ids(admin.get(f"{PARTNERSHIPS}?status=paused")) == []
    assert set(ids(admin.get(f"{PARTNERSHIPS}?branch={world.ours.branch.pk}"))) == {
        builder.pk,
        world.ours.partnership.pk,
    }


def test_who_sees_them(world, api):
    theirs = f"{PARTNERSHIPS}{world.theirs.partnership.pk}/"
    assert ids(api(world.ours.bd_user).get(PARTNERSHIPS)) == [world.ours.partnership.pk]
    assert api(world.ours.bd_user).get(theirs).status_code == 404
    for user in (world.ours.broker_user, world.ours.client_user):
        assert api(user).get(PARTNERSHIPS).status_code == 403


def test_figures_are_those_of_the_referrals(world, admin):
    """As a loop over the rows finds them."""
    Application.objects.update(referral_partner=None)
    partner = world.ours.partnership
    made = [
        ApplicationFactory.create(
            branch=world.ours.branch, referral_partner=partner, loan_amount=amount, approved_amount=approved
        )
        for amount, approved in ((100, None), (200, "150.55"), (400, None), (800, None))
    ]
    Application.objects.filter(pk=made[1].pk).update(stage="settled")
    Application.objects.filter(pk=made[2].pk).update(stage="closed")
    Application.objects.filter(pk=made[3].pk).update(stage="declined", came_from="inquiry")
    rows = list(Application.objects.filter(referral_partner=partner))
    lent = [row for row in rows if row.stage in ("settled", "closed")]
    shown = admin.get(f"{PARTNERSHIPS}{partner.pk}/").json()
    assert shown["referrals"] == len(rows) == 4
    assert shown["open_referrals"] == 1
    assert shown["settled_referrals"] == len(lent) == 2
    assert Decimal(shown["settled_amount"]) == sum(row.amount_to_lend for row in lent) == Decimal("550.55")
    assert shown["conversion_rate"] == "50.00"
    assert ids(admin.get(f"{PARTNERSHIPS}{partner.pk}/referrals/")) == [row.pk for row in reversed(made)]
    assert ids(admin.get(f"/api/applications/?referral_partner={partner.pk}")) == [
        row.pk for row in reversed(made)
    ]


def test_figures_are_over_what_the_reader_sees(world, api):
    elsewhere = ApplicationFactory.create(branch=world.theirs.branch, referral_partner=world.ours.partnership)
    address = f"{PARTNERSHIPS}{world.ours.partnership.pk}/"
    assert api(world.ours.bd_user).get(address).json()["referrals"] == 1
    assert ids(api(world.ours.bd_user).get(f"{address}referrals/")) == [world.ours.application.pk]
    assert api(world.admin).get(address).json()["referrals"] == 2
    assert elsewhere.pk in ids(api(world.admin).get(f"{address}referrals/"))


# --- on an application ----------------------------------------------------------------------------


def test_staff_say_who_referred_it(world, api):
    other = PartnershipFactory.create(branch=world.ours.branch, organisation="Novak Law")
    address = f"/api/applications/{world.ours.application.pk}/"
    reply = api(world.ours.bd_user).patch(address, {"referral_partner": other.pk})
    assert reply.status_code == 200
    assert reply.json()["referral_partner"] == {"id": other.pk, "name": "Novak Law"}
    event = Event.objects.latest("pk")
    assert (event.type, event.data["partner"]) == ("application.referred", "Novak Law")
    assert (
        api(world.ours.bd_user).patch(address, {"referral_partner": None}).json()["referral_partner"] is None
    )


def test_it_is_named_on_a_new_one(world, admin):
    body = {"loan_amount": "300000.00", "loan_term": 240, "interest_rate": "5.9900"}
    made = admin.post("/api/applications/", {**body, "referral_partner": world.ours.partnership.pk})
    assert made.status_code == 201
    assert made.json()["referral_partner"]["id"] == world.ours.partnership.pk


@pytest.mark.parametrize("status", ["prospective", "paused", "ended"])
def test_only_active_ones_refer(status, world, admin):
    other = PartnershipFactory.create(branch=world.ours.branch, status=status)
    with nothing_written():
        reply = admin.patch(f"/api/applications/{world.ours.application.pk}/", {"referral_partner": other.pk})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["referral_partner"])


def test_from_submission_on_it_stays(world, admin):
    Application.objects.filter(pk=world.ours.application.pk).update(stage="app_submitted")
    address = f"/api/applications/{world.ours.application.pk}/"
    with nothing_written():
        reply = admin.patch(address, {"referral_partner": None})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["referral_partner"])
    # What stays as it is may be sent.
    assert admin.patch(address, {"referral_partner": world.ours.partnership.pk}).status_code == 200


@pytest.mark.parametrize("who", ["broker_user", "client_user"])
def test_brokers_and_clients_are_not_told(who, world, api):
    client = api(getattr(world.ours, who))
    address = f"/api/applications/{world.ours.application.pk}/"
    assert client.get(address).json()["referral_partner"] is None
    admin = api(world.admin)
    admin.patch(address, {"referral_partner": None})
    admin.patch(address, {"referral_partner": world.ours.partnership.pk})
    assert "application.referred" in {
        row["type"] for row in admin.get(f"{address}timeline/").json()["results"]
    }
    told = {row["type"] for row in client.get(f"{address}timeline/").json()["results"]}
    assert "application.referred" not in told
    assert ids(client.get(f"/api/applications/?referral_partner={world.ours.partnership.pk}")) == []


def test_a_broker_neither_sets_nor_takes_it_away(world, api):
    client = api(world.ours.broker_user)
    address = f"/api/applications/{world.ours.application.pk}/"
    assert client.patch(address, {"referral_partner": world.ours.partnership.pk}).status_code == 400
    assert client.patch(address, {"referral_partner": None}).status_code == 200
    assert Application.objects.get(pk=world.ours.application.pk).referral_partner == world.ours.partnership


def test_one_that_referred_is_ended_not_deleted(world, admin):
    with nothing_written():
        assert admin.delete(f"{PARTNERSHIPS}{world.ours.partnership.pk}/").status_code == 409
    fresh = PartnershipFactory.create()
    assert admin.delete(f"{PARTNERSHIPS}{fresh.pk}/").status_code == 204
    assert not Partnership.objects.filter(pk=fresh.pk).exists()
