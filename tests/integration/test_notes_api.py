"""Notes for somebody to act on: assignment, reminders, visibility, comments, search."""

from datetime import timedelta

import pytest

from documents.models import Note, NoteComment
from documents.services.notes import notes_remind
from events.models import Event
from notifications.models import Notification
from servicing.dates import business_date
from tests.factories import ApplicationFactory, BrokerFactory, NoteFactory
from tests.writes import nothing_written

NOTES = "/api/documents/notes/"


def write(client, of, **fields):
    return client.post(NOTES, {"application": of.pk, "text": "Call the valuer.", **fields})


def told(user):
    rows = Notification.objects.filter(user=user).order_by("seq")
    return list(rows.values_list("event__type", flat=True))


def test_a_note_is_assigned_and_both_are_reminded_once(world, api, dispatch):
    today = business_date()
    reply = write(
        api(world.ours.bd_user),
        world.ours.application,
        assigned_to=world.ours.broker_user.pk,
        visibility="broker",
        remind_date=(today + timedelta(days=2)).isoformat(),
    )
    assert reply.status_code == 201, reply.content
    assert reply.json()["assigned_to"] == {
        "id": world.ours.broker_user.pk,
        "name": world.ours.broker_user.full_name,
    }
    assert reply.json()["comments"] == []
    assert notes_remind(today + timedelta(days=1)) == 0
    assert notes_remind(today + timedelta(days=2)) == 1
    assert notes_remind(today + timedelta(days=2)) == 0
    assert notes_remind(today + timedelta(days=3)) == 0
    dispatch()
    assert told(world.ours.broker_user) == ["note.added_for_broker", "note.assigned", "note.reminder_due"]
    assert told(world.ours.bd_user) == ["note.reminder_due"]
    assert told(world.ours.client_user) == []


def test_a_reminder_that_was_missed_is_made_up(world):
    today = business_date()
    for days in (30, 7, 1):
        NoteFactory.create(
            application=world.ours.application,
            author=world.ours.bd_user,
            remind_date=today - timedelta(days=days),
        )
    assert notes_remind(today) == 3
    assert Note.objects.exclude(remind_date=None).filter(reminded_at=None).count() == 0


def test_a_reminder_that_is_moved_comes_again(world, api):
    today, client = business_date(), api(world.ours.bd_user)
    made = write(client, world.ours.application, remind_date=today.isoformat()).json()
    assert notes_remind(today) == 1
    later = (today + timedelta(days=5)).isoformat()
    reply = client.patch(f"{NOTES}{made['id']}/", {"remind_date": later})
    assert (reply.json()["remind_date"], reply.json()["reminded_at"]) == (later, None)
    assert notes_remind(today) == 0
    assert notes_remind(today + timedelta(days=5)) == 1
    client.patch(f"{NOTES}{made['id']}/", {"remind_date": None})
    assert Note.objects.get(pk=made["id"]).reminded_at is None


def test_who_does_not_see_a_note_any_more_is_not_reminded_of_it(world):
    note = NoteFactory.create(
        application=world.ours.application,
        author=world.ours.bd_user,
        assigned_to=world.ours.broker_user,
        visibility="broker",
        remind_date=business_date(),
    )
    note.application.broker = BrokerFactory.create()
    note.application.save()
    notes_remind(business_date())
    assert Event.objects.get(type="note.reminder_due").recipients == [world.ours.bd_user.pk]


@pytest.mark.parametrize("visibility", ["internal", "broker", "client"])
def test_a_note_reaches_as_far_as_it_says(world, api, visibility):
    made = write(api(world.ours.bd_user), world.ours.application, visibility=visibility).json()
    readers = {"internal": "ad", "broker": "adb", "client": "adbc"}[visibility]
    for letter, role in {"a": "admin", "d": "bd", "b": "broker", "c": "client"}.items():
        client = api(world.user(role))
        status = 200 if letter in readers else 404
        assert client.get(f"{NOTES}{made['id']}/").status_code == status
        assert client.get(f"{NOTES}{made['id']}/comments/").status_code == status
        listed = client.get(NOTES, {"application": world.ours.application.pk}).json()["results"]
        assert (made["id"] in [one["id"] for one in listed]) is (letter in readers)


@pytest.mark.parametrize(
    ("whose", "visibility", "status"),
    [
        ("broker_user", "broker", 201),
        ("broker_user", "internal", 400),
        ("client_user", "client", 201),
        ("client_user", "broker", 400),
        ("bd_user", "internal", 201),
    ],
)
def test_a_note_is_assigned_to_those_who_see_it(world, api, whose, visibility, status):
    assignee = getattr(world.ours, whose)
    client = api(world.ours.bd_user)
    reply = write(client, world.ours.application, assigned_to=assignee.pk, visibility=visibility)
    assert reply.status_code == status, reply.content
    if status == 400:
        assert reply.json()["errors"] == {"assigned_to": ["This person does not see the note."]}
        assert Note.objects.count() == 2  # the world's own


