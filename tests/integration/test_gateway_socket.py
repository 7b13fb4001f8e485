"""The gateway's socket through the whole ASGI application, with a real channel layer."""

import asyncio
import hashlib
import hmac
import json
import time

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import integrations.consumers
from applications.events import ApplicationUpdated, FundingCalculated
from applications.services.assignment import application_assign
from brokers.models import Bdm
from events.dispatcher import dispatch_pending
from events.models import Event
from events.services import emit
from integrations import live, protocol
from integrations.keeper import Keeper, keeper
from integrations.protocol import is_channel
from integrations.registry import find
from tests.clients import ApiClient
from tests.events.test_dispatcher import stage_changed
from tests.factories import BdmFactory, UserFactory
from tests.gateway import ADDRESS, GatewaySocket, event_of, gateway, sign
from tests.threads import in_thread
from users.choices import Role
from users.models import Session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]


async def login(user):
    return await in_thread(ApiClient, user)


def own(user):
    return f"private-user-{user.pk}"


def channel_of(application):
    return f"private-application-{application.pk}"


def team_of(branch):
    return f"presence-team-{branch.pk}"


def happen(application, payload=None, actor=None):
    """Something happens to an application, and is delivered."""
    with transaction.atomic():
        payload = payload or ApplicationUpdated(reference="APP-1", field_names="purpose")
        emit(payload, actor=actor, subject=application, application_id=application.pk)
    dispatch_pending()


FUNDED = FundingCalculated(reference="APP-1", total_fees="1.00", funds_available="2.00")


# --- connecting -----------------------------------------------------------------------------------


async def test_the_greeting_names_the_socket_and_the_timeout():
    async with gateway(is_greeted=False) as ws:
        message = await ws.message()
        assert isinstance(message["data"], str), "the protocol has JSON in a text"
        name, data = event_of(message)
        assert name == "pusher:connection_established"
        assert data["activity_timeout"] == 120
        assert set(data) == {"socket_id", "activity_timeout"}


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("/app/unknown?protocol=7", 4001),
        ("/app/development", 4008),
        ("/app/development?protocol=", 4008),
        ("/app/development?protocol=six", 4006),
        ("/app/development?protocol=6", 4007),
        ("/app/development?protocol=8", 4007),
    ],
)
async def test_a_refused_socket_is_told_why_and_closed_with_the_same_code(address, code):
    async with gateway(address, is_greeted=False) as ws:
        assert await ws.error() == code
        assert await ws.closed() == code


async def test_without_a_key_there_is_no_gateway(settings):
    settings.GATEWAY_KEY = ""
    async with gateway(is_greeted=False) as ws:
        assert await ws.error() == 4001


async def test_one_socket_too_many_is_asked_to_come_later(settings):
    settings.GATEWAY_MAX_CONNECTIONS = 1
    async with gateway(), gateway(is_greeted=False) as ws:
        assert await ws.error() == 4100
        assert await ws.closed() == 4100
    async with gateway(is_greeted=False) as ws:
        assert (await ws.next())[0] == "pusher:connection_established"


async def test_connections_are_counted_as_long_as_they_are_open():
    assert await in_thread(live.connections) == 0
    async with gateway(), gateway():
        assert await in_thread(live.connections) == 2
    assert await in_thread(live.connections) == 0


# --- being there ----------------------------------------------------------------------------------


async def test_a_ping_is_answered():
    async with gateway() as ws:
        await ws.send("pusher:ping", {})
        assert await ws.next() == ("pusher:pong", {})


async def test_a_silent_client_is_asked_and_then_closed(monkeypatch):
    monkeypatch.setattr(protocol, "ACTIVITY_TIMEOUT", 0.2)
    monkeypatch.setattr(protocol, "PONG_TIMEOUT", 0.2)
    async with gateway() as ws:
        assert (await ws.next())[0] == "pusher:ping"
        assert await ws.error() == 4201
        assert await ws.closed() == 4201


