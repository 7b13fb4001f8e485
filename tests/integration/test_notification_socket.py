"""The notification socket through the whole ASGI application, with a real channel layer."""

import time
from datetime import timedelta

import pytest
from channels.testing import WebsocketCommunicator
from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

import users.websocket
from crm_backend.asgi import application
from events.dispatcher import dispatch_pending
from events.models import Event
from events.services import emit
from notifications.models import Notification, NotificationCounter
from tests.clients import PASSWORD, ApiClient
from tests.events.test_dispatcher import stage_changed
from tests.sockets import Socket, seqs, socket
from tests.threads import in_thread
from users.models import Session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]

NEW_PASSWORD = "a completely different phrase"


def login(user):
    return ApiClient(user)


def notify(user, times=1):
    """Tell a user of something, and have it delivered."""
    for _ in range(times):
        with transaction.atomic():
            emit(stage_changed(), actor=None, subject=user, recipients=[user])
    dispatch_pending()


def deliver_again(user):
    """What a dispatcher does that was killed after pushing and before noting it."""
    Event.objects.filter(recipients__contains=[user.pk]).update(dispatched_at=None)
    dispatch_pending()


def lose_pushes(user, times):
    """Notifications whose push never arrived."""
    for _ in range(times):
        with transaction.atomic():
            emit(stage_changed(), actor=None, subject=user, recipients=[user])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("notifications.projections._send_all", _nothing)
        dispatch_pending()


def _nothing(messages):
    return None


@pytest.fixture
def broker(world):
    return world.ours.broker_user


@pytest.fixture
def token(broker):
    return login(broker).tokens.access


# --- who is calling -------------------------------------------------------------------------------


async def test_a_subprotocol_token_is_greeted(broker, token):
    async with socket(bearer=token) as ours:
        assert ours.subprotocol == "bearer"
        assert await ours.next() == {"type": "connected", "user_id": broker.pk, "last_seq": 0}
        assert await ours.next() == {"type": "unread_count", "count": 0}


async def test_a_query_token_is_greeted(broker, token):
    async with socket(f"/ws/notifications/?token={token}") as ours:
        assert ours.subprotocol is None
        assert await ours.greeted() == {
            "type": "connected",
            "user_id": broker.pk,
            "last_seq": 0,
            "unread": 0,
        }


async def test_a_first_message_token_is_greeted(broker, token):
    async with socket() as ours:
        await ours.send({"type": "authenticate", "token": token})
        assert (await ours.greeted())["user_id"] == broker.pk


async def test_the_subprotocol_goes_before_the_query(world, broker, token):
    other = await in_thread(login, world.theirs.broker_user)
    async with socket(f"/ws/notifications/?token={other.tokens.access}", bearer=token) as ours:
        assert (await ours.greeted())["user_id"] == broker.pk


async def test_the_greeting_tells_the_latest_number_and_the_unread_count(broker, token):
    await in_thread(notify, broker, 3)
    await in_thread(Notification.objects.filter(user=broker, seq=1).update, read_at=timezone.now())
    async with socket(bearer=token) as ours:
        greeting = await ours.greeted()
        assert (greeting["last_seq"], greeting["unread"]) == (3, 2)


async def test_a_caller_who_does_not_log_in_is_closed_at_the_deadline(world, monkeypatch):
    monkeypatch.setattr(users.websocket, "AUTHENTICATION_DEADLINE", 0.2)
    async with socket() as ours:
        assert await ours.closed() == 4401


async def test_a_login_within_the_deadline_keeps_the_socket_open_beyond_it(monkeypatch, token):
    monkeypatch.setattr(users.websocket, "AUTHENTICATION_DEADLINE", 0.3)
    async with socket() as ours:
        await ours.send({"type": "authenticate", "token": token})
        await ours.greeted()
        assert await ours.communicator.receive_nothing(timeout=0.6)


async def test_another_first_message_than_a_login_is_refused(world):
    async with socket() as ours:
        await ours.send({"type": "get_unread_count"})
        assert await ours.closed() == 4401


