"""The socket of dashboards, through the whole ASGI application: who is told of which tiles, and when."""

from decimal import Decimal

import pytest

from engagement.models import Lead
from events.dispatcher import dispatch_pending
from reports import consumers
from reports.choices import Topic
from reports.live import TILES, TILES_OF_LEADS, groups_of, tell_of_cells
from reports.tasks import refresh_rollups
from tests.clients import ApiClient
from tests.factories import BdmFactory, LeadFactory
from tests.servicing.kit import payment_of, settled
from tests.sockets import socket
from tests.threads import in_thread

PATH = "/ws/analytics/"
pytestmark = pytest.mark.timeout(120)
# Emptying the database after such a test is slow: few tests, each of a whole story.
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(consumers, "GATHERING_SECONDS", 0.3)


def work():
    """What workers do after a change."""
    dispatch_pending()
    refresh_rollups()


async def opened(ours, dashboards):
    greeting = await ours.next()
    assert (greeting["type"], greeting["dashboards"]) == ("connected", dashboards)
    ours.user_id = greeting["user_id"]


async def told(ours, count):
    """So many messages, by dashboard, and nothing after them."""
    messages = [await ours.next() for _ in range(count)]
    assert {message["type"] for message in messages} == {"dashboard_changed"}
    assert all(set(message) == {"type", "dashboard", "tiles"} for message in messages)
    assert await ours.communicator.receive_nothing(timeout=0.6)
    return {message["dashboard"]: message["tiles"] for message in messages}


ALL = ["dashboard", "leads", "revenue", "team"]


@committed
async def test_a_new_application_is_told_to_those_who_see_it_once(world):
    await in_thread(work)
    tokens = {}
    for name, user in (
        ("admin", world.admin),
        ("bd", world.ours.bd_user),
        ("broker", world.ours.broker_user),
        ("other", world.theirs.broker_user),
        ("other_bd", world.theirs.bd_user),
    ):
        tokens[name] = await in_thread(lambda user=user: ApiClient(user))
    body = {"loan_amount": "500000.00", "loan_term": 360, "interest_rate": "6.0000"}
    async with (
        socket(PATH, bearer=tokens["admin"].tokens.access) as admin,
        socket(PATH, bearer=tokens["bd"].tokens.access) as bd,
        socket(PATH, bearer=tokens["broker"].tokens.access) as broker,
        socket(PATH, bearer=tokens["other"].tokens.access) as other,
        socket(PATH, bearer=tokens["other_bd"].tokens.access) as other_bd,
    ):
        await opened(admin, ALL)
        await opened(bd, ALL)
        await opened(other_bd, ALL)
        for one in (broker, other):
            await opened(one, ["dashboard", "leads"])
        before = (await in_thread(tokens["broker"].get, "/api/analytics/dashboard/")).json()["tiles"]
        reply = await in_thread(tokens["broker"].post, "/api/applications/", body)
        assert reply.status_code == 201, reply.content
        await in_thread(work)
        for ours, count in ((admin, 2), (bd, 2), (broker, 1)):
            stale = await told(ours, count)
            assert "total_applications" in stale["dashboard"]
            assert ("team" in stale) == (count == 2)
        # The figures are there when they are told of.
        after = (await in_thread(tokens["broker"].get, "/api/analytics/dashboard/")).json()["tiles"]
        changed = {new["key"] for old, new in zip(before, after, strict=True) if old["value"] != new["value"]}
        assert changed <= set(stale["dashboard"])
        assert await other.communicator.receive_nothing(timeout=0.2)
        assert await other_bd.communicator.receive_nothing(timeout=0.2)
        # What comes close together is told at once.
        cells = [("arrears", 0, 0, 0), ("repayment", 0, 0, 0), ("ledger", 0, 0, 0)]
        for cell in cells:
            await in_thread(tell_of_cells, [cell])
        stale = await told(admin, 2)
        assert stale["dashboard"] == ["amount_past_due", "compliance_rate", "loans_in_arrears"]
        assert {"cash_received", "commissions"} <= set(stale["revenue"])
        assert await bd.communicator.receive_nothing(timeout=0.2)
    client = await in_thread(ApiClient, world.ours.client_user)
    async with socket(PATH, bearer=client.tokens.access) as ours:
        assert await ours.closed() == 4403