async def test_a_client_that_answers_stays(monkeypatch):
    monkeypatch.setattr(protocol, "ACTIVITY_TIMEOUT", 0.2)
    monkeypatch.setattr(protocol, "PONG_TIMEOUT", 2)
    async with gateway() as ws:
        for _ in range(3):
            assert (await ws.next())[0] == "pusher:ping"
            await ws.send("pusher:pong", {})


# --- bad messages ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{",
        " ",
        "[]",
        "7",
        '{"data": {}}',
        '{"event": 7}',
        '{"event": "pusher:unknown"}',
        '{"event": "pusher:connection_established"}',
        '{"event": "pusher_internal:subscription_succeeded", "channel": "a"}',
        '{"event": "pusher:subscribe"}',
        '{"event": "pusher:subscribe", "data": "private-user-1"}',
        '{"event": "pusher:subscribe", "data": {"channel": ["a"]}}',
        '{"event": "pusher:subscribe", "data": {"channel": "a b"}}',
        '{"event": "pusher:subscribe", "data": {"channel": ""}}',
        '{"event": "pusher:subscribe", "data": {"channel": "a\\n"}}',
        json.dumps({"event": "pusher:subscribe", "data": {"channel": "a" * 165}}),
        json.dumps({"event": "pusher:ping", "data": "x" * protocol.MAX_MESSAGE_BYTES}),
    ],
)
async def test_a_bad_message_is_answered_and_the_socket_stays_open(text):
    async with gateway() as ws:
        await ws.raw(text)
        assert await ws.error() == 4300
        assert await ws.flush() == []


async def test_messages_may_come_as_bytes():
    async with gateway() as ws:
        await ws.communicator.send_to(bytes_data=b'{"event": "pusher:ping"}')
        assert await ws.next() == ("pusher:pong", {})


async def test_a_flood_is_closed(monkeypatch):
    monkeypatch.setattr(protocol, "MESSAGES_PER_WINDOW", 5)
    async with gateway() as ws:
        for _ in range(6):
            await ws.send("pusher:ping")
        for _ in range(5):
            assert await ws.next() == ("pusher:pong", {})
        assert await ws.error() == 4100
        assert await ws.closed() == 4100


async def test_a_channel_is_followed_once_and_not_too_many(monkeypatch):
    monkeypatch.setattr(protocol, "MAX_SUBSCRIPTIONS", 2)
    async with gateway() as ws:
        await ws.follow("one")
        await ws.send("pusher:subscribe", {"channel": "one"})
        assert await ws.error() == 4300
        await ws.follow("two")
        await ws.send("pusher:subscribe", {"channel": "three"})
        assert await ws.error() == 4300
        await ws.send("pusher:unsubscribe", {"channel": "two"})
        await ws.follow("three")


@given(st.text(max_size=200))
@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_names_of_channels_are_what_the_protocol_allows(name):
    allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-=@,.;"
    assert is_channel(name) == (0 < len(name) <= 164 and all(letter in allowed for letter in name))


@pytest.mark.parametrize(
    "name",
    [
        "private-user-",
        "private-user-0",
        "private-user-07",
        "private-user-1-1",
        "private-user-+1",
        "private-user-٣",
        "private-user-9223372036854775808",
        "private-users-1",
        "presence-user-1",
        "private-",
        "user-1",
    ],
)
def test_a_guarded_channel_has_one_spelling(name):
    assert find(name) is None


# --- signatures -----------------------------------------------------------------------------------


async def test_a_signature_is_the_hmac_of_socket_and_channel(world):
    user = world.ours.broker_user
    signed = await in_thread(sign, await login(user), "12.34", own(user))
    text = f"12.34:{own(user)}".encode()
    digest = hmac.new(settings.GATEWAY_SECRET.encode(), text, hashlib.sha256).hexdigest()
    assert signed == {"auth": f"development:{digest}"}