@pytest.mark.parametrize("raw", ["", "nonsense", "a.b.c"])
async def test_a_bad_token_in_the_first_message_is_closed(world, raw):
    async with socket() as ours:
        await ours.send({"type": "authenticate", "token": raw})
        assert await ours.closed() == 4401


@pytest.mark.parametrize("given", [None, 7, ["x"], {}])
async def test_a_token_that_is_no_text_is_closed(world, given):
    async with socket() as ours:
        await ours.send({"type": "authenticate", "token": given})
        assert await ours.closed() == 4401


async def test_a_bad_token_is_accepted_and_then_closed_so_that_browsers_see_the_code(world):
    async with socket(bearer="nonsense") as ours:
        assert ours.subprotocol == "bearer"
        assert await ours.closed() == 4401


async def test_an_expired_token_is_accepted_and_then_closed(broker, token):
    expired = AccessToken(token)
    expired.set_exp(lifetime=timedelta(seconds=-1))
    async with socket(f"/ws/notifications/?token={expired}") as ours:
        assert await ours.closed() == 4401


async def test_a_refresh_token_is_not_an_access_token(broker):
    client = await in_thread(login, broker)
    async with socket(bearer=client.tokens.refresh) as ours:
        assert await ours.closed() == 4401


async def test_a_token_of_an_ended_session_is_closed(broker):
    client = await in_thread(login, broker)
    assert (await in_thread(client.post, "/api/auth/logout/")).status_code == 200
    async with socket(bearer=client.tokens.access) as ours:
        assert await ours.closed() == 4401


async def test_ones_own_address_is_open(broker, token):
    async with socket(f"/ws/notifications/{broker.pk}/", bearer=token) as ours:
        assert (await ours.greeted())["user_id"] == broker.pk


@pytest.mark.parametrize("way", ["subprotocol", "message"])
async def test_the_address_of_another_user_is_closed(world, token, way):
    path = f"/ws/notifications/{world.theirs.broker_user.pk}/"
    async with socket(path, bearer=token if way == "subprotocol" else None) as ours:
        if way == "message":
            await ours.send({"type": "authenticate", "token": token})
        assert await ours.closed() == 4403
        await in_thread(notify, world.theirs.broker_user)
        assert await ours.communicator.receive_nothing(timeout=0.3)


# --- live -----------------------------------------------------------------------------------------


async def test_a_stage_change_over_rest_reaches_the_broker_live(world, broker, token):
    staff = await in_thread(login, world.ours.bd_user)
    application = world.ours.application
    async with socket(bearer=token) as ours:
        await ours.greeted()
        reply = await in_thread(
            staff.put, f"/api/applications/{application.pk}/stage/", {"stage": "sent_to_lender"}
        )
        assert reply.status_code == 200
        await in_thread(dispatch_pending)
        pushed = await ours.next()
        assert (pushed["type"], pushed["seq"]) == ("notification", 1)
        assert await ours.next() == {"type": "unread_count", "count": 1}
        rest = await in_thread((await in_thread(login, broker)).get, "/api/users/notifications/")
        assert [pushed["notification"]] == rest.json()["results"]
        body = pushed["notification"]
        assert body["title"] == f"{application.reference_number}: Sent to lender"
        assert (body["event_type"], body["is_read"]) == ("application.stage_changed", False)
        assert (body["application_id"], body["subject_id"]) == (application.pk, application.pk)


async def test_nobody_elses_notifications_come_through(world, token):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await in_thread(notify, world.theirs.broker_user)
        assert await ours.flush() == []


async def test_every_socket_of_a_user_gets_every_notification(broker, token):
    other = (await in_thread(login, broker)).tokens.access
    async with socket(bearer=token) as one, socket(bearer=other) as two:
        for ours in (one, two):
            await ours.greeted()
        await in_thread(notify, broker, 2)
        for ours in (one, two):
            assert seqs(await ours.flush()) == [1, 2]


async def test_the_unread_count_is_told_on_request(broker, token):
    await in_thread(notify, broker, 2)
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.send({"type": "get_unread_count"})
        assert await ours.next() == {"type": "unread_count", "count": 2}


