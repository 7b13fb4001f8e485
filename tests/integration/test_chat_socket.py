"""The chat socket through the whole ASGI application, with a real channel layer."""

import pytest
from channels.layers import get_channel_layer

from brokers.models import Bdm
from events.dispatcher import dispatch_pending
from events.models import Event
from messaging.live import conversation_group
from messaging.models import Member, Message
from messaging.services.members import member_remove
from messaging.services.messages import message_delete, message_edit
from tests.clients import ApiClient
from tests.documents import makers
from tests.messaging.chats import chat_about, write
from tests.sockets import socket
from tests.threads import in_thread

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]


@pytest.fixture
def chat(world):
    return chat_about(world.ours, world.ours.bd_user, world.admin)


def token(user):
    return ApiClient(user).tokens.access


def path(chat):
    return f"/ws/chat/{chat.pk}/"


async def dispatch():
    await in_thread(dispatch_pending)


async def said(opened, kind):
    """The next message, which is of this kind."""
    message = await opened.next()
    assert message["type"] == kind, message
    return message


async def greeted(opened):
    return await said(opened, "connected")


async def test_a_member_is_greeted_with_where_the_conversation_is(world, chat):
    async with socket(path(chat), bearer=await in_thread(token, world.ours.broker_user)) as opened:
        assert await greeted(opened) == {
            "type": "connected",
            "conversation": chat.pk,
            "last_number": 2,
            "last_change": 2,
            "last_read_number": 0,
        }


@pytest.mark.parametrize("who", ["stranger", "former"])
async def test_others_are_turned_away(world, chat, who):
    user = world.theirs.broker_user if who == "stranger" else world.ours.broker_user
    await in_thread(Member.objects.filter(conversation=chat, user=user).delete)
    async with socket(path(chat), bearer=await in_thread(token, user)) as opened:
        assert await opened.closed() == 4403


async def test_what_one_sends_all_see_in_order_and_once(world, chat):
    tokens = [await in_thread(token, user) for user in (world.ours.broker_user, world.ours.bd_user)]
    async with socket(path(chat), bearer=tokens[0]) as ours, socket(path(chat), bearer=tokens[1]) as other:
        for opened in (ours, other):
            await greeted(opened)
        for n in range(3):
            await ours.send({"type": "message.send", "body": f" {n} ", "client_id": f"c-{n}"})
        # The same one again, as a client does that was not sure.
        await ours.send({"type": "message.send", "body": "2", "client_id": "c-2"})
        await ours.send({"type": "heartbeat"})
        seen = []
        while (message := await ours.next())["type"] != "heartbeat_response":
            seen.append(message)
        await dispatch()
        for opened in (ours, other):
            taken = seen if opened is ours else []
            while len(taken) < 3:
                taken.append(await said(opened, "message"))
            assert [(one["change"], one["message"]["body"]) for one in taken] == [
                (3, "0"),
                (4, "1"),
                (5, "2"),
            ]
            assert [one["message"]["client_id"] for one in taken] == ["c-0", "c-1", "c-2"]
    assert await in_thread(Message.objects.filter(conversation=chat).count) == 5


async def test_edits_and_deletions_take_the_place_of_what_was_there(world, chat):
    broker = world.ours.broker_user
    made = await in_thread(write, chat, broker, "Tusday")
    async with socket(path(chat), bearer=await in_thread(token, broker)) as opened:
        await greeted(opened)
        await opened.send({"type": "message.edit", "id": made.pk, "body": "Tuesday"})
        await opened.send({"type": "heartbeat"})
        first = await opened.next()
        if first["type"] == "heartbeat_response":
            await dispatch()
            first = await said(opened, "message")
        assert (first["change"], first["message"]["id"], first["message"]["body"]) == (4, made.pk, "Tuesday")


async def test_resume_gives_what_was_missed_as_it_is_now(world, chat):
    broker, bd = world.ours.broker_user, world.ours.bd_user

    def meanwhile():
        first = write(chat, bd, "One")
        second = write(chat, bd, "Two")
        first.refresh_from_db()
        message_edit(message=first, actor=bd, body="One and a half")
        second.refresh_from_db()
        message_delete(message=second, actor=bd)
        dispatch_pending()

    await in_thread(meanwhile)
    async with socket(path(chat), bearer=await in_thread(token, broker)) as opened:
        assert (await greeted(opened))["last_change"] == 6
        await opened.send({"type": "resume", "last_change": 2})
        found = [await said(opened, "message") for _ in range(2)]
        assert [(one["change"], one["message"]["number"]) for one in found] == [(5, 3), (6, 4)]
        assert [one["message"]["body"] for one in found] == ["One and a half", ""]
        # Asked again, it has been sent already.
        await opened.send({"type": "resume", "last_change": 4})
        await opened.send({"type": "heartbeat"})
        await said(opened, "heartbeat_response")


async def test_a_lost_push_is_made_good_by_the_next_and_a_repeat_is_dropped(world, chat, monkeypatch):
    broker, bd = world.ours.broker_user, world.ours.bd_user
    async with socket(path(chat), bearer=await in_thread(token, broker)) as opened:
        await greeted(opened)

        def nothing(pushes):
            return None

        with monkeypatch.context() as patch:
            patch.setattr("messaging.projections._send_all", nothing)
            await in_thread(write, chat, bd, "Lost")
            await dispatch()
        await in_thread(write, chat, bd, "Found")
        await dispatch()
        found = [await said(opened, "message") for _ in range(2)]
        assert [one["message"]["body"] for one in found] == ["Lost", "Found"]
        await in_thread(Event.objects.filter(type="message.sent").update, dispatched_at=None)
        await dispatch()
        await opened.send({"type": "heartbeat"})
        await said(opened, "heartbeat_response")


