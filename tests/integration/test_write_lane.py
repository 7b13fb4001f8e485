"""Writes by the express lane are those of the road, whoever asks, and what is refused is refused there."""

import contextlib
import gzip
import io
import re
from types import SimpleNamespace

import orjson
import pytest
import structlog
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import IntegrityError, InternalError, OperationalError, close_old_connections, connection
from django.test import RequestFactory
from django.test.utils import override_settings
from rest_framework.response import Response
from rest_framework.settings import api_settings

from applications.models import Application
from applications.services import stage
from applications.views.applications import ApplicationViewSet
from crm_backend.common import write_lane
from crm_backend.common.transactions import of_request
from crm_backend.common.write_lane import WriteLaneApplication
from events.models import Event
from notifications.models import Notification
from tests.integration.application_kit import CASCADE, TERMS
from tests.integration.test_cascade_api import cascade_body
from tests.writes import nothing_written
from users.services.accounts import user_suspend
from users.services.api_keys import api_key_create

pytestmark = pytest.mark.django_db

APPLICATIONS = "/api/applications/"
READ_MARK = "/api/users/notifications/mark-read/"
THERE = {"stage": "more_info_required", "reason": "Payslips are missing."}
BACK = {"stage": "inquiry"}
# Of a moment, a new row or a count.
NEW = re.compile(
    rb'APP-[A-Z0-9]{8}|\d{4}-\d\d-\d\dT[\d:.]+Z|"id":\d+|"borrower":\d+|"[0-9a-f]{32}"|/applications/\d+/'
)
COUNTED = {"RateLimit-Remaining", "RateLimit-Reset", "X-Request-ID", "Content-Length"}


@pytest.fixture
def express(monkeypatch):
    """The replies that the lane gave, None where it gave way."""
    given, answer = [], write_lane.answer

    def noted(asked):
        given.append(answer(asked))
        return given[-1]

    monkeypatch.setattr(write_lane, "answer", noted)
    write_lane.recipes.clear()
    return given


def stage_of(application):
    return f"{APPLICATIONS}{application.pk}/stage/"


def shown(reply):
    """A reply without what differs each time."""
    headers = {
        name: NEW.sub(b"new", str(value).encode())
        for name, value in reply.headers.items()
        if name not in COUNTED
    }
    return reply.status_code, headers, NEW.sub(b"new", reply.content)


def both_ways(act):
    """What comes of a write by the road, by the road that the lane learns from, and by the lane."""
    with override_settings(READ_ENGINE=False):
        plain = act()
    return plain, act(), act()


# --- the same ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["/api/", "/api/v1/"])
@pytest.mark.parametrize("path", ["applications/", "applications/create-with-cascade/"])
def test_what_is_opened_is_the_same(broker, express, path, prefix):
    body = cascade_body() if "cascade" in path else TERMS
    plain, road, fast = both_ways(lambda: broker.post(prefix + path, body))
    assert shown(fast) == shown(road) == shown(plain)
    assert fast.status_code == 201
    assert fast["Location"].endswith(f"{prefix}applications/{fast.json()['id']}/")
    assert [reply is not None for reply in express] == [False, True]
    told = [
        [
            (event.type, event.actor_id, event.recipients, bool(event.request_id), set(event.data))
            for event in Event.objects.filter(request_id=reply["X-Request-ID"]).order_by("id")
        ]
        for reply in (plain, road, fast)
    ]
    assert told[0] == told[1] == told[2] != []


def test_a_move_is_the_same(world, api, express):
    client, path = api(world.ours.bd_user), stage_of(world.ours.application)

    def there_and_back():
        there = client.put(path, THERE)
        client.put(path, BACK)
        return there

    plain, road, fast = both_ways(there_and_back)
    assert shown(fast) == shown(road) == shown(plain)
    assert [reply is not None for reply in express] == [False, True, True, True]
    moves = client.get(path.removesuffix("stage/") + "stage-history/").json()["results"]
    assert [move["to_stage"] for move in moves][-6:] == ["more_info_required", "inquiry"] * 3