async def test_marking_read_is_confirmed_to_every_socket(broker, token):
    await in_thread(notify, broker, 3)
    ids = await in_thread(
        lambda: list(Notification.objects.filter(user=broker).order_by("seq").values_list("pk", flat=True))
    )
    async with socket(bearer=token) as one, socket(bearer=token) as two:
        for ours in (one, two):
            await ours.greeted()
        await one.send({"type": "mark_read", "ids": ids[:2]})
        assert await one.flush() == []
        await in_thread(dispatch_pending)
        for ours in (one, two):
            assert await ours.flush() == [
                {"type": "notification_read", "ids": ids[:2]},
                {"type": "unread_count", "count": 1},
            ]
    assert await in_thread(Notification.objects.filter(user=broker, read_at=None).count) == 1


async def test_marking_another_users_notification_changes_nothing(world, broker, token):
    stranger = world.theirs.broker_user
    await in_thread(notify, stranger)
    pk = await in_thread(lambda: Notification.objects.get(user=stranger).pk)
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.send({"type": "mark_read", "ids": [pk]})
        assert await ours.flush() == []
    assert await in_thread(lambda: Notification.objects.get(pk=pk).read_at) is None


@pytest.mark.parametrize("ids", [None, 3, "3", ["3"], [0], [-1], [2**63], [1.5], [True], [None]])
async def test_marking_with_bad_ids_is_answered_with_an_error(token, ids):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.send({"type": "mark_read", "ids": ids})
        answer = await ours.next()
        assert (answer["type"], answer["code"]) == ("error", "invalid")
        assert answer["detail"].startswith("mark_read: ids")


async def test_marking_read_over_rest_reaches_the_socket(broker, token):
    await in_thread(notify, broker)
    client = await in_thread(login, broker)
    async with socket(bearer=token) as ours:
        await ours.greeted()
        pk = await in_thread(lambda: Notification.objects.get(user=broker).pk)
        assert (await in_thread(client.post, "/api/users/notifications/mark-read/", {})).json() == {
            "marked": 1,
            "unread_count": 0,
        }
        await in_thread(dispatch_pending)
        assert await ours.next() == {"type": "notification_read", "ids": [pk]}
        assert await ours.next() == {"type": "unread_count", "count": 0}


async def test_deleting_an_unread_notification_moves_the_count(broker, token):
    await in_thread(notify, broker, 2)
    client = await in_thread(login, broker)
    pk = await in_thread(lambda: Notification.objects.get(user=broker, seq=1).pk)
    async with socket(bearer=token) as ours:
        await ours.greeted()
        assert (await in_thread(client.delete, f"/api/users/notifications/{pk}/")).status_code == 204
        await in_thread(dispatch_pending)
        assert await ours.flush() == [{"type": "unread_count", "count": 1}]


# --- nothing missing, nothing twice ---------------------------------------------------------------


async def test_resume_sends_exactly_what_was_missed(broker, token):
    await in_thread(notify, broker, 5)
    async with socket(bearer=token) as ours:
        assert (await ours.greeted())["last_seq"] == 5
        await ours.send({"type": "resume", "last_seq": 2})
        messages = await ours.flush()
        assert seqs(messages) == [3, 4, 5]
        assert messages[-1] == {"type": "unread_count", "count": 5}
        stored = await in_thread(lambda: Notification.objects.get(user=broker, seq=3).pk)
        assert messages[0]["notification"]["id"] == stored


async def test_resume_from_zero_sends_everything_in_batches(broker, token, monkeypatch):
    monkeypatch.setattr("notifications.consumers.REPLAY_BATCH", 3)
    await in_thread(notify, broker, 10)
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.send({"type": "resume", "last_seq": 0})
        assert seqs(await ours.flush()) == list(range(1, 11))


