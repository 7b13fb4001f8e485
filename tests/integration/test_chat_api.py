"""Conversations, groups and messages over HTTP."""

import pytest

from events.dispatcher import dispatch_pending
from events.models import Event
from messaging.models import Conversation, Member, Message
from messaging.services.conversations import direct_start
from messaging.services.members import LastOwner, conversation_leave
from notifications.models import Notification
from tests.documents import makers
from tests.factories import BdmFactory, UserFactory
from tests.messaging.chats import chat_about, group_of, write
from tests.threads import together
from tests.writes import nothing_written

CHATS = "/api/chat/conversations/"
GROUPS = "/api/chat/groups/"


@pytest.fixture
def broker(world):
    return world.ours.broker_user


@pytest.fixture
def bd(world):
    return world.ours.bd_user


@pytest.fixture
def chat(db, world, bd):
    """About our application: all of ours are in it, the BDM owns it, two messages are there."""
    return chat_about(world.ours, bd, world.admin)


def refused(reply, status, code, *fields):
    """Status, code and the fields that are named."""
    body = reply.json()
    assert (reply.status_code, body["code"], set(body["errors"])) == (status, code, set(fields)), body


def at(chat, tail=""):
    return f"{CHATS}{chat.pk}/{tail}"


# --- conversations ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_direct_conversation_is_there_once_whoever_begins_it(world, api, broker, bd):
    first = api(broker).post(CHATS, {"kind": "direct", "members": [bd.pk]}, format="json")
    assert first.status_code == 201
    body = first.json()
    assert first["Location"].endswith(f"{CHATS}{body['id']}/")
    assert (body["name"], body["other_user"], body["my_role"]) == (bd.full_name, bd.pk, "member")
    again = api(bd).post(CHATS, {"kind": "direct", "members": [broker.pk]}, format="json")
    assert again.status_code == 200
    assert (again.json()["id"], again.json()["name"]) == (body["id"], broker.full_name)
    assert Conversation.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "direct", "members": []}, "members"),
        ({"kind": "direct", "members": ["bd"], "title": "Us"}, "title"),
        ({"kind": "group", "members": ["bd"]}, "title"),
        ({"kind": "group", "members": ["client"], "title": "All"}, "members"),
        ({"kind": "application", "members": ["bd"]}, "application"),
        ({"kind": "direct", "members": ["bd"], "application": "ours"}, "application"),
        ({"kind": "application", "members": ["bd"], "application": "ours", "is_open": True}, "is_open"),
        ({"kind": "direct", "members": ["self"]}, "members"),
        ({"kind": "direct", "members": ["stranger"]}, "members"),
        ({"kind": "application", "members": [], "application": "theirs"}, "application"),
    ],
)
def test_each_kind_has_what_it_is_made_of(world, api, broker, bd, body, field):
    ids = {
        "bd": bd.pk,
        "client": world.ours.client_user.pk,
        "self": broker.pk,
        "stranger": world.theirs.client_user.pk,
        "ours": world.ours.application.pk,
        "theirs": world.theirs.application.pk,
    }
    sent = {**body, "members": [ids[one] for one in body["members"]]}
    if "application" in sent:
        sent["application"] = ids[sent["application"]]
    client = api(broker)
    with nothing_written():
        refused(client.post(CHATS, sent, format="json"), 400, "invalid", field)


@pytest.mark.django_db
def test_a_client_writes_to_those_on_the_own_application_and_is_in_no_group(world, api, broker, bd):
    client = api(world.ours.client_user)
    found = client.get("/api/chat/contacts/").json()["results"]
    assert {one["id"] for one in found} == {broker.pk, bd.pk}
    sent = {"kind": "group", "title": "Us", "members": [broker.pk]}
    refused(client.post(CHATS, sent, format="json"), 400, "invalid", "kind")
    assert client.post(GROUPS, {"title": "Us"}, format="json").status_code == 403


@pytest.mark.django_db
def test_who_loses_sight_of_the_application_loses_the_conversation(world, api, chat, broker):
    client = api(broker)
    assert client.get(at(chat)).status_code == 200
    world.ours.application.broker = world.theirs.broker
    world.ours.application.save()
    assert client.get(at(chat)).status_code == 404
    assert client.get(at(chat, "messages/")).status_code == 404
    assert client.get("/api/chat/search/?search=valuer").json()["count"] == 0
    assert client.post(at(chat, "messages/"), {"body": "Still here?"}, format="json").status_code == 404
    assert client.get("/api/chat/status/").json() == {"unread_count": 0, "conversations": []}


@pytest.mark.django_db
def test_only_who_is_in_it_sees_a_conversation_not_even_an_administrator(world, api, broker, bd):
    made = api(broker).post(CHATS, {"kind": "direct", "members": [bd.pk]}, format="json").json()
    assert api(world.admin).get(f"{CHATS}{made['id']}/").status_code == 404
    assert api(world.admin).get(CHATS).json()["count"] == 0