def test_notifications_are_marked_the_same(world, api, express, dispatch, broker):
    mover = api(world.ours.bd_user)
    for _ in range(2):
        for body in (THERE, BACK):
            assert mover.put(stage_of(world.ours.application), body).status_code == 200
    dispatch()
    unread = list(Notification.objects.filter(user=broker.user).unread().values_list("pk", flat=True))
    express.clear()
    for left, pk in enumerate(unread[1:3], start=1):
        reply = broker.post(READ_MARK, {"notification_ids": [pk, pk + 10**9, 2**63]})
        assert reply.json() == {"marked": 1, "unread_count": len(unread) - left}
    assert broker.post(READ_MARK, {"notification_ids": [unread[1]]}).json()["marked"] == 0
    assert broker.post(READ_MARK, {}).json() == {"marked": len(unread) - 2, "unread_count": 0}
    assert [reply is not None for reply in express] == [False, True, True, True]
    told = Event.objects.filter(type="notification.read").order_by("id").values_list("data", flat=True)
    assert [event["count"] for event in told] == [1, 1, len(unread) - 2]


def test_a_compressed_reply_is_that_of_the_road(broker, express):
    plain, road, fast = both_ways(lambda: broker.post(CASCADE, cascade_body(), HTTP_ACCEPT_ENCODING="gzip"))
    assert express[-1] is not None
    assert fast["Content-Encoding"] == "gzip"
    assert fast["ETag"].startswith('W/"')
    assert {*fast.headers} == {*road.headers} == {*plain.headers}
    bodies = [NEW.sub(b"new", gzip.decompress(reply.content)) for reply in (plain, road, fast)]
    assert bodies[0] == bodies[1] == bodies[2]


def test_a_repeated_request_is_done_once(broker, express):
    for _ in range(2):
        assert broker.post(APPLICATIONS, TERMS).status_code == 201
    first = broker.post(APPLICATIONS, TERMS, HTTP_IDEMPOTENCY_KEY="once")
    count = Application.objects.count()
    again = broker.post(APPLICATIONS, TERMS, HTTP_IDEMPOTENCY_KEY="once")
    assert [reply is not None for reply in express] == [False, True, True, True]
    assert Application.objects.count() == count
    assert again["Idempotency-Replayed"] == "true"
    assert (again.json(), again["ETag"], again["Location"]) == (
        first.json(),
        first["ETag"],
        first["Location"],
    )
    other = broker.post(APPLICATIONS, {**TERMS, "loan_term": 24}, HTTP_IDEMPOTENCY_KEY="once")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


# --- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"stage": "closed", "reason": "Because."}, 409),
        ({"stage": "more_info_required"}, 400),
        ({"stage": "nowhere"}, 400),
        ({**THERE, "more": 1}, 400),
    ],
    ids=["illegal", "no reason", "no stage", "no field"],
)
def test_what_is_refused_is_refused_in_the_words_of_the_road(world, api, express, body, status):
    client, path = api(world.ours.bd_user), stage_of(world.ours.application)
    for moved in (THERE, BACK):
        client.put(path, moved)
    assert express[-1] is not None
    with nothing_written():
        fast = client.put(path, body)
    assert express[-1] is None
    with override_settings(READ_ENGINE=False):
        plain = client.put(path, body)
    assert fast.status_code == status
    neutral = [{**reply.json(), "request_id": ""} for reply in (fast, plain)]
    assert neutral[0] == neutral[1]


def test_rows_out_of_sight_and_old_versions_and_broken_bodies(world, api, express):
    client, path = api(world.ours.bd_user), stage_of(world.ours.application)
    for moved in (THERE, BACK):
        client.put(path, moved)
    with nothing_written():
        assert client.put(stage_of(world.theirs.application), THERE).status_code == 404
        assert client.put(path, THERE, HTTP_IF_MATCH='"old"').status_code == 412
        assert client.generic("PUT", path, "{", content_type="application/json").status_code == 400
        assert client.generic("PUT", path, "a=b", content_type="text/plain").status_code == 415
    assert express[-3:] == [None] * 3
    etag = client.get(path.removesuffix("stage/"))["ETag"]
    assert client.put(path, THERE, HTTP_IF_MATCH=etag).status_code == 200
    assert express[-1] is not None