@pytest.mark.parametrize("last_seq", [4, 9])
async def test_resume_with_nothing_missed_sends_nothing(broker, token, last_seq):
    await in_thread(notify, broker, 4)
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.send({"type": "resume", "last_seq": last_seq})
        assert await ours.flush() == [{"type": "unread_count", "count": 4}]


async def test_live_messages_before_the_resume_are_not_sent_twice(broker, token):
    await in_thread(notify, broker, 3)
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await in_thread(notify, broker, 2)
        assert seqs(await ours.flush()) == [4, 5]
        await ours.send({"type": "resume", "last_seq": 1})
        assert seqs(await ours.flush()) == [2, 3]
        await in_thread(notify, broker)
        assert seqs(await ours.flush()) == [6]


async def test_a_repeated_resume_sends_nothing_again_but_what_is_older(broker, token):
    await in_thread(notify, broker, 4)
    async with socket(bearer=token) as ours:
        await ours.greeted()
        for last_seq, expected in ((2, [3, 4]), (2, []), (3, []), (0, [1, 2])):
            await ours.send({"type": "resume", "last_seq": last_seq})
            assert seqs(await ours.flush()) == expected


async def test_a_lost_push_is_made_up_for_at_the_heartbeat(broker, token):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await in_thread(lose_pushes, broker, 2)
        assert await ours.flush() == []
        await ours.send({"type": "heartbeat"})
        messages = await ours.flush()
        assert messages[0] == {"type": "heartbeat_response"}
        assert seqs(messages) == [1, 2]
        await ours.send({"type": "heartbeat"})
        assert await ours.flush() == [{"type": "heartbeat_response"}]


async def test_a_lost_push_is_made_up_for_before_the_next_one(broker, token):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await in_thread(lose_pushes, broker, 2)
        await in_thread(notify, broker)
        assert seqs(await ours.flush()) == [1, 2, 3]


async def test_a_repeated_delivery_is_not_sent_twice(broker, token):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await in_thread(notify, broker, 3)
        await in_thread(deliver_again, broker)
        assert seqs(await ours.flush()) == [1, 2, 3]


async def test_a_deleted_notification_leaves_a_gap_that_holds_nothing_up(broker, token):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await in_thread(lose_pushes, broker, 2)
        await in_thread(Notification.objects.filter(user=broker, seq=1).delete)
        await in_thread(notify, broker)
        assert seqs(await ours.flush()) == [2, 3]


@pytest.mark.parametrize("last_seq", [None, -1, "3", 1.5, True, 2**63])
async def test_resume_with_a_bad_number_is_answered_with_an_error(token, last_seq):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.send({"type": "resume", "last_seq": last_seq})
        answer = await ours.next()
        assert (answer["type"], answer["code"]) == ("error", "invalid")
        assert answer["detail"].startswith("resume: last_seq: ")


# --- manners --------------------------------------------------------------------------------------


async def test_a_heartbeat_is_answered(token):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.send({"type": "heartbeat"})
        assert await ours.next() == {"type": "heartbeat_response"}


async def test_a_silent_socket_is_closed(token, monkeypatch):
    monkeypatch.setattr(users.websocket, "HEARTBEAT_DEADLINE", 2.0)
    async with socket(bearer=token) as ours:
        await ours.greeted()
        assert await ours.closed() == 4408


async def test_heartbeats_keep_a_socket_open(token, monkeypatch):
    monkeypatch.setattr(users.websocket, "HEARTBEAT_DEADLINE", 2.0)
    async with socket(bearer=token) as ours:
        await ours.greeted()
        started = time.monotonic()
        while time.monotonic() - started < 3.0:
            await ours.send({"type": "heartbeat"})
            assert await ours.next() == {"type": "heartbeat_response"}
            assert await ours.communicator.receive_nothing(timeout=0.2)
        assert await ours.closed() == 4408


async def test_a_flood_is_closed(token):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        for _ in range(users.websocket.MESSAGES_PER_WINDOW):
            await ours.send({"type": "heartbeat"})
            assert await ours.next() == {"type": "heartbeat_response"}
        await ours.send({"type": "heartbeat"})
        assert await ours.closed() == 4429


