"""Notifications and preferences over HTTP."""

from datetime import UTC, datetime

import pytest

from events.models import Event
from notifications.choices import NotificationType
from notifications.models import Notification, NotificationPreference
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

NOTIFICATIONS = "/api/users/notifications/"
PREFERENCES = "/api/users/notification-preferences/"


@pytest.fixture
def move(world, api, dispatch):
    """Move our application on, by our BDM, and have it told."""
    staff = api(world.ours.bd_user)
    stages = iter(["sent_to_lender", "funding_table_issued", "iloo_issued", "iloo_signed"])

    def go(times=1):
        for _ in range(times):
            reply = staff.put(
                f"/api/applications/{world.ours.application.pk}/stage/", {"stage": next(stages)}
            )
            assert reply.status_code == 200
        dispatch()

    return go


def rows(reply):
    assert reply.status_code == 200
    return reply.json()["results"]


def unread(client):
    reply = client.get(f"{NOTIFICATIONS}unread-count/")
    assert reply.status_code == 200
    return reply.json()


def test_everyone_concerned_is_told_but_not_the_one_who_did_it(world, api, move):
    move()
    for role, count in (("admin", 1), ("bd", 0), ("broker", 1), ("client", 1)):
        client = api(world.user(role))
        assert client.get(NOTIFICATIONS).json()["count"] == count, role
        assert unread(client) == {"unread_count": count}
    for user in world.theirs.users.values():
        assert api(user).get(NOTIFICATIONS).json()["count"] == 0


def test_a_notification_says_what_happened(world, broker, move):
    move()
    (row,) = rows(broker.get(NOTIFICATIONS))
    shown = broker.get(f"{NOTIFICATIONS}{row['id']}/")
    assert shown.status_code == 200
    assert shown.json() == row
    event = Event.objects.get(type="application.stage_changed")
    assert row == {
        "id": Notification.objects.get(user=world.ours.broker_user).pk,
        "seq": 1,
        "notification_type": "application_status",
        "notification_type_display": "Application status",
        "event_type": "application.stage_changed",
        "title": f"{world.ours.application.reference_number}: Sent to lender",
        "body": f"{world.ours.application.reference_number} moved from Inquiry to Sent to lender.",
        "application_id": world.ours.application.pk,
        "subject_type": "application",
        "subject_id": world.ours.application.pk,
        "is_read": False,
        "read_at": None,
        "created_at": event.occurred_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def test_whoever_turned_a_type_off_is_not_told(world, api, broker, move):
    reply = broker.patch(PREFERENCES, {"application_status": {"in_app": False}})
    assert reply.status_code == 200
    assert reply.json()["application_status"] == {"in_app": False, "email": False}
    move()
    assert broker.get(NOTIFICATIONS).json()["count"] == 0
    assert api(world.ours.client_user).get(NOTIFICATIONS).json()["count"] == 1
    broker.patch(PREFERENCES, {"application_status": {"in_app": True}})
    move()
    assert [row["seq"] for row in rows(broker.get(NOTIFICATIONS))] == [1], "no number was used up"


def test_preferences_are_complete_and_have_defaults(broker):
    reply = broker.get(PREFERENCES)
    assert reply.status_code == 200
    by_mail = {"repayment_upcoming", "repayment_overdue", "note_reminder", "signature_required", "system",
               "lead_assigned", "appointment_reminder", "scheduled_report"}  # fmt: skip
    channels = {kind: {"in_app": True, "email": kind in by_mail} for kind in NotificationType.values}
    assert reply.json() == {**channels, "daily_digest": False, "weekly_digest": False}
    assert NotificationPreference.objects.count() == 0


def test_a_put_of_preferences_names_every_type_and_digest(broker):
    everything = broker.get(PREFERENCES).json()
    everything["message"] = {"in_app": False, "email": True}
    everything["weekly_digest"] = True
    reply = broker.put(PREFERENCES, everything)
    assert reply.status_code == 200
    assert reply.json() == everything
    assert broker.get(PREFERENCES).json() == everything
    with nothing_written():
        reply = broker.put(PREFERENCES, {"message": {"in_app": True, "email": True}})
    assert reply.status_code == 400
    assert sorted(reply.json()["errors"]) == sorted(set(everything) - {"message"})
    with nothing_written():
        reply = broker.put(PREFERENCES, {**everything, "message": {"in_app": True}})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"message": {"email": ["This field is required."]}}


def test_one_channel_is_changed_and_the_other_stays(broker):
    for body, shown in (
        ({"message": {"email": True}}, {"in_app": True, "email": True}),
        ({"message": {"in_app": False}}, {"in_app": False, "email": True}),
        ({"message": {}}, {"in_app": False, "email": True}),
        ({"message": {"email": False}}, {"in_app": False, "email": False}),
    ):
        reply = broker.patch(PREFERENCES, body)
        assert reply.status_code == 200
        assert reply.json()["message"] == shown, body
    assert NotificationPreference.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"system": {"in_app": False}}, {"system": ["This cannot be turned off."]}),
        ({"system": {"email": False}}, {"system": ["This cannot be turned off."]}),
        ({"daily_digest": "often"}, {"daily_digest": ["Must be a valid boolean."]}),
        ({"gossip": {"in_app": True}}, {"gossip": ["There is no such field here."]}),
        ({"message": {"in_app": "perhaps"}}, {"message": {"in_app": ["Must be a valid boolean."]}}),
        (
            {"message": {"pigeon": True, "in_app": True}},
            {"message": {"pigeon": ["There is no such field here."]}},
        ),
    ],
)
def test_bad_preferences_are_refused(broker, body, errors):
    with nothing_written():
        reply = broker.patch(PREFERENCES, body)
    assert reply.status_code == 400
    assert reply.json()["errors"] == errors