@pytest.mark.django_db
def test_deleting_a_conversation_takes_everything_with_it(api, chat, bd, broker):
    assert api(broker).delete(at(chat)).status_code == 403
    assert api(bd).delete(at(chat)).status_code == 204
    assert (Message.objects.count(), Member.objects.count()) == (0, 0)
    assert Event.objects.latest("pk").data == {"messages": 2}


# --- messages -----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_message_is_told_to_all_others_who_did_not_mute_it(world, api, chat, broker, bd):
    assert api(bd).post(at(chat, "mute/"), {"is_muted": True}, format="json").json()["is_muted"] is True
    dispatch_pending()
    Notification.objects.all().delete()
    reply = api(broker).post(at(chat, "messages/"), {"body": " On Tuesday? "}, format="json")
    assert reply.status_code == 201
    body = reply.json()
    assert (body["number"], body["body"], body["author"]["id"]) == (3, "On Tuesday?", broker.pk)
    dispatch_pending()
    told = Notification.objects.all()
    assert {one.user_id for one in told} == {world.admin.pk, world.ours.client_user.pk}
    assert {one.notification_type for one in told} == {"message"}
    # What is written stays where it is written.
    assert [one for one in told if "Tuesday" in one.title + one.body] == []
    assert "Tuesday" not in str(Event.objects.filter(type="message.sent").values_list("data", flat=True))


@pytest.mark.django_db
def test_unread_counts_follow_reading_and_writing(api, chat, broker, bd):
    client = api(broker)
    mine = client.get(at(chat)).json()
    # The broker did not write, so both are unread.
    assert (mine["unread_count"], mine["last_number"]) == (2, 2)
    status = client.get("/api/chat/status/").json()
    assert status == {"unread_count": 2, "conversations": [{"conversation": chat.pk, "unread_count": 2}]}
    assert client.post(at(chat, "read/"), {"number": 1}, format="json").json()["unread_count"] == 1
    # It never goes back, and never beyond what there is.
    assert client.post(at(chat, "read/"), {"number": 0}, format="json").json()["unread_count"] == 1
    assert client.post(at(chat, "read/"), {"number": 99}, format="json").json()["last_read_number"] == 2
    assert api(bd).post(at(chat, "messages/"), {"body": "Hm."}, format="json").status_code == 201
    assert client.get(at(chat)).json()["unread_count"] == 1
    # Who writes has read what was there.
    assert client.post(at(chat, "messages/"), {"body": "Yes."}, format="json").status_code == 201
    assert client.get(at(chat)).json()["unread_count"] == 0
    receipts = {
        one["user"]["id"]: one["last_read_number"]
        for one in client.get(at(chat, "members/")).json()["results"]
    }
    assert (receipts[broker.pk], receipts[bd.pk]) == (4, 3)


@pytest.mark.django_db
def test_a_message_with_a_client_id_is_sent_once(api, chat, broker, bd):
    client = api(broker)
    first = client.post(at(chat, "messages/"), {"body": "Once", "client_id": "a-1"}, format="json")
    again = client.post(at(chat, "messages/"), {"body": "Twice", "client_id": "a-1"}, format="json")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    # Of somebody else it is another message.
    other = api(bd).post(at(chat, "messages/"), {"body": "Mine", "client_id": "a-1"}, format="json")
    assert (other.status_code, other.json()["number"]) == (201, 4)


@pytest.mark.django_db
def test_editing_and_deleting_leave_the_place_and_number_the_change(api, chat, broker, bd):
    client = api(broker)
    made = client.post(at(chat, "messages/"), {"body": "Tusday"}, format="json").json()
    path = at(chat, f"messages/{made['id']}/")
    edited = client.patch(path, {"body": "Tuesday"}, format="json").json()
    assert (edited["body"], edited["number"], edited["change"]) == ("Tuesday", 3, 4)
    assert edited["edited_at"] is not None
    missed = client.get(at(chat, "messages/?changed_after=3")).json()["results"]
    assert [one["body"] for one in missed] == ["Tuesday"]
    refused(api(bd).patch(path, {"body": "Friday"}, format="json"), 403, "permission_denied")
    # Who runs the conversation may delete what others wrote.
    assert api(bd).delete(path).status_code == 204
    left = client.get(path).json()
    assert (left["body"], left["number"], left["change"]) == ("", 3, 5)
    assert left["deleted_at"] is not None
    refused(client.patch(path, {"body": "Back"}, format="json"), 409, "conflict")
    assert client.get("/api/chat/search/?search=tuesday").json()["count"] == 0