@pytest.mark.parametrize("text", ["{", "not json", '{"type": }', "\x00"])
async def test_what_is_not_json_is_answered_and_the_socket_stays_open(token, text):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.communicator.send_to(text_data=text)
        assert await ours.next() == {"type": "error", "code": "malformed", "detail": "This is not JSON."}
        assert await ours.flush() == []


@pytest.mark.parametrize("text", ["[]", "3", '"heartbeat"', "null"])
async def test_json_that_is_no_object_is_answered_and_the_socket_stays_open(token, text):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.communicator.send_to(text_data=text)
        message = await ours.next()
        assert (message["type"], message["code"]) == ("error", "malformed")
        assert await ours.flush() == []


@pytest.mark.parametrize("given", ["notification.new", "auth.revoked", "ready", "__class__", None, 7, {}])
async def test_an_unknown_type_is_answered_and_the_socket_stays_open(token, given):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.send({"type": given})
        message = await ours.next()
        assert (message["type"], message["code"]) == ("error", "unknown_type")
        assert await ours.flush() == []


async def test_binary_json_is_understood(token):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.communicator.send_to(bytes_data=b'{"type": "heartbeat"}')
        assert await ours.next() == {"type": "heartbeat_response"}


async def test_an_oversize_message_is_answered_and_the_socket_stays_open(token):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.send({"type": "heartbeat", "padding": "x" * users.websocket.MAX_MESSAGE_BYTES})
        message = await ours.next()
        assert (message["type"], message["code"]) == ("error", "too_large")
        assert await ours.flush() == []


# --- the end of a login ---------------------------------------------------------------------------


def short_lived(access, seconds):
    """The same session's token with little time left."""
    token = AccessToken(access)
    token.set_exp(lifetime=timedelta(seconds=seconds))
    return str(token)


async def test_the_socket_ends_with_its_token(token):
    async with socket(bearer=short_lived(token, 2)) as ours:
        await ours.greeted()
        assert await ours.closed() == 4401


async def test_a_renewed_token_keeps_the_socket_open(broker, token):
    async with socket(bearer=short_lived(token, 2)) as ours:
        await ours.greeted()
        await ours.send({"type": "authenticate", "token": token})
        assert await ours.communicator.receive_nothing(timeout=2.5)
        await in_thread(notify, broker)
        assert seqs(await ours.flush()) == [1]


async def test_a_renewal_with_a_bad_token_closes(token):
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.send({"type": "authenticate", "token": "nonsense"})
        assert await ours.closed() == 4401


async def test_a_renewal_with_another_users_token_closes(world, token):
    other = await in_thread(login, world.theirs.broker_user)
    async with socket(bearer=token) as ours:
        await ours.greeted()
        await ours.send({"type": "authenticate", "token": other.tokens.access})
        assert await ours.closed() == 4403


@pytest.mark.parametrize("act", ["suspend", "force-logout"])
async def test_an_administrator_ends_all_sockets_of_a_user_and_no_others(world, broker, token, act):
    admin = await in_thread(login, world.admin)
    other = (await in_thread(login, broker)).tokens.access
    stranger = await in_thread(login, world.theirs.broker_user)
    async with (
        socket(bearer=token) as one,
        socket(bearer=other) as two,
        socket(bearer=stranger.tokens.access) as theirs,
    ):
        for ours in (one, two, theirs):
            await ours.greeted()
        reply = await in_thread(admin.post, f"/api/users/users/{broker.pk}/{act}/")
        assert reply.status_code == 200
        await in_thread(dispatch_pending)
        assert await one.closed() == 4401
        assert await two.closed() == 4401
        assert await theirs.flush() == []


async def test_a_new_role_ends_the_sockets_of_the_old_one(world):
    admin, user = await in_thread(login, world.admin), world.ours.client_user
    async with socket(bearer=(await in_thread(login, user)).tokens.access) as ours:
        await ours.greeted()
        reply = await in_thread(admin.patch, f"/api/users/users/{user.pk}/", {"role": "broker"})
        assert reply.status_code == 200
        await in_thread(dispatch_pending)
        assert await ours.closed() == 4401