async def test_a_presence_signature_covers_who_it_is(world):
    user, channel = world.ours.bd_user, team_of(world.ours.branch)
    signed = await in_thread(sign, await login(user), "12.34", channel)
    assert json.loads(signed["channel_data"]) == {
        "user_id": str(user.pk),
        "user_info": {"name": user.full_name, "role": "bd"},
    }
    text = f"12.34:{channel}:{signed['channel_data']}".encode()
    digest = hmac.new(settings.GATEWAY_SECRET.encode(), text, hashlib.sha256).hexdigest()
    assert signed["auth"] == f"development:{digest}"


async def test_signatures_are_compared_in_constant_time(world, monkeypatch):
    compared = []

    def compare(one, other):
        compared.append((one, other))
        return False

    user = world.ours.broker_user
    async with gateway() as ws:
        signed = await in_thread(sign, await login(user), ws.socket_id, own(user))
        monkeypatch.setattr("integrations.services.hmac.compare_digest", compare)
        assert await ws.refused(own(user), **signed) == 401
        assert compared == [(signed["auth"].encode(), signed["auth"].encode())]


async def test_a_wrong_or_missing_signature_is_refused_and_the_socket_stays_open(world):
    user = world.ours.broker_user
    channel = own(user)
    async with gateway() as ws:
        signed = await in_thread(sign, await login(user), ws.socket_id, channel)
        key, _, digest = signed["auth"].partition(":")
        wrong = ("0" if digest[0] != "0" else "1") + digest[1:]
        for auth in (None, "", 7, [signed["auth"]], digest, f"{key}:{wrong}", f"other:{digest}", "é"):
            assert await ws.refused(channel, auth=auth) == 401
        assert await ws.refused(channel, auth=signed["auth"], channel_data='{"user_id": "1"}') == 401
        assert await ws.refused(channel, auth=signed["auth"], channel_data={"user_id": "1"}) == 401
        await ws.follow(channel, None, **signed)


async def test_a_signature_is_for_one_socket_and_channel_and_for_once(world):
    user = world.ours.broker_user
    client = await login(user)
    async with gateway() as ws, gateway() as other:
        signed = await in_thread(sign, client, ws.socket_id, own(user))
        assert await other.refused(own(user), **signed) == 401
        assert await ws.refused(channel_of(world.ours.application), **signed) == 401
        await ws.follow(own(user), None, **signed)
        await ws.send("pusher:unsubscribe", {"channel": own(user)})
        assert await ws.refused(own(user), **signed) == 401, "it was used"
        await ws.follow(own(user), client)


async def test_a_signature_made_elsewhere_with_the_secret_names_nobody(world):
    """Whoever has the secret still cannot follow what no user may."""
    channel = own(world.ours.broker_user)
    async with gateway() as ws:
        text = f"{ws.socket_id}:{channel}".encode()
        digest = hmac.new(settings.GATEWAY_SECRET.encode(), text, hashlib.sha256).hexdigest()
        assert await ws.refused(channel, auth=f"development:{digest}") == 401


async def test_a_presence_signature_with_other_data_is_refused(world):
    channel = team_of(world.ours.branch)
    client = await login(world.ours.bd_user)
    async with gateway() as ws:
        signed = await in_thread(sign, client, ws.socket_id, channel)
        other = signed["channel_data"].replace(str(world.ours.bd_user.pk), str(world.admin.pk), 1)
        assert await ws.refused(channel, auth=signed["auth"], channel_data=other) == 401
        assert await ws.refused(channel, auth=signed["auth"]) == 401


async def test_rights_that_end_between_signature_and_subscription_count(world):
    application = world.ours.application
    async with gateway() as ws:
        signed = await in_thread(
            sign, await login(world.ours.broker_user), ws.socket_id, channel_of(application)
        )
        await in_thread(type(application).objects.filter(pk=application.pk).update, broker=None)
        assert await ws.refused(channel_of(application), **signed) == 403
        assert await ws.flush() == []


# --- one's own channel ----------------------------------------------------------------------------