@pytest.mark.django_db
def test_a_reply_is_to_a_message_of_the_same_conversation(world, api, chat, broker, bd):
    group = group_of(world.ours, bd, world.admin)
    elsewhere = group.messages.get()
    client = api(broker)
    sent = {"body": "Yes", "reply_to": elsewhere.pk}
    with nothing_written():
        refused(client.post(at(chat, "messages/"), sent, format="json"), 400, "invalid", "reply_to")
    first = chat.messages.earliest("number")
    sent = {"body": "Yes", "reply_to": first.pk}
    assert client.post(at(chat, "messages/"), sent, format="json").json()["reply_to"] == first.pk


@pytest.mark.django_db
def test_attachments_are_documents_that_the_sender_sees(world, api, chat, broker):
    ours = makers.document_of(world.ours.application, broker)
    theirs = makers.document_of(world.theirs.application, world.theirs.broker_user)
    client = api(broker)
    with nothing_written():
        sent = {"attachments": [theirs.pk]}
        refused(client.post(at(chat, "messages/"), sent, format="json"), 400, "invalid", "attachments")
        refused(client.post(at(chat, "messages/"), {}, format="json"), 400, "invalid", "body")
    body = client.post(at(chat, "messages/"), {"attachments": [ours.pk]}, format="json").json()
    assert body["attachments"] == [{"document": ours.pk}]
    # Who reads the message needs the document's own permission: this one is not shown to the client.
    reader = api(world.ours.client_user)
    assert reader.get(at(chat, f"messages/{body['id']}/")).json()["attachments"] == [{"document": ours.pk}]
    assert reader.get(f"/api/documents/documents/{ours.pk}/download/").status_code == 404


@pytest.mark.django_db
def test_search_is_over_ones_own_conversations(world, api, chat, broker):
    other = chat_about(world.theirs, world.theirs.bd_user)
    write(other, world.theirs.bd_user, "The valuer of the others")
    found = api(broker).get("/api/chat/search/?search=VALUER").json()
    assert [one["conversation"] for one in found["results"]] == [chat.pk]
    assert api(broker).get(f"/api/chat/search/?conversation={other.pk}").json()["count"] == 0


# --- members ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_members_come_and_go(world, api, chat, broker, bd):
    newcomer = BdmFactory.create(branch=world.ours.branch).user
    added = api(bd).post(at(chat, "members/"), {"user": newcomer.pk}, format="json")
    assert added.status_code == 201
    # What was written before is no news to them, and theirs to read.
    client = api(newcomer)
    assert client.get(at(chat)).json()["unread_count"] == 0
    assert client.get(at(chat, "messages/")).json()["count"] == 2
    dispatch_pending()
    told = Notification.objects.filter(user=newcomer).latest("pk")
    assert told.title == "You were added to a conversation"
    member = at(chat, f"members/{added.json()['id']}/")
    assert api(broker).delete(member).status_code == 403
    assert api(bd).delete(member).status_code == 204
    assert client.get(at(chat)).status_code == 404


@pytest.mark.django_db
def test_about_an_application_only_those_are_added_who_see_it(world, api, chat, bd):
    outsider = UserFactory.create(role="admin")
    theirs = world.theirs.bd_user
    client = api(bd)
    with nothing_written():
        reply = client.post(at(chat, "members/"), {"user": theirs.pk}, format="json")
        refused(reply, 400, "invalid", "members")
    assert client.post(at(chat, "members/"), {"user": outsider.pk}, format="json").status_code == 201


@pytest.mark.django_db
def test_somebody_always_owns_a_conversation(api, chat, bd, broker):
    client = api(bd)
    rows = client.get(at(chat, "members/")).json()["results"]
    ids = {one["user"]["id"]: one["id"] for one in rows}
    own, brokers = at(chat, f"members/{ids[bd.pk]}/"), at(chat, f"members/{ids[broker.pk]}/")
    with nothing_written():
        refused(client.delete(own), 409, "last_owner")
        refused(client.patch(own, {"role": "member"}, format="json"), 409, "last_owner")
    assert client.patch(brokers, {"role": "owner"}, format="json").json()["role"] == "owner"
    assert client.delete(own).status_code == 204
    assert api(broker).get(at(chat)).json()["my_role"] == "owner"


@pytest.mark.django_db
def test_an_administrator_of_a_conversation_removes_members_but_no_owner(world, api, chat, bd, broker):
    Member.objects.filter(conversation=chat, user=broker).update(role="admin")
    client = api(broker)
    rows = client.get(at(chat, "members/")).json()["results"]
    ids = {one["user"]["id"]: one["id"] for one in rows}
    assert client.delete(at(chat, f"members/{ids[bd.pk]}/")).status_code == 403
    assert client.delete(at(chat, f"members/{ids[world.admin.pk]}/")).status_code == 204