async def test_an_edited_account_keeps_its_sockets(world, broker, token):
    admin = await in_thread(login, world.admin)
    async with socket(bearer=token) as ours:
        await ours.greeted()
        reply = await in_thread(admin.patch, f"/api/users/users/{broker.pk}/", {"first_name": "Ursula"})
        assert reply.status_code == 200
        await in_thread(dispatch_pending)
        assert await ours.flush() == []


async def test_a_logout_ends_the_sockets_of_that_session_only(broker, token):
    leaving = await in_thread(login, broker)
    async with socket(bearer=token) as staying, socket(bearer=leaving.tokens.access) as ours:
        for each in (staying, ours):
            await each.greeted()
        assert (await in_thread(leaving.post, "/api/auth/logout/")).status_code == 200
        await in_thread(dispatch_pending)
        assert await ours.closed() == 4401
        assert await staying.flush() == []


async def test_a_logout_everywhere_ends_every_socket(broker, token):
    client = await in_thread(login, broker)
    async with socket(bearer=token) as one, socket(bearer=client.tokens.access) as two:
        for ours in (one, two):
            await ours.greeted()
        assert (await in_thread(client.post, "/api/auth/logout-all/")).status_code == 200
        await in_thread(dispatch_pending)
        assert await one.closed() == 4401
        assert await two.closed() == 4401


async def test_a_password_change_ends_the_old_sockets_but_not_one_opened_after_it(broker, token):
    client = await in_thread(login, broker)
    async with socket(bearer=token) as old:
        await old.greeted()
        reply = await in_thread(
            client.post,
            "/api/auth/password/change/",
            {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
        )
        assert reply.status_code == 200
        async with socket(bearer=reply.json()["access"]) as new:
            await new.greeted()
            await in_thread(dispatch_pending)
            while (output := await old.communicator.receive_output(10))["type"] != "websocket.close":
                pass
            assert output["code"] == 4401
            assert seqs(await new.flush()) == [1], "told that the password was changed"


async def test_a_socket_that_joins_while_its_session_ends_is_closed(broker, token, monkeypatch):
    """Between the check of the token and joining the group, nobody would tell the socket."""
    client = await in_thread(login, broker)

    async def ended_after_the_check(raw, check=users.websocket.login_by):
        found = await check(raw)
        if not seen:
            seen.append(raw)
            assert (await in_thread(client.post, "/api/auth/logout/")).status_code == 200
            await in_thread(dispatch_pending)
        return found

    seen: list[str] = []
    monkeypatch.setattr(users.websocket, "login_by", ended_after_the_check)
    async with socket(bearer=client.tokens.access) as ours:
        assert await ours.closed() == 4401


async def test_a_socket_that_is_gone_leaves_nothing_behind(broker, token):
    ours = await Socket(bearer=token).open()
    await ours.greeted()
    await ours.close()
    await in_thread(notify, broker)
    async with socket(bearer=token) as again:
        assert (await again.greeted())["last_seq"] == 1
    assert await in_thread(NotificationCounter.objects.filter(user=broker).count) == 1


async def test_a_heartbeat_notices_a_login_whose_end_was_never_told(broker):
    client = await in_thread(login, broker)
    async with socket(bearer=client.tokens.access) as ws:
        await ws.greeted()
        await in_thread(Session.objects.update, revoked_at=timezone.now())
        await ws.send({"type": "heartbeat"})
        assert await ws.closed() == 4401


async def test_an_unknown_address_is_refused_without_an_error():
    communicator = WebsocketCommunicator(application, "/ws/nothing/")
    accepted, _ = await communicator.connect()
    assert not accepted


async def test_the_subprotocol_comes_back_as_it_was_offered(broker):
    client = await in_thread(login, broker)
    offered = ["Bearer", client.tokens.access]
    communicator = WebsocketCommunicator(application, "/ws/notifications/", subprotocols=offered)
    assert await communicator.connect() == (True, "Bearer")
    await communicator.disconnect()