async def test_typing_and_reading_are_told_to_the_others(world, chat):
    broker, bd = world.ours.broker_user, world.ours.bd_user
    tokens = [await in_thread(token, user) for user in (broker, bd)]
    async with socket(path(chat), bearer=tokens[0]) as ours, socket(path(chat), bearer=tokens[1]) as other:
        for opened in (ours, other):
            await greeted(opened)
        await ours.send({"type": "typing"})
        assert (await said(other, "typing"))["user"] == {"id": broker.pk, "name": broker.full_name}
        await ours.send({"type": "read", "number": 1})
        await ours.send({"type": "heartbeat"})
        await said(ours, "heartbeat_response")
        await dispatch()
        assert await said(other, "read") == {"type": "read", "user_id": broker.pk, "number": 1}
    assert await in_thread(Event.objects.filter(type__contains="typing").count) == 0


async def test_who_is_taken_out_is_closed_at_once(world, chat):
    broker, bd = world.ours.broker_user, world.ours.bd_user
    tokens = [await in_thread(token, user) for user in (broker, bd)]
    async with socket(path(chat), bearer=tokens[0]) as ours, socket(path(chat), bearer=tokens[1]) as other:
        for opened in (ours, other):
            await greeted(opened)

        def take_out():
            member_remove(member=chat.members.get(user=broker), actor=bd)
            dispatch_pending()

        await in_thread(take_out)
        assert await ours.closed() == 4403
        await other.send({"type": "heartbeat"})
        await said(other, "heartbeat_response")


@pytest.mark.parametrize("way", ["removed", "branch"])
async def test_who_may_read_no_more_is_sent_nothing_even_before_being_closed(world, chat, way):
    """What takes somebody out and what is written next may be told in one go, or by others first."""
    gone, bd = world.ours.bd_user, world.admin
    async with socket(path(chat), bearer=await in_thread(token, gone)) as opened:
        await greeted(opened)

        def take_out_and_write():
            if way == "removed":
                Member.objects.filter(conversation=chat, user=gone).delete()
            else:  # nobody is told of this, and it ends what they see all the same
                Bdm.objects.filter(user=gone).update(branch=world.theirs.branch)
                world.ours.application.bd = None
                world.ours.application.save()
            write(chat, bd, "Not for everybody")
            dispatch_pending()

        await in_thread(take_out_and_write)
        assert await opened.closed() == 4403


async def test_who_loses_sight_of_the_application_is_closed(world, chat):
    broker, bd = world.ours.broker_user, world.admin
    async with socket(path(chat), bearer=await in_thread(token, broker)) as opened:
        await greeted(opened)

        def reassign():
            body = {"broker": world.theirs.broker.pk}
            reply = ApiClient(bd).post(
                f"/api/applications/{world.ours.application.pk}/assign/", body, format="json"
            )
            assert reply.status_code == 200
            dispatch_pending()

        await in_thread(reassign)
        assert await opened.closed() == 4403


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "message.send", "body": ""}, "invalid"),
        ({"type": "message.send", "body": "x" * 10_001}, "invalid"),
        ({"type": "message.send", "body": "\0"}, "invalid"),
        ({"type": "message.send", "body": "x", "reply_to": 1}, "invalid"),
        ({"type": "message.send", "body": "x", "attachments": ["theirs"]}, "invalid"),
        ({"type": "message.edit", "id": "theirs", "body": "Mine now"}, "permission_denied"),
        ({"type": "message.delete", "id": "theirs"}, "permission_denied"),
        ({"type": "message.delete", "id": 2**62}, "invalid"),
        ({"type": "read", "number": -1}, "invalid"),
        ({"type": "read", "number": "all"}, "invalid"),
        ({"type": "resume"}, "invalid"),
        ({"type": "message.shout"}, "unknown_type"),
    ],
)
async def test_what_cannot_be_done_is_said_and_the_socket_stays_open(world, chat, message, code):
    def prepare():
        document = makers.document_of(world.theirs.application, world.theirs.broker_user)
        theirs = {
            "attachments": [document.pk],
            "id": chat.messages.filter(author=world.ours.bd_user).first().pk,
        }
        filled = {
            key: theirs[key] if value in ("theirs", ["theirs"]) else value for key, value in message.items()
        }
        return filled, token(world.ours.broker_user), Message.objects.count()

    filled, bearer, before = await in_thread(prepare)
    async with socket(path(chat), bearer=bearer) as opened:
        await greeted(opened)
        await opened.send(filled)
        assert (await said(opened, "error"))["code"] == code
        await opened.send({"type": "heartbeat"})
        await said(opened, "heartbeat_response")
    assert await in_thread(Message.objects.count) == before


async def test_a_socket_leaves_the_group_when_it_goes(world, chat):
    groups = get_channel_layer()._get_layer().groups
    name = conversation_group(chat.pk)
    async with socket(path(chat), bearer=await in_thread(token, world.ours.broker_user)) as opened:
        await greeted(opened)
        assert [group for group in groups if group.endswith(name)] != []
    assert [group for group in groups if group.endswith(name)] == []


async def test_what_is_told_to_other_sockets_of_the_user_does_no_harm(world, chat):
    broker = world.ours.broker_user
    async with socket(path(chat), bearer=await in_thread(token, broker)) as opened:
        await greeted(opened)
        await in_thread(write, chat, world.ours.bd_user, "You are notified of this")
        await dispatch()
        assert (await said(opened, "message"))["message"]["body"] == "You are notified of this"
        await opened.send({"type": "heartbeat"})
        await said(opened, "heartbeat_response")