def notify(user):
    with transaction.atomic():
        emit(stage_changed(), actor=None, subject=user, recipients=[user])
    dispatch_pending()


async def test_notifications_come_on_ones_own_channel(world):
    user = world.ours.broker_user
    client = await login(user)
    async with gateway() as ws, gateway() as theirs:
        await ws.follow(own(user), client)
        await theirs.follow(own(world.theirs.broker_user), await login(world.theirs.broker_user))
        await in_thread(notify, user)
        events = dict(await ws.flush())
        assert set(events) == {"notification", "unread_count"}
        assert events["unread_count"] == {"count": 1}
        shown = (await in_thread(client.get, "/api/users/notifications/")).json()["results"][0]
        assert events["notification"]["seq"] == 1
        assert events["notification"]["notification"]["id"] == shown["id"]
        reply = await in_thread(
            client.post, "/api/users/notifications/mark-read/", {"notification_ids": [shown["id"]]}
        )
        assert reply.status_code == 200
        await in_thread(dispatch_pending)
        assert dict(await ws.flush()) == {
            "notification_read": {"ids": [shown["id"]]},
            "unread_count": {"count": 0},
        }
        assert await theirs.flush() == []


async def test_a_repeated_delivery_is_dropped(world):
    user, application = world.ours.broker_user, world.ours.application
    client = await login(user)
    async with gateway() as ws:
        await ws.follow(own(user), client)
        await ws.follow(channel_of(application), client)
        await in_thread(notify, user)
        await in_thread(happen, application)
        first = [name for name, _ in await ws.flush()]
        assert sorted(first) == ["application.updated", "notification", "unread_count"]
        await in_thread(Event.objects.update, dispatched_at=None)
        await in_thread(dispatch_pending)
        assert {name for name, _ in await ws.flush()} == {"unread_count"}, "a count is told as often as asked"


# --- the channel of an application ----------------------------------------------------------------


async def test_a_timeline_comes_as_it_happens_as_far_as_each_may_read(world):
    application = world.ours.application
    async with gateway() as broker, gateway() as client, gateway() as stranger:
        await broker.follow(channel_of(application), await login(world.ours.broker_user))
        await client.follow(channel_of(application), await login(world.ours.client_user))
        await stranger.follow(channel_of(world.theirs.application), await login(world.theirs.broker_user))
        await in_thread(happen, application, actor=world.ours.bd_user)
        await in_thread(happen, application, FUNDED)
        told = await broker.flush()
        assert [name for name, _ in told] == ["application.updated", "application.funding_calculated"]
        assert [name for name, _ in await client.flush()] == ["application.updated"]
        assert await stranger.flush() == []
        reader = await login(world.ours.broker_user)
        timeline = await in_thread(reader.get, f"/api/applications/{application.pk}/timeline/")
        assert [entry for _, entry in reversed(told)] == timeline.json()["results"]


async def test_who_loses_an_application_is_told_of_that_and_of_nothing_else(world):
    application = world.ours.application
    broker = world.theirs.broker
    async with gateway() as ws, gateway() as client:
        await ws.follow(channel_of(application), await login(world.ours.broker_user))
        await client.follow(channel_of(application), await login(world.ours.client_user))

        def assign():
            with transaction.atomic():
                application_assign(application=application, actor=world.admin, broker=broker)
            dispatch_pending()

        await in_thread(assign)
        names = [name for name, _ in await ws.flush()]
        assert names == ["pusher:error", "pusher:subscription_error"]
        await in_thread(happen, application)
        assert await ws.flush() == []
        assert [name for name, _ in await client.flush()] == ["application.updated"]