def test_a_role_that_may_not_is_refused_where_another_may(world, api, express):
    path = stage_of(world.ours.application)
    for moved in (THERE, BACK):
        api(world.admin).put(path, moved)
    refused = api(world.ours.broker_user).put(path, THERE)
    assert (refused.status_code, express[-1]) == (403, None)


def test_what_ends_a_login_ends_it_in_the_lane_at_once(world, api, express, broker):
    for _ in range(2):
        broker.post(READ_MARK, {})
    assert express[-1] is not None
    user_suspend(user=broker.user, actor=world.admin)
    assert broker.post(READ_MARK, {}).status_code == 401


def test_writes_in_the_lane_are_counted_and_refused_as_on_the_road(broker, express, monkeypatch):
    broker.post(READ_MARK, {})
    rates = {**api_settings.DEFAULT_THROTTLE_RATES, "user": "3/hour"}
    monkeypatch.setitem(api_settings.__dict__, "DEFAULT_THROTTLE_RATES", rates)
    replies = [broker.post(READ_MARK, {}) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429, 429]
    assert [reply["RateLimit-Remaining"] for reply in replies] == ["2", "1", "0", "0", "0"]
    assert [reply is not None for reply in express[1:]] == [True, True, True, False, False]


def test_a_program_takes_the_road(world, api, express):
    _, raw = api_key_create(actor=world.admin, user=world.ours.broker_user, name="Site", scopes=["write"])
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {raw}")
    for _ in range(3):
        assert client.post(APPLICATIONS, TERMS).status_code == 201
    assert express == [None] * 3


def test_bodies_that_are_large_or_no_json_take_the_road(broker, express):
    for _ in range(2):
        broker.post(APPLICATIONS, TERMS)
    express.clear()
    assert broker.post(APPLICATIONS, {**TERMS, "purpose": "x" * write_lane.LARGEST}).status_code == 400
    assert broker.generic("POST", APPLICATIONS, "a=b", content_type="text/plain").status_code == 415
    assert express == []