def test_nobody_of_the_other_side_can_be_named(world, api):
    client = api(world.ours.bd_user)
    for fields in ({"assigned_to": world.theirs.bd_user.pk}, {"application": world.theirs.application.pk}):
        with nothing_written():
            reply = write(client, world.ours.application, **fields)
        assert (reply.status_code, list(reply.json()["errors"])) == (400, list(fields))


def test_a_note_that_is_hidden_from_its_assignee_is_refused(world, api):
    client = api(world.ours.bd_user)
    made = write(
        client, world.ours.application, assigned_to=world.ours.broker_user.pk, visibility="broker"
    ).json()
    with nothing_written():
        reply = client.patch(f"{NOTES}{made['id']}/", {"visibility": "internal"})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["assigned_to"])
    reply = client.patch(f"{NOTES}{made['id']}/", {"visibility": "internal", "assigned_to": None})
    assert reply.status_code == 200


def test_a_broker_edits_own_notes_and_keeps_them_readable(world, api):
    client = api(world.ours.broker_user)
    made = write(client, world.ours.application).json()
    assert made["visibility"] == "broker"
    assert client.patch(f"{NOTES}{made['id']}/", {"text": "Called."}).json()["text"] == "Called."
    reply = client.patch(f"{NOTES}{made['id']}/", {"visibility": "internal"})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, ["visibility"])
    other = NoteFactory.create(
        application=world.ours.application, author=world.ours.bd_user, visibility="broker"
    )
    reply = client.patch(f"{NOTES}{other.pk}/", {"text": "Mine."})
    assert (reply.status_code, reply.json()["detail"]) == (403, "This note is somebody else's.")
    assert client.delete(f"{NOTES}{made['id']}/").status_code == 204
    assert Event.objects.filter(type="note.deleted").count() == 1


def test_those_concerned_are_told_of_a_reply_as_far_as_they_may_read_it(world, api, dispatch):
    note = NoteFactory.create(
        application=world.ours.application,
        author=world.ours.bd_user,
        assigned_to=world.ours.broker_user,
        visibility="broker",
    )
    address = f"{NOTES}{note.pk}/comments/"
    reply = api(world.ours.broker_user).post(address, {"text": "Done."})
    assert reply.status_code == 201
    assert reply.json()["author"]["name"] == world.ours.broker_user.full_name
    api(world.admin).post(address, {"text": "Thank you."})
    dispatch()
    assert told(world.ours.bd_user) == ["note.commented_for_broker", "note.commented_for_broker"]
    assert told(world.ours.broker_user) == ["note.commented_for_broker"]
    assert told(world.admin) == []
    listed = api(world.ours.bd_user).get(address).json()["results"]
    assert [one["text"] for one in listed] == ["Done.", "Thank you."]
    shown = api(world.ours.bd_user).get(f"{NOTES}{note.pk}/").json()
    assert (shown["comment_count"], len(shown["comments"])) == (2, 2)


def test_replies_are_deleted_by_who_wrote_them(world, api):
    note = NoteFactory.create(application=world.ours.application, author=world.admin, visibility="broker")
    mine = NoteComment.objects.create(note=note, author=world.ours.broker_user, text="x")
    other = NoteComment.objects.create(note=note, author=world.ours.bd_user, text="y")
    client = api(world.ours.broker_user)
    assert client.delete(f"{NOTES}{note.pk}/comments/{mine.pk}/").status_code == 204
    assert client.delete(f"{NOTES}{note.pk}/comments/{other.pk}/").status_code == 403
    assert api(world.ours.client_user).post(f"{NOTES}{note.pk}/comments/", {"text": "z"}).status_code == 404


def test_a_client_reads_replies_but_writes_none(world, api):
    client = api(world.ours.client_user)
    assert client.get(f"{NOTES}{world.ours.note.pk}/comments/").status_code == 200
    assert client.post(f"{NOTES}{world.ours.note.pk}/comments/", {"text": "z"}).status_code == 403


def test_notes_are_found_by_their_text_and_filtered(world, api):
    application, today = world.ours.application, business_date()
    first = NoteFactory.create(
        application=application,
        author=world.admin,
        text="The valuer called: 50% done",
        remind_date=today - timedelta(days=1),
    )
    second = NoteFactory.create(
        application=application,
        author=world.ours.bd_user,
        assigned_to=world.admin,
        text="Nothing of that kind",
        remind_date=today + timedelta(days=1),
    )
    NoteFactory.create(application=ApplicationFactory.create(), author=world.admin, text="Another valuer")
    client = api(world.ours.bd_user)

    def found(**query):
        return {one["id"] for one in client.get(NOTES, query).json()["results"]}

    assert found(search="VALUER") == {first.pk}
    assert found(search="50%") == {first.pk}
    assert found(search="valuer kind") == set()
    assert found(author=world.admin.pk) == {first.pk}
    assert found(assigned_to=world.admin.pk) == {second.pk}
    assert found(is_due="true") == {first.pk}
    assert found(remind_after=today.isoformat()) == {second.pk}
    assert found(visibility="client") == {world.ours.note.pk}
    assert client.get(NOTES, {"is_due": "maybe"}).status_code == 400