async def test_rights_that_are_lost_elsewhere_are_noticed(world, monkeypatch):
    monkeypatch.setattr(integrations.consumers, "RECHECK_SECONDS", 0.2)
    application = world.ours.application
    async with gateway() as ws:
        await ws.follow(channel_of(application), await login(world.ours.bd_user))
        branch = world.theirs.branch
        await in_thread(Bdm.objects.filter(pk=world.ours.bdm.pk).update, branch=branch)
        await in_thread(type(application).objects.filter(pk=application.pk).update, bd=None)
        assert await ws.error() == 4009
        name, data = await ws.next()
        assert (name, data["status"]) == ("pusher:subscription_error", 403)


async def test_nothing_is_read_where_nobody_is_connected(world, monkeypatch):
    monkeypatch.setattr("integrations.projections.publish_all", lambda messages: pytest.fail("told nobody"))
    await in_thread(happen, world.ours.application)


# --- the end of a login ---------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/api/auth/logout/", "/api/auth/logout-all/"])
async def test_a_login_that_ends_closes_its_sockets(world, address):
    user = world.ours.broker_user
    client, other = await login(user), await login(user)
    async with gateway() as ws, gateway() as staying:
        await ws.follow(own(user), client)
        await staying.follow(own(user), other)
        assert (await in_thread(client.post, address)).status_code == 200
        await in_thread(dispatch_pending)
        assert await ws.error() == 4009
        assert await ws.closed() == 4009
        if address.endswith("logout/"):
            assert await staying.flush() == []
        else:
            assert await staying.error() == 4009


async def test_a_suspended_account_is_closed_at_once(world):
    admin, user = await login(world.admin), world.ours.broker_user
    async with gateway() as ws, gateway() as theirs:
        await ws.follow(channel_of(world.ours.application), await login(user))
        await theirs.follow(own(world.theirs.broker_user), await login(world.theirs.broker_user))
        reply = await in_thread(admin.post, f"/api/users/users/{user.pk}/suspend/")
        assert reply.status_code == 200
        await in_thread(dispatch_pending)
        assert await ws.error() == 4009
        assert await ws.closed() == 4009
        assert await theirs.flush() == []


async def test_the_end_of_a_login_that_nobody_told_is_noticed(world, monkeypatch):
    monkeypatch.setattr(integrations.consumers, "RECHECK_SECONDS", 0.2)
    user = world.ours.broker_user
    async with gateway() as ws:
        await ws.follow(own(user), await login(user))
        await in_thread(Session.objects.update, revoked_at=timezone.now())
        assert await ws.error() == 4009
        assert await ws.closed() == 4009


# --- words of clients -----------------------------------------------------------------------------


async def test_clients_speak_to_the_others_on_guarded_channels(world):
    channel = channel_of(world.ours.application)
    async with gateway() as broker, gateway() as client, gateway() as public:
        await broker.follow(channel, await login(world.ours.broker_user))
        await client.follow(channel, await login(world.ours.client_user))
        await public.follow("news")
        await broker.send("client-typing", {"field": "purpose"}, channel=channel)
        assert await client.flush() == [("client-typing", {"field": "purpose"})]
        assert await broker.flush() == []
        assert await public.flush() == []


async def test_on_presence_channels_the_speaker_is_named_by_the_server(world):
    channel = team_of(world.ours.branch)
    async with gateway() as admin, gateway() as bdm:
        await admin.follow(channel, await login(world.admin))
        await bdm.follow(channel, await login(world.ours.bd_user))
        await admin.flush()
        await bdm.send("client-hello", "x", channel=channel, user_id="1")
        message = await admin.message()
        assert message == {
            "event": "client-hello",
            "channel": channel,
            "data": "x",
            "user_id": str(world.ours.bd_user.pk),
        }


async def test_clients_do_not_speak_elsewhere(world):
    channel = channel_of(world.ours.application)
    async with gateway() as ws, gateway() as other:
        await ws.follow("news")
        await other.follow("news")
        for message in (
            {"channel": "news"},
            {"channel": channel},
            {"channel": "unknown"},
            {"channel": ["news"]},
            {},
        ):
            await ws.send("client-typing", {}, **message)
            assert await ws.error() == 4009
        assert await other.flush() == []


