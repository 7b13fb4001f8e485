"""Presence over the socket and over REST: who is there, who may know it, and what is remembered."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from applications.models import Application
from crm_backend.common.counters import redis_client
from tests.clients import ApiClient
from tests.sockets import socket
from tests.threads import in_thread
from users import live
from users.choices import AccountStatus
from users.models import LastSeen
from users.rollcall import RollCall, roll_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]

PRESENCE = "/ws/presence/"
REST = "/api/users/presence/"


@pytest.fixture
def broker(world):
    return world.ours.broker_user


@pytest.fixture
def client_user(world):
    return world.ours.client_user


def token(user):
    return ApiClient(user).tokens.access


async def watching(ours, *users):
    """Begin to watch; what is told of each."""
    assert (await ours.next())["type"] == "connected"
    ids = sorted(user.pk for user in users)
    await ours.send({"type": "watch", "ids": ids})
    assert await ours.next() == {"type": "watching", "ids": ids}
    return [await ours.next() for _ in ids]


def told(user, status, last_seen_at=None):
    return {"type": "presence", "user_id": user.pk, "status": status, "last_seen_at": last_seen_at}


def status_of(user):
    (found,) = live.presences([user.pk])
    return found.status


# --- coming and going -----------------------------------------------------------------------------


async def test_a_watcher_is_told_who_comes_and_goes(broker, client_user):
    access = await in_thread(token, broker)
    async with socket(PRESENCE, bearer=access) as ours:
        assert await watching(ours, client_user) == [told(client_user, "offline")]
        began = timezone.now()
        theirs = socket("/ws/notifications/", bearer=await in_thread(token, client_user))
        async with theirs as other:
            await other.greeted()
            assert await ours.next() == told(client_user, "online")
        gone = await ours.next()
        assert (gone["user_id"], gone["status"]) == (client_user.pk, "offline")
        assert began - timedelta(seconds=2) < datetime.fromisoformat(gone["last_seen_at"])


async def test_a_user_is_there_until_the_last_socket_has_gone(broker):
    access = await in_thread(token, broker)
    async with socket(bearer=access) as one:
        await one.greeted()
        async with socket(bearer=access) as two:
            await two.greeted()
            assert await in_thread(status_of, broker) == "online"
        assert await in_thread(status_of, broker) == "online"
    assert await in_thread(status_of, broker) == "offline"


async def test_away_is_said_by_a_login_and_ends_with_it(broker, client_user):
    phone, desk = [await in_thread(token, client_user) for _ in range(2)]
    async with socket(PRESENCE, bearer=await in_thread(token, broker)) as ours:
        await watching(ours, client_user)
        async with socket(PRESENCE, bearer=desk) as at_desk:
            assert await ours.next() == told(client_user, "online")
            await at_desk.next()
            await at_desk.send({"type": "status", "status": "away"})
            assert await ours.next() == told(client_user, "away")
            async with socket(bearer=phone) as on_phone:
                assert await ours.next() == told(client_user, "online")
                await on_phone.greeted()
            assert await ours.next() == told(client_user, "away")
            await at_desk.send({"type": "status", "status": "online"})
            assert await ours.next() == told(client_user, "online")
            await at_desk.send({"type": "status", "status": "away"})
            assert await ours.next() == told(client_user, "away")
        assert (await ours.next())["status"] == "offline"
        async with socket(PRESENCE, bearer=desk):
            assert await ours.next() == told(client_user, "online")


async def test_a_change_that_was_never_announced_is_found(broker, client_user, monkeypatch):
    monkeypatch.setattr("users.consumers.LOOK_SECONDS", 0.2)
    async with socket(PRESENCE, bearer=await in_thread(token, broker)) as ours:
        await watching(ours, client_user)
        await in_thread(live.is_here, client_user.pk, live.connection_name("0" * 36, "elsewhere"))
        assert await ours.next() == told(client_user, "online")


async def test_nothing_is_told_twice(broker, client_user):
    async with socket(PRESENCE, bearer=await in_thread(token, broker)) as ours:
        await watching(ours, client_user, broker)
        for _ in range(3):
            async with asyncio.timeout(10):
                await ours.send({"type": "heartbeat"})
                assert await ours.next() == {"type": "heartbeat_response"}


# --- what Redis forgets ---------------------------------------------------------------------------


async def test_an_emptied_redis_is_filled_by_the_next_call(broker):
    async with socket(bearer=await in_thread(token, broker)) as ours:
        await ours.greeted()
        await in_thread(redis_client().flushdb)
        assert await in_thread(status_of, broker) == "offline"
        await roll_call().call()
        assert await in_thread(status_of, broker) == "online"


async def test_connections_that_nobody_renews_end(broker, monkeypatch):
    monkeypatch.setattr(live, "LIVE_MS", 300)
    name = live.connection_name("1" * 36, "killed")
    assert await in_thread(live.is_here, broker.pk, name) is True
    assert await in_thread(status_of, broker) == "online"
    await asyncio.sleep(0.4)
    assert await in_thread(status_of, broker) == "offline"
    assert await in_thread(live.still_here, {broker.pk: {name}}) == {broker.pk}


async def test_who_leaves_while_all_are_renewed_does_not_come_back(broker, monkeypatch):
    calls = RollCall()
    await calls.join(broker.pk, "2" * 40)
    renewal = asyncio.create_task(calls.call())
    await asyncio.sleep(0)
    await calls.leave(broker.pk, "2" * 40)
    await renewal
    assert await in_thread(status_of, broker) == "offline"
    calls.task.cancel()


# --- what is written down -------------------------------------------------------------------------


async def test_last_seen_is_written_by_roll_calls_and_not_by_heartbeats(broker):
    async with socket(bearer=await in_thread(token, broker)) as ours:
        await ours.greeted()
        for _ in range(5):
            await ours.send({"type": "heartbeat"})
            await ours.next()
        assert await in_thread(LastSeen.objects.count) == 0
        await roll_call().call()
        first = (await in_thread(LastSeen.objects.get)).at
        assert (await in_thread(lambda: LastSeen.objects.get().user_id)) == broker.pk
        for _ in range(2):
            await roll_call().call()
        assert (await in_thread(LastSeen.objects.get)).at == first
    await roll_call().call()
    assert (await in_thread(LastSeen.objects.get)).at > first
    roll_call().task.cancel()


def test_who_was_seen_long_ago_is_known_from_the_table(broker):
    live.last_seen_note([broker.pk, 2**40])
    (found,) = live.presences([broker.pk])
    assert (found.status, found.last_seen_at) == ("offline", LastSeen.objects.get(pk=broker.pk).at)


# --- who may know ---------------------------------------------------------------------------------


async def test_a_stranger_is_not_watched(world, broker):
    stranger = world.theirs.broker_user
    async with socket(PRESENCE, bearer=await in_thread(token, broker)) as ours:
        await ours.next()
        await ours.send({"type": "watch", "ids": [stranger.pk, broker.pk, 2**40]})
        assert await ours.next() == {"type": "watching", "ids": [broker.pk]}
        assert await ours.next() == told(broker, "online")
        async with socket(bearer=await in_thread(token, stranger)) as theirs:
            await theirs.greeted()
            await ours.send({"type": "heartbeat"})
            assert await ours.next() == {"type": "heartbeat_response"}


async def test_who_is_not_shared_any_more_is_not_watched_any_more(world, broker, client_user):
    async with socket(PRESENCE, bearer=await in_thread(token, broker)) as ours:
        await watching(ours, client_user)
        await in_thread(Application.objects.update, broker=world.theirs.application.broker)
        await ours.send({"type": "heartbeat"})
        assert await ours.next() == {"type": "heartbeat_response"}
        assert await ours.next() == {"type": "watching", "ids": []}


@pytest.mark.parametrize("ids", [None, "1", ["1"], [0], list(range(1, 202))])
async def test_bad_ids_are_answered_with_an_error(broker, ids):
    async with socket(PRESENCE, bearer=await in_thread(token, broker)) as ours:
        await ours.next()
        await ours.send({"type": "watch", "ids": ids})
        answer = await ours.next()
        assert (answer["type"], answer["code"]) == ("error", "invalid")


async def test_nobody_says_that_they_are_offline(broker):
    async with socket(PRESENCE, bearer=await in_thread(token, broker)) as ours:
        await ours.next()
        await ours.send({"type": "status", "status": "offline"})
        assert (await ours.next())["code"] == "invalid"


def everyone(world):
    return {
        "admin": world.admin,
        **{
            f"{side}.{kind}": getattr(getattr(world, side), f"{kind}_user")
            for side in ("ours", "theirs")
            for kind in ("broker", "bd", "client")
        },
    }


OURS = {"ours.broker", "ours.bd", "ours.client"}
THEIRS = {"theirs.broker", "theirs.bd", "theirs.client"}


@pytest.mark.parametrize(
    ("caller", "visible"),
    [("admin", {"admin"} | OURS | THEIRS)]
    + [(name, OURS) for name in sorted(OURS)]
    + [(name, THEIRS) for name in sorted(THEIRS)],
)
def test_people_see_those_with_whom_they_share_an_application_or_a_branch(world, api, caller, visible):
    people = everyone(world)
    ids = ",".join(str(user.pk) for user in people.values())
    reply = api(people[caller]).get(REST, {"ids": ids})
    assert reply.status_code == 200
    assert reply.json()["results"] == [
        {"user_id": pk, "status": "offline", "last_seen_at": None}
        for pk in sorted(people[name].pk for name in visible)
    ]


def test_an_account_that_is_closed_has_no_presence(world, api):
    user = world.ours.client_user
    user.status = AccountStatus.SUSPENDED
    user.save()
    reply = api(world.admin).get(REST, {"ids": str(user.pk)})
    assert (reply.status_code, reply.json()) == (200, {"results": []})


def test_rest_tells_who_is_online_and_when_others_were(world, api, broker, client_user):
    live.is_here(broker.pk, live.connection_name("3" * 36, "x"))
    live.is_here(client_user.pk, live.connection_name("4" * 36, "y"))
    live.is_gone(client_user.pk, live.connection_name("4" * 36, "y"))
    reply = api(world.ours.bd_user).get(REST, {"ids": f"{broker.pk},{client_user.pk}"})
    results = {row["user_id"]: row for row in reply.json()["results"]}
    assert results[broker.pk] == {"user_id": broker.pk, "status": "online", "last_seen_at": None}
    assert results[client_user.pk]["status"] == "offline"
    moment = datetime.fromisoformat(results[client_user.pk]["last_seen_at"])
    assert abs(moment - datetime.now(UTC)) < timedelta(seconds=60)


def test_rest_tells_ones_own_presence_without_ids(broker, api):
    reply = api(broker).get(REST)
    assert reply.status_code == 200
    assert reply.json()["results"] == [{"user_id": broker.pk, "status": "offline", "last_seen_at": None}]


@pytest.mark.parametrize("ids", ["", ",", "x", "1;2", "0", "-1", str(2**63), ",".join(["1"] * 201)])
def test_rest_refuses_bad_ids(world, api, ids):
    reply = api(world.admin).get(REST, {"ids": ids})
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == ["ids"]