def test_notifications_are_filtered_searched_and_ordered(world, broker, move):
    move(3)
    mine = Notification.objects.filter(user=world.ours.broker_user)
    mine.filter(seq=1).update(
        notification_type="message", title="Hello", created_at=datetime(2021, 2, 1, 12, tzinfo=UTC)
    )
    mine.filter(seq=2).update(read_at=datetime(2021, 2, 2, tzinfo=UTC))
    for query, seqs in (
        ("", [3, 2, 1]),
        ("ordering=seq", [1, 2, 3]),
        ("ordering=created_at", [1, 2, 3]),
        ("is_read=true", [2]),
        ("is_read=false", [3, 1]),
        ("notification_type=message", [1]),
        ("notification_type=gossip", []),
        ("date_to=2021-02-01", [1]),
        ("date_from=2021-02-02", [3, 2]),
        ("search=hello", [1]),
        ("search=iloo", []),
        ("limit=1&offset=1", [2]),
    ):
        assert [row["seq"] for row in rows(broker.get(f"{NOTIFICATIONS}?{query}"))] == seqs, query
    assert broker.get(f"{NOTIFICATIONS}?date_from=x").status_code == 400


def test_some_one_or_all_are_marked_read(world, broker, move):
    move(4)
    pks = [row["id"] for row in rows(broker.get(f"{NOTIFICATIONS}?ordering=seq"))]
    for address, body, marked, left in (
        ("mark-read/", {"notification_ids": pks[:1]}, 1, 3),
        ("mark-read/", {"notification_ids": pks[:1]}, 0, 3),
        ("mark-read/", {"notification_ids": []}, 0, 3),
        ("mark-read/", {"notification_id": pks[1]}, 1, 2),
        (f"{pks[2]}/mark-read/", {}, 1, 1),
        (f"{pks[2]}/mark-read/", {}, 0, 1),
        ("mark-read/", {}, 1, 0),
        ("mark-read/", {}, 0, 0),
    ):
        reply = broker.post(f"{NOTIFICATIONS}{address}", body)
        assert reply.status_code == 200
        assert reply.json() == {"marked": marked, "unread_count": left}, (address, body)
        assert unread(broker) == {"unread_count": left}
    assert Event.objects.filter(type="notification.read").count() == 4
    assert Notification.objects.exclude(user=world.ours.broker_user).exclude(read_at=None).count() == 0


def test_notifications_of_others_are_out_of_reach(world, api, move):
    move()
    foreign = Notification.objects.get(user=world.ours.client_user)
    for user in (world.ours.broker_user, world.admin):
        client = api(user)
        with nothing_written():
            reply = client.post(f"{NOTIFICATIONS}mark-read/", {"notification_ids": [foreign.pk, 10**9]})
            assert reply.status_code == 200
            assert reply.json()["marked"] == 0
            assert client.get(f"{NOTIFICATIONS}{foreign.pk}/").status_code == 404
            assert client.post(f"{NOTIFICATIONS}{foreign.pk}/mark-read/").status_code == 404
            assert client.delete(f"{NOTIFICATIONS}{foreign.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"notification_ids": ["x"]}, "notification_ids"),
        ({"notification_ids": [0]}, "notification_ids"),
        ({"notification_ids": 3}, "notification_ids"),
        ({"notification_ids": list(range(1, 1002))}, "notification_ids"),
        ({"notification_id": None}, "notification_id"),
        ({"ids": [1]}, "ids"),
        ({"notification_id": 1, "notification_ids": [1]}, "non_field_errors"),
    ],
)
def test_a_bad_mark_is_refused_and_marks_nothing(broker, move, body, field):
    move()
    with nothing_written():
        reply = broker.post(f"{NOTIFICATIONS}mark-read/", body)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


def test_a_notification_is_deleted_by_its_owner(broker, move):
    move(2)
    pk = rows(broker.get(NOTIFICATIONS))[0]["id"]
    assert broker.delete(f"{NOTIFICATIONS}{pk}/").status_code == 204
    assert broker.get(f"{NOTIFICATIONS}{pk}/").status_code == 404
    assert unread(broker) == {"unread_count": 1}
    move()
    assert [row["seq"] for row in rows(broker.get(NOTIFICATIONS))] == [3, 1], "a number is never used again"


def test_nobody_makes_or_edits_notifications(broker, move):
    move()
    pk = rows(broker.get(NOTIFICATIONS))[0]["id"]
    with nothing_written():
        assert broker.post(NOTIFICATIONS, {"title": "x"}).status_code == 405
        assert broker.patch(f"{NOTIFICATIONS}{pk}/", {"is_read": True}).status_code == 405