@pytest.mark.django_db
def test_nobody_is_made_an_owner_by_being_added(world, api, chat, broker):
    Member.objects.filter(conversation=chat, user=broker).update(role="admin")
    newcomer = BdmFactory.create(branch=world.ours.branch).user
    client = api(broker)
    with nothing_written():
        sent = {"user": newcomer.pk, "role": "owner"}
        refused(client.post(at(chat, "members/"), sent, format="json"), 400, "invalid", "role")
    added = client.post(at(chat, "members/"), {"user": newcomer.pk}, format="json").json()
    assert added["role"] == "member"
    member = at(chat, f"members/{added['id']}/")
    assert client.patch(member, {"role": "owner"}, format="json").status_code == 403


@pytest.mark.django_db
def test_who_polls_a_conversation_sees_what_is_new(api, chat, broker, bd):
    client = api(broker)
    tag = client.get(at(chat))["ETag"]
    assert client.get(at(chat), headers={"If-None-Match": tag}).status_code == 304
    write(chat, bd, "News")
    fresh = client.get(at(chat), headers={"If-None-Match": tag})
    assert (fresh.status_code, fresh.json()["unread_count"]) == (200, 3)


@pytest.mark.django_db
def test_the_two_of_a_direct_conversation_stay(world, api, broker, bd):
    made = api(broker).post(CHATS, {"kind": "direct", "members": [bd.pk]}, format="json").json()
    chat = Conversation.objects.get(pk=made["id"])
    rows = api(broker).get(at(chat, "members/")).json()["results"]
    mine = next(one["id"] for one in rows if one["user"]["id"] == broker.pk)
    refused(api(broker).delete(at(chat, f"members/{mine}/")), 409, "conflict")


@pytest.mark.django_db
def test_open_groups_are_found_and_joined_by_staff(world, api, broker, bd):
    made = api(bd).post(GROUPS, {"title": "Rates", "is_open": True}, format="json").json()
    path = f"{GROUPS}{made['id']}/"
    other = api(world.theirs.bd_user)
    found = other.get(path).json()
    assert (found["my_role"], found["unread_count"]) == (None, None)
    assert "last_message" not in found
    assert other.get(f"{path}members/").json()["count"] == 0
    assert other.get(f"{CHATS}{made['id']}/messages/").status_code == 404
    assert other.post(f"{path}join/").json()["my_role"] == "member"
    assert other.get(f"{path}members/").json()["count"] == 2
    assert other.post(f"{path}leave/").status_code == 204
    assert api(broker).get(path).status_code == 404
    assert api(bd).patch(path, {"is_open": False}, format="json").status_code == 200
    assert other.get(path).status_code == 404


@pytest.mark.django_db
def test_a_closed_group_is_not_joined(world, api, bd):
    group = group_of(world.ours, bd, world.admin)
    assert api(world.theirs.bd_user).post(f"{GROUPS}{group.pk}/join/").status_code == 404


# --- at once ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_numbers_have_no_gaps_whoever_writes_together(world):
    bd, broker = world.ours.bd_user, world.ours.broker_user
    chat = chat_about(world.ours, bd, world.admin)
    together(*[lambda who=who, n=n: write(chat, who, f"{n}") for n in range(10) for who in (bd, broker)])
    rows = Message.objects.filter(conversation=chat).order_by("number")
    assert [one.number for one in rows] == list(range(1, 23))
    assert sorted(one.change for one in rows) == list(range(1, 23))
    chat.refresh_from_db()
    assert (chat.last_number, chat.last_change) == (22, 22)


@pytest.mark.django_db(transaction=True)
def test_a_message_sent_many_times_at_once_is_one(world):
    broker = world.ours.broker_user
    chat = chat_about(world.ours, world.ours.bd_user, world.admin)
    together(*[lambda: write(chat, broker, "Hello", client_id="a-1")] * 20)
    assert Message.objects.filter(client_id="a-1").count() == 1
    assert Event.objects.filter(type="message.sent", actor=broker).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_begin_at_once_have_one_conversation(world):
    bd, broker = world.ours.bd_user, world.ours.broker_user
    together(
        *[lambda: direct_start(actor=bd, other=broker), lambda: direct_start(actor=broker, other=bd)] * 5
    )
    assert Conversation.objects.filter(kind="direct").count() == 1
    assert Member.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_leave_at_once_leave_one_owner(world):
    bd, admin = world.ours.bd_user, world.admin
    group = group_of(world.ours, bd, admin)
    Member.objects.filter(conversation=group, user=world.ours.broker_user).delete()

    def leave(user):
        try:
            conversation_leave(conversation=group, user=user)
        except LastOwner:
            return "kept"
        return "left"

    assert sorted(together(lambda: leave(bd), lambda: leave(admin))) == ["kept", "left"]
    assert Member.objects.filter(conversation=group, role="owner").count() == 1