async def test_words_of_clients_are_few_and_short(world, monkeypatch):
    monkeypatch.setattr(protocol, "CLIENT_EVENTS_PER_SECOND", 3)
    monkeypatch.setattr(protocol, "MAX_DATA_BYTES", 100)
    channel = channel_of(world.ours.application)
    async with gateway() as ws, gateway() as other:
        await ws.follow(channel, await login(world.ours.broker_user))
        await other.follow(channel, await login(world.ours.client_user))
        await ws.send("client-typing", "x" * 101, channel=channel)
        assert await ws.error() == 4300
        await ws.send("client-" + "x" * 200, "x", channel=channel)
        assert await ws.error() == 4300
        for number in range(4):
            await ws.send("client-typing", {"n": number}, channel=channel)
        assert await ws.error() == 4301
        assert [data["n"] for _, data in await other.flush()] == [0, 1, 2]
        assert await ws.flush() == []


# --- presence -------------------------------------------------------------------------------------


async def test_members_are_seen_once_however_many_sockets_they_have(world):
    channel = team_of(world.ours.branch)
    admin, bdm = world.admin, world.ours.bd_user
    client = await login(bdm)
    async with gateway() as watcher:
        shown = await watcher.follow(channel, await login(admin))
        assert shown == {
            "presence": {
                "count": 1,
                "ids": [str(admin.pk)],
                "hash": {str(admin.pk): {"name": admin.full_name, "role": "admin"}},
            }
        }
        one = await (await GatewaySocket().open()).greeted()
        await one.follow(channel, client)
        added = {"user_id": str(bdm.pk), "user_info": {"name": bdm.full_name, "role": "bd"}}
        assert await watcher.flush() == [("pusher_internal:member_added", added)]
        async with gateway() as two:
            shown = await two.follow(channel, client)
            assert shown["presence"]["count"] == 2
            assert await watcher.flush() == []
            await one.close()
            assert await watcher.flush() == []
        assert await watcher.flush() == [("pusher_internal:member_removed", {"user_id": str(bdm.pk)})]


async def test_unsubscribing_leaves_the_channel(world):
    channel = team_of(world.ours.branch)
    async with gateway() as watcher, gateway() as ws:
        await watcher.follow(channel, await login(world.admin))
        await ws.follow(channel, await login(world.ours.bd_user))
        await ws.send("pusher:unsubscribe", {"channel": channel})
        await ws.send("pusher:unsubscribe", {"channel": "never followed"})
        assert await ws.flush() == []
        names = [name for name, _ in await watcher.flush()]
        assert names == ["pusher_internal:member_added", "pusher_internal:member_removed"]


async def test_a_killed_process_leaves_nobody_behind(world, monkeypatch):
    """Entries that nobody renews end, and the next beat of any process tells it."""
    channel = team_of(world.ours.branch)
    ghost = live.Member("999", "{}")
    async with gateway() as watcher:
        await watcher.follow(channel, await login(world.admin))
        monkeypatch.setattr(live, "LIFE_SECONDS", 0.3)
        await Keeper().join(channel, "1.1", ghost)  # another process, which says so once and never again
        monkeypatch.undo()
        assert [name for name, _ in await watcher.flush()] == ["pusher_internal:member_added"]
        await keeper().beat()
        await asyncio.sleep(0.35)
        await keeper().beat()
        assert await watcher.flush() == [("pusher_internal:member_removed", {"user_id": "999"})]
        assert await in_thread(live.connections) == 1


async def test_a_beat_puts_back_what_redis_lost(world):
    channel = team_of(world.ours.branch)
    async with gateway() as admin, gateway() as bdm:
        await admin.follow(channel, await login(world.admin))
        await bdm.follow(channel, await login(world.ours.bd_user))
        await admin.flush()
        from django.core.cache import cache

        await in_thread(cache.clear)
        assert await in_thread(live.connections) == 0
        await keeper().beat()
        assert await in_thread(live.connections) == 2
        found = await in_thread(live.members, channel)
        assert set(found.members) == {str(world.admin.pk), str(world.ours.bd_user.pk)}
        assert await admin.flush() == []


