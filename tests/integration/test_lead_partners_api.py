"""Leads that partners refer, and leads that are talked with."""

import pytest

from applications.models import Application
from brokers.choices import PartnershipStatus
from engagement.choices import Direction, InteractionKind
from engagement.models import Lead
from engagement.services.leads import leads_count_conversations
from tests.factories import PartnershipFactory
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db
LEADS = "/api/leads/"
BODY = {"first_name": "Mia", "last_name": "Chen", "email": "mia.chen@example.com"}
TERMS = {"loan_amount": "450000.00", "loan_term": 360, "interest_rate": "6.2500"}


@pytest.fixture
def partner(world):
    return PartnershipFactory.create(branch=world.ours.branch, status=PartnershipStatus.ACTIVE)


def at(lead, rest=""):
    return f"{LEADS}{lead.pk}/{rest}"


def conversation_points(client, lead):
    body = client.get(at(lead)).json()
    (rule,) = [
        rule for rule in body["score_breakdown"]["behaviour"]["rules"] if rule["rule"] == "conversations"
    ]
    assert rule["points"] <= rule["max"]
    return body["conversation_count"], rule["points"], body["score"]


def test_whom_a_partner_refers_has_that_source_and_is_listed(world, api, partner):
    client = api(world.ours.bd_user)
    made = client.post(LEADS, {**BODY, "partnership": partner.pk}).json()
    assert (made["source"], made["partnership"]["id"]) == ("partner_referral", partner.pk)
    found = client.get(LEADS, {"partnership": partner.pk}).json()["results"]
    assert [row["id"] for row in found] == [made["id"]]
    patched = client.patch(at(world.ours.lead), {"partnership": partner.pk}).json()
    assert (patched["source"], patched["partnership"]["name"]) == ("partner_referral", partner.organisation)
    assert client.get(f"{LEADS}stats/", {"partnership": partner.pk}).json()["total"] == 2


def test_another_source_beside_a_partner_is_refused(world, api, partner):
    client, lead = api(world.ours.bd_user), world.ours.lead
    with nothing_written():
        reply = client.post(LEADS, {**BODY, "partnership": partner.pk, "source": "walk_in"})
        assert (reply.status_code, list(reply.json()["errors"])) == (400, ["source"])
    client.patch(at(lead), {"partnership": partner.pk})
    with nothing_written():
        reply = client.patch(at(lead), {"source": "walk_in"})
        assert (reply.status_code, list(reply.json()["errors"])) == (400, ["source"])
    taken = client.patch(at(lead), {"source": "walk_in", "partnership": None}).json()
    assert (taken["source"], taken["partnership"]) == ("walk_in", None)


@pytest.mark.parametrize("status", [PartnershipStatus.PROSPECTIVE, PartnershipStatus.PAUSED])
def test_a_partner_that_takes_no_referrals_is_refused(world, api, partner, status):
    partner.status, partner.agreement_start = status, "2026-01-01"
    partner.save()
    client = api(world.ours.bd_user)
    with nothing_written():
        for reply in (
            client.post(LEADS, {**BODY, "partnership": partner.pk}),
            client.patch(at(world.ours.lead), {"partnership": partner.pk}),
        ):
            assert (reply.status_code, list(reply.json()["errors"])) == (400, ["partnership"])


def test_a_broker_neither_sees_nor_finds_nor_names_nor_guesses_a_partner(world, api, partner):
    client, lead = api(world.ours.broker_user), world.ours.lead
    with nothing_written():
        refused = client.post(LEADS, {**BODY, "partnership": partner.pk})
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["partnership"])
    Lead.objects.filter(pk=lead.pk).update(source="partner_referral")
    replies = []
    for named in (None, partner):
        Lead.objects.filter(pk=lead.pk).update(partnership=named)
        assert client.get(at(lead)).json()["partnership"] is None
        assert client.get(LEADS, {"partnership": partner.pk}).json()["count"] == 0
        assert client.patch(at(lead), {"urgency": "low", "partnership": None}).status_code == 200
        replies.append(client.patch(at(lead), {"source": "walk_in"}))
    assert [reply.status_code for reply in replies] == [400, 400]
    assert replies[0].json()["errors"] == replies[1].json()["errors"]
    lead.refresh_from_db()
    assert lead.partnership == partner


def test_the_application_names_the_partner_also_one_that_is_paused_since(world, api, partner):
    lead = world.ours.lead
    Lead.objects.filter(pk=lead.pk).update(partnership=partner, source="partner_referral")
    partner.status, partner.agreement_start = PartnershipStatus.PAUSED, "2026-01-01"
    partner.save()
    reply = api(world.ours.broker_user).post(at(lead, "convert/"), TERMS)
    assert reply.status_code == 200
    assert Application.objects.get(lead=lead).referral_partner == partner
    figures = api(world.ours.bd_user).get(f"/api/partnerships/{partner.pk}/").json()
    assert figures["referrals"] == 1


@pytest.mark.parametrize(
    ("kind", "direction", "counts"),
    [
        (InteractionKind.CALL, Direction.OUTBOUND, 1),
        (InteractionKind.MEETING, Direction.INBOUND, 1),
        (InteractionKind.SITE_VISIT, Direction.OUTBOUND, 1),
        (InteractionKind.EMAIL, Direction.INBOUND, 1),
        (InteractionKind.SMS, Direction.INBOUND, 1),
        (InteractionKind.EMAIL, Direction.OUTBOUND, 0),
        (InteractionKind.CALL, Direction.INTERNAL, 0),
        (InteractionKind.NOTE, Direction.INBOUND, 0),
    ],
)
def test_talking_with_a_lead_raises_its_score(world, api, dispatch, kind, direction, counts):
    client, lead = api(world.ours.broker_user), world.ours.lead
    client.post(at(lead, "score/"))
    before = conversation_points(client, lead)
    body = {"lead": lead.pk, "kind": kind, "direction": direction, "subject": "The deposit"}
    assert client.post("/api/interactions/", body).status_code == 201
    dispatch()
    count, points, total = conversation_points(client, lead)
    assert (count, points, total) == (counts, 2 * counts, before[2] + 2 * counts)


def test_talks_are_counted_to_a_limit_once_each_and_go_when_they_are_deleted(world, api, dispatch):
    client, lead = api(world.ours.broker_user), world.ours.lead
    body = {"lead": lead.pk, "kind": "call", "subject": "The deposit"}
    calls = [client.post("/api/interactions/", body).json()["id"] for _ in range(5)]
    dispatch()
    assert conversation_points(client, lead)[:2] == (5, 6)
    changed = Lead.objects.get(pk=lead.pk).updated_at
    leads_count_conversations([lead.pk])
    assert Lead.objects.get(pk=lead.pk).updated_at == changed
    client.patch(f"/api/interactions/{calls[0]}/", {"kind": "note"})
    for call in calls[1:4]:
        assert client.delete(f"/api/interactions/{call}/").status_code == 204
    dispatch()
    assert conversation_points(client, lead)[:2] == (1, 2)