@pytest.mark.parametrize(
    ("meta", "is_usual"),
    [
        ({"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "9"}, True),
        ({}, True),
        ({"CONTENT_TYPE": "multipart/form-data; boundary=a", "CONTENT_LENGTH": "0"}, True),
        ({"CONTENT_TYPE": "multipart/form-data; boundary=a"}, False),
        ({"CONTENT_TYPE": "application/json"}, False),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, False),
        ({"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "9" * 5000}, False),
        ({"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "-1"}, False),
    ],
)
def test_a_body_of_unknown_length_is_not_taken_into_memory(meta, is_usual):
    assert write_lane.is_usual({"REQUEST_METHOD": "POST", **meta}) is is_usual


# --- what goes wrong --------------------------------------------------------------------------------


@pytest.fixture
def moving(world, api, express):
    """Moves there and back by the lane."""
    client, path = api(world.ours.bd_user), stage_of(world.ours.application)
    for moved in (THERE, BACK):
        assert client.put(path, moved).status_code == 200
    assert express[-1] is not None
    client.raise_request_exception = False
    return lambda: client.put(path, THERE)


def test_a_mistake_after_writing_is_undone_and_made_on_the_road_as_well(moving, world, express, monkeypatch):
    apply, whose = stage._apply, []

    def fails(*args):
        apply(*args)
        whose.append(structlog.contextvars.get_contextvars()["user_id"])
        raise ZeroDivisionError

    monkeypatch.setattr(stage, "_apply", fails)
    with nothing_written():
        assert moving().status_code == 500
    assert (whose, express[-1]) == ([world.ours.bd_user.pk] * 2, None)


def test_a_reply_that_the_recipe_does_not_know_is_undone_and_left_to_the_road(moving, express, monkeypatch):
    inner = ApplicationViewSet.stage.__wrapped__

    def odd(view, request, pk):
        response = inner(view, request, pk)
        return Response(response.data, status=202)

    moved = write_lane.express(odd)
    moved.mapping, moved.kwargs = ApplicationViewSet.stage.mapping, ApplicationViewSet.stage.kwargs
    monkeypatch.setattr(ApplicationViewSet, "stage", moved)
    before = Event.objects.count()
    assert moving().status_code == 202
    assert express[-1] is None
    assert Event.objects.count() == before + 1


def test_what_the_action_calls_done_and_is_to_be_undone_is_left_to_the_road(moving, express, monkeypatch):
    inner = ApplicationViewSet.stage.__wrapped__

    def swallowing(view, request, pk):
        with contextlib.suppress(ZeroDivisionError), of_request():
            raise ZeroDivisionError
        return Response({}) if connection.needs_rollback else inner(view, request, pk)

    moved = write_lane.express(swallowing)
    moved.mapping, moved.kwargs = ApplicationViewSet.stage.mapping, ApplicationViewSet.stage.kwargs
    monkeypatch.setattr(ApplicationViewSet, "stage", moved)
    assert moving().json()["stage"] == THERE["stage"]
    assert express[-1] is None


class _Failing:
    """A whole whose commit fails."""

    def __init__(self, error):
        self.error = error

    def __enter__(self):
        return None

    def __exit__(self, *raised):
        if raised[0] is None:
            raise self.error


@pytest.mark.parametrize("error", [IntegrityError, InternalError])
def test_a_constraint_that_is_checked_last_is_the_roads_to_tell(moving, express, monkeypatch, error):
    monkeypatch.setattr(write_lane, "whole", lambda: _Failing(error()))
    moving()
    assert express[-1] is None


def test_a_commit_of_which_nobody_knows_is_not_done_again(moving, express, monkeypatch):
    asked = len(express)
    monkeypatch.setattr(write_lane, "whole", lambda: _Failing(OperationalError()))
    before = Event.objects.count()
    reply = moving()
    assert (reply.status_code, reply.json()["code"], reply["Retry-After"]) == (503, "unavailable", "5")
    assert reply["Content-Type"] == "application/problem+json"
    assert len(express) == asked + 1
    assert Event.objects.count() == before + 1


# --- before Django ----------------------------------------------------------------------------------


@pytest.fixture
def in_place(monkeypatch):
    """Connections stay open after a request: the test's transaction is theirs."""
    monkeypatch.setattr(write_lane, "look_after_connection", lambda **_: None)
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def ask(application, client, method, path, body):
    """A request to a WSGI application as a server makes it."""
    data = orjson.dumps(body)
    environ = RequestFactory(**client._credentials).generic(method, path, data, "application/json").environ
    environ["wsgi.input"] = io.BytesIO(data)
    found = SimpleNamespace()

    def start_response(status, headers, *_):
        found.status, found.headers = status, dict(headers)

    found.body = b"".join(application(environ, start_response))
    return found


def test_before_django_the_lane_answers_and_leaves_the_rest_as_it_came(world, api, express, in_place):
    application = WriteLaneApplication(get_wsgi_application())
    client, path = api(world.ours.bd_user), stage_of(world.ours.application)
    there, back, again = (ask(application, client, "PUT", path, body) for body in (THERE, BACK, THERE))
    assert [one.status for one in (there, back, again)] == ["200 OK"] * 3
    assert [reply is not None for reply in express] == [False, True, True]
    assert {*there.headers} == {*again.headers}
    told = Event.objects.get(request_id=again.headers["X-Request-ID"])
    assert (told.type, told.actor_id) == ("application.stage_changed", world.ours.bd_user.pk)
    refused = ask(application, client, "PUT", path, {"stage": "closed", "reason": "Because."})
    assert refused.status.startswith("409")
    assert orjson.loads(refused.body)["code"] == "illegal_stage_move"