async def test_the_keeper_beats_by_itself_and_survives_an_outage(world, monkeypatch):
    from redis.exceptions import ConnectionError as Lost

    beats = []

    async def beat(self):
        beats.append(self)
        if len(beats) == 1:
            raise Lost()

    monkeypatch.setattr("integrations.keeper.BEAT_SECONDS", 0.05)
    monkeypatch.setattr(Keeper, "beat", beat)
    async with gateway():
        end = time.monotonic() + 20
        while len(beats) < 2 and time.monotonic() < end:
            await asyncio.sleep(0.02)
    assert len(beats) >= 2


async def test_an_old_list_of_members_that_comes_late_is_not_believed(world):
    from integrations.publishing import MEMBERS, publish

    channel = team_of(world.ours.branch)
    async with gateway() as ws:
        await ws.follow(channel, await login(world.admin))
        await publish(channel, {"type": MEMBERS, "version": 1, "members": {"999": "{}"}})
        assert await ws.flush() == []


async def test_brokers_and_other_branches_do_not_watch_a_team(world):
    for user in (world.ours.broker_user, world.ours.client_user, world.theirs.bd_user):
        client = await login(user)
        body = {"socket_id": "1.1", "channel_name": team_of(world.ours.branch)}
        reply = await in_thread(client.post, "/api/realtime/auth/", body)
        assert (reply.status_code, reply.json()["code"]) == (403, "permission_denied")


async def test_a_colleague_sees_the_team_of_the_own_branch(world):
    def colleague():
        return BdmFactory.create(branch=world.ours.branch, user=UserFactory.create(role=Role.BD)).user

    async with gateway() as ws:
        shown = await ws.follow(team_of(world.ours.branch), await login(await in_thread(colleague)))
        assert shown["presence"]["count"] == 1


# --- trigger --------------------------------------------------------------------------------------


async def test_what_is_triggered_reaches_who_follows_but_not_who_did_it(world):
    admin = await login(world.admin)
    channel = channel_of(world.ours.application)
    async with gateway() as ws, gateway() as other, gateway() as public:
        await ws.follow(channel, await login(world.ours.broker_user))
        await other.follow(channel, await login(world.ours.client_user))
        await public.follow("news")
        body = {
            "name": "refresh",
            "channels": [channel, "news", "news"],
            "data": {"n": 1},
            "socket_id": ws.socket_id,
        }
        reply = await in_thread(admin.post, "/api/realtime/trigger/", body)
        assert (reply.status_code, reply.json()) == (200, {"channels": [channel, "news"]})
        assert await ws.flush() == []
        assert await other.flush() == [("refresh", {"n": 1})]
        assert await public.flush() == [("refresh", {"n": 1})]


async def test_what_is_triggered_does_not_reach_who_lost_the_channel(world):
    admin = await login(world.admin)
    application = world.ours.application
    async with gateway() as ws:
        await ws.follow(channel_of(application), await login(world.ours.broker_user))
        await in_thread(type(application).objects.filter(pk=application.pk).update, broker=None)
        body = {"name": "refresh", "channels": [channel_of(application)], "data": "x"}
        assert (await in_thread(admin.post, "/api/realtime/trigger/", body)).status_code == 200
        names = [name for name, _ in await ws.flush()]
        assert names == ["pusher:error", "pusher:subscription_error"]


async def test_other_protocols_of_the_same_group_do_not_disturb(world):
    """What other kinds of sockets are told in a user's group is nothing to this one."""
    from channels.layers import get_channel_layer

    from users.websocket import user_group

    user = world.ours.broker_user
    async with gateway(ADDRESS) as ws:
        await ws.follow(own(user), await login(user))
        await get_channel_layer().group_send(user_group(user.pk), {"type": "something.new"})
        assert await ws.flush() == []