@committed
async def test_a_payment_is_told_of_and_a_note_is_not(world):
    await in_thread(settled, world.admin, world.ours.application)
    await in_thread(work)
    broker = await in_thread(ApiClient, world.ours.broker_user)
    admin = await in_thread(ApiClient, world.admin)
    async with (
        socket(PATH, bearer=admin.tokens.access) as theirs,
        socket(PATH, bearer=broker.tokens.access) as ours,
    ):
        await opened(theirs, ALL)
        await opened(ours, ["dashboard", "leads"])
        await in_thread(payment_of, world.admin, world.ours.application, Decimal("1000.00"))
        await in_thread(work)
        stale = await told(theirs, 2)
        assert "cash_received" in stale["revenue"]
        assert "compliance_rate" in stale["dashboard"]
        assert set(await told(ours, 1)) == {"dashboard"}
        note = {"application": world.ours.application.pk, "text": "Called."}
        reply = await in_thread(admin.post, "/api/documents/notes/", note)
        assert reply.status_code == 201, reply.content
        await in_thread(work)
        assert await theirs.communicator.receive_nothing(timeout=0.6)


@committed
async def test_a_lead_that_moves_is_told_to_both(world):
    admin = await in_thread(ApiClient, world.admin)
    before = await in_thread(ApiClient, world.ours.broker_user)
    after = await in_thread(ApiClient, world.theirs.broker_user)
    body = {"first_name": "Mia", "last_name": "Chen", "email": "mia@example.org", "source": "walk_in"}
    lead = await in_thread(lambda: before.post("/api/leads/", body).json()["id"])
    await in_thread(work)
    async with (
        socket(PATH, bearer=before.tokens.access) as one,
        socket(PATH, bearer=after.tokens.access) as two,
    ):
        for ours in (one, two):
            await opened(ours, ["dashboard", "leads"])
        assign = {"method": "manual", "assignee": world.theirs.broker_user.pk}
        reply = await in_thread(admin.post, f"/api/leads/{lead}/assign/", assign)
        assert reply.status_code == 200, reply.content
        await in_thread(work)
        for ours in (one, two):
            assert "new_leads" in (await told(ours, 1))["leads"]
        reply = await in_thread(admin.delete, f"/api/leads/{lead}/")
        assert reply.status_code == 204
        await in_thread(work)
        assert "new_leads" in (await told(two, 1))["leads"]
        assert await one.communicator.receive_nothing(timeout=0.2)


@committed
async def test_who_moves_to_another_branch_is_told_of_that_after_a_heartbeat(world):
    await in_thread(work)
    bd = await in_thread(ApiClient, world.ours.bd_user)
    async with socket(PATH, bearer=bd.tokens.access) as ours:
        await opened(ours, ALL)
        await in_thread(
            lambda: (
                type(world.ours.bdm).objects.filter(pk=world.ours.bdm.pk).update(branch=world.theirs.branch)
            )
        )
        await ours.send({"type": "heartbeat"})
        assert await ours.next() == {"type": "heartbeat_response"}
        # The answer comes before the look: this one comes after it.
        await ours.send({"type": "heartbeat"})
        assert await ours.next() == {"type": "heartbeat_response"}
        await in_thread(lambda: LeadFactory.create(branch=world.theirs.branch))
        theirs = await in_thread(ApiClient, world.theirs.bd_user)
        body = {"first_name": "Mia", "last_name": "Chen", "email": "mia@example.org", "source": "walk_in"}
        reply = await in_thread(theirs.post, "/api/leads/", body)
        assert reply.status_code == 201, reply.content
        await in_thread(work)
        assert set(await told(ours, 1)) == {"leads"}


@pytest.mark.django_db
def test_every_tile_is_told_of_by_something(world, api):
    known = {}
    for name in ALL:
        known[name] = {
            tile["key"] for tile in api(world.admin).get(f"/api/analytics/{name}/").json()["tiles"]
        }
    mapped: dict[str, set[str]] = {"leads": {tile for tiles in TILES_OF_LEADS.values() for tile in tiles}}
    for of_topic in TILES.values():
        for name, tiles in of_topic.items():
            mapped.setdefault(name, set()).update(tiles)
    assert mapped == known
    assert set(TILES) == set(Topic)


@pytest.mark.django_db
def test_groups_follow_what_roles_see(world):
    assert groups_of(world.admin) == ["tiles.book"]
    assert groups_of(world.ours.bd_user) == [
        f"tiles.branch.{world.ours.branch.pk}",
        f"tiles.bd.{world.ours.bdm.pk}",
    ]
    assert groups_of(world.ours.broker_user) == [
        f"tiles.broker.{world.ours.broker.pk}",
        f"tiles.assignee.{world.ours.broker_user.pk}",
    ]
    orphan = BdmFactory.create().user
    assert orphan.bdm.delete()
    assert groups_of(orphan) == []
    assert Lead.objects.visible_to(orphan).count() == 0
