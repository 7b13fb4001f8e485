"""The audit log and the list of event types over HTTP."""

from datetime import UTC, datetime

import pytest

from events.models import Event
from events.registry import REGISTRY
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

AUDIT = "/api/audit-logs/"


@pytest.fixture
def moved(world, api):
    """A stage change by our BDM, under a known request id."""
    client = api(world.ours.bd_user)
    reply = client.put(
        f"/api/applications/{world.ours.application.pk}/stage/",
        {"stage": "sent_to_lender"},
        headers={"X-Request-ID": "request-of-the-move"},
    )
    assert reply.status_code == 200
    return Event.objects.latest("pk")


def ids(reply):
    assert reply.status_code == 200
    return [row["id"] for row in reply.json()["results"]]


def test_an_entry_says_who_did_what_to_what_and_when(world, admin, moved, dispatch):
    dispatch()
    moved.refresh_from_db()
    reply = admin.get(f"{AUDIT}{moved.pk}/")
    assert reply.status_code == 200
    stamp = "%Y-%m-%dT%H:%M:%S.%fZ"
    assert reply.json() == {
        "id": moved.pk,
        "type": "application.stage_changed",
        "summary": "Stage changed from Inquiry to Sent to lender.",
        "actor": {"id": world.ours.bd_user.pk, "name": world.ours.bd_user.full_name},
        "subject_type": "application",
        "subject_id": world.ours.application.pk,
        "application_id": world.ours.application.pk,
        "data": {
            "reference": world.ours.application.reference_number,
            "from_stage": "inquiry",
            "from_stage_display": "Inquiry",
            "to_stage": "sent_to_lender",
            "to_stage_display": "Sent to lender",
            "reason": "",
        },
        "recipients": sorted([world.admin.pk, world.ours.broker_user.pk, world.ours.client_user.pk]),
        "request_id": "request-of-the-move",
        "api_key": "",
        "occurred_at": moved.occurred_at.strftime(stamp),
        "dispatched_at": moved.dispatched_at.strftime(stamp),
    }
    assert ids(admin.get(AUDIT))[0] == moved.pk


@pytest.mark.parametrize("role", ["bd", "broker", "client"])
def test_it_is_for_administrators_only(world, api, moved, role):
    client = api(world.user(role))
    assert client.get(AUDIT).status_code == 403
    assert client.get(f"{AUDIT}{moved.pk}/").status_code == 404, "nobody else sees that there is one"


def test_nobody_writes_it(admin, moved):
    with nothing_written():
        assert admin.post(AUDIT, {}).status_code == 405
        for method in (admin.put, admin.patch, admin.delete):
            assert method(f"{AUDIT}{moved.pk}/", {}).status_code == 405


def test_it_is_filtered(world, admin, moved):
    Event.objects.exclude(pk=moved.pk).update(occurred_at=datetime(2021, 2, 1, 23, 59, tzinfo=UTC))
    others = list(Event.objects.exclude(pk=moved.pk).order_by("-pk").values_list("pk", flat=True))
    logins = list(Event.objects.filter(type="user.logged_in").order_by("-pk").values_list("pk", flat=True))
    today = moved.occurred_at.date().isoformat()
    for query, seen in (
        ("action=application.stage_changed", [moved.pk]),
        ("action=user.logged_in", logins),
        ("action=nothing.happened", []),
        (f"actor={world.ours.bd_user.pk}&action=application.stage_changed", [moved.pk]),
        (f"actor={world.ours.broker_user.pk}", []),
        (f"subject_type=application&subject_id={world.ours.application.pk}", [moved.pk]),
        (f"application_id={world.ours.application.pk}", [moved.pk]),
        (f"application_id={world.theirs.application.pk}", []),
        (f"date_from={today}", [moved.pk]),
        ("date_to=2021-02-01", others),
        ("date_from=2021-02-01&date_to=2021-02-01", others),
        ("date_to=2021-01-31", []),
        ("ordering=-occurred_at&limit=1", [moved.pk]),
    ):
        assert ids(admin.get(f"{AUDIT}?{query}")) == seen, query


@pytest.mark.parametrize("query", ["date_from=now", "actor=me", "subject_id=x", "application_id=x"])
def test_a_malformed_filter_is_refused(admin, query):
    reply = admin.get(f"{AUDIT}?{query}")
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [query.partition("=")[0]]


def test_no_password_and_no_token_is_ever_logged(world, api, admin):
    secret = "a wonderfully secret phrase"
    reply = admin.post(
        "/api/users/users/",
        {"email": "n@example.com", "first_name": "N", "last_name": "N", "role": "client", "password": secret},
    )
    assert reply.status_code == 201
    login = api().post("/api/auth/login/", {"email": "n@example.com", "password": secret})
    assert login.status_code == 200
    api().post("/api/auth/login/", {"email": "n@example.com", "password": "wrong and secret"})
    text = admin.get(f"{AUDIT}?limit=100").content.decode()
    for word in (secret, "wrong and secret", login.json()["access"], login.json()["refresh"]):
        assert word not in text


@pytest.mark.parametrize("role", ["admin", "bd", "broker", "client"])
def test_every_event_type_is_listed_with_its_schema(world, api, role):
    reply = api(world.user(role)).get("/api/events/types/")
    assert reply.status_code == 200
    assert [row["type"] for row in reply.json()] == sorted(REGISTRY)
    row = next(row for row in reply.json() if row["type"] == "application.stage_changed")
    assert row["notification_type"] == "application_status"
    assert row["told"].startswith("who is concerned")
    assert row["silent"] == ""
    assert row["payload_schema"]["additionalProperties"] is False
    assert "to_stage" in row["payload_schema"]["required"]
