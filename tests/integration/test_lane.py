"""The express lane answers as the road does, for whoever asks, and gives way where it must not answer."""

import gzip
import io
from types import SimpleNamespace

import orjson
import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext, override_settings
from redis.exceptions import RedisError
from rest_framework.settings import api_settings

from crm_backend.common import lane, lane_frame, roundtrip
from crm_backend.common.lane import LaneApplication
from crm_backend.common.read_engine.errors import Refused
from crm_backend.common.read_engine.shapes import Shapes
from crm_backend.site import reading
from tests.factories import BorrowerFactory, SecurityFactory
from tests.redis_news import only_keys_are_told
from users.services.accounts import user_suspend
from users.services.api_keys import api_key_create

pytestmark = pytest.mark.django_db

APPLICATIONS = "/api/applications/"
UNREAD = "/api/users/notifications/unread-count/"
BORROWERS = "/api/borrowers/"
SAME = {"headers": {"X-Request-ID": "the-same-for-all"}}
COUNTED = {"RateLimit-Remaining", "RateLimit-Reset"}


@pytest.fixture
def in_place(monkeypatch):
    """Connections stay open after a request: the test's transaction is theirs."""
    monkeypatch.setattr(lane, "look_after_connection", lambda *_, **__: None)
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def express(monkeypatch):
    """The replies that the lane gave, None where it gave way."""
    given, answer = [], lane.answer

    def noted(asked):
        given.append(answer(asked))
        return given[-1]

    monkeypatch.setattr(lane, "answer", noted)
    lane.recipes.clear()
    return given


def shown(reply):
    headers = {name: value for name, value in reply.headers.items() if name not in COUNTED}
    return reply.status_code, headers, reply.content


def three_ways(client, path, **named):
    """The replies of the plain path, of the road from which the lane learns, and of the lane."""
    with override_settings(READ_ENGINE=False):
        plain = client.get(path, **SAME, **named)
    # The setting that was just put back is a change, after which nothing is known.
    return plain, client.get(path, **SAME, **named), client.get(path, **SAME, **named)


def reads(world):
    ours = world.ours
    return [
        APPLICATIONS,
        f"{APPLICATIONS}?limit=1&offset=1&ordering=loan_amount",
        f"{APPLICATIONS}?cursor=&limit=1",
        f"{APPLICATIONS}?search=APP&stage=inquiry&fields=id,stage",
        f"{APPLICATIONS}{ours.application.pk}/",
        f"/api/v1{APPLICATIONS[4:]}{ours.application.pk}/",
        BORROWERS,
        f"{BORROWERS}{ours.borrower.pk}/",
        f"{APPLICATIONS}{ours.application.pk}/notes/",
        f"{APPLICATIONS}{ours.application.pk}/securities/?limit=1",
        f"{APPLICATIONS}{ours.application.pk}/fees/?cursor=",
        "/api/users/notifications/",
        UNREAD,
        "/api/brokers/",
        "/api/products/",
    ]


# --- the same ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["admin", "bd", "broker", "client"])
def test_the_lane_answers_as_the_road_and_as_the_plain_path(world, api, express, role):
    client, took = api(world.user(role)), 0
    client.get(UNREAD)
    for path in reads(world):
        express.clear()
        plain, road, fast = three_ways(client, path)
        assert shown(fast) == shown(road) == shown(plain), path
        assert express[0] is None
        if plain.status_code == 200:
            assert express[1] is not None, path
            took += 1
    assert took > 8


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_ORIGIN": "https://elsewhere.example"},
        {"HTTP_ACCEPT": "application/json"},
        {"HTTP_HOST": "localhost"},
        {"HTTP_X_FORWARDED_PROTO": "https"},
        {"wsgi.url_scheme": "https"},
        {"SCRIPT_NAME": "/below"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_headers_that_count_are_told_apart(world, api, express, headers):
    client = api(world.admin)
    others = shown(three_ways(client, f"{APPLICATIONS}?limit=1")[2])
    express.clear()
    plain, road, fast = three_ways(client, f"{APPLICATIONS}?limit=1", **headers)
    assert shown(fast) == shown(road) == shown(plain)
    assert express[1] is not None
    assert shown(client.get(f"{APPLICATIONS}?limit=1", **SAME)) == others


def test_a_compressed_reply_is_that_of_the_road(world, api, express):
    client, path = api(world.admin), f"{APPLICATIONS}{world.ours.application.pk}/"
    replies = three_ways(client, path, HTTP_ACCEPT_ENCODING="gzip, br")
    assert express[1] is not None
    # Their lengths differ: some random bytes hide what a length would tell.
    own = {"Content-Length"}
    plain, road, fast = (
        (
            {name: value for name, value in reply.items() if name not in COUNTED | own},
            gzip.decompress(reply.content),
        )
        for reply in replies
    )
    assert fast == road == plain
    assert fast[0]["Content-Encoding"] == "gzip"
    assert fast[0]["ETag"].startswith('W/"')
    assert int(replies[2]["Content-Length"]) == len(replies[2].content)


def test_every_kind_of_base_view_takes_the_lane(world, api, express):
    own = {
        f"{address} {action}"
        for address, view_class, action in reading._actions()
        if not lane_frame.is_base(view_class, action)
    }
    assert own == {"/api/users/auth/sessions/ list"}


# --- who asks ---------------------------------------------------------------------------------------


def test_what_one_of_a_role_asked_the_next_sees_of_their_own(world, api, express):
    ours, theirs = api(world.ours.broker_user), api(world.theirs.broker_user)
    for client in (ours, theirs):
        client.get(UNREAD)
    for path in reads(world):
        ours.get(path)
        with override_settings(READ_ENGINE=False):
            plain = theirs.get(path, **SAME)
        ours.get(path)
        express.clear()
        fast = theirs.get(path, **SAME)
        assert shown(fast) == shown(plain), path
        # A row that is not theirs is the road's to refuse.
        assert (express[0] is None) == (plain.status_code == 404), path


def test_masks_are_for_whoever_looks(world, api, express):
    world.ours.borrower.tax_id = "876543210"
    world.ours.borrower.save()
    path = f"{BORROWERS}{world.ours.borrower.pk}/"
    seen = {}
    for role in ("admin", "broker", "client", "bd"):
        plain, _, fast = three_ways(api(world.user(role)), path)
        assert shown(fast) == shown(plain)
        seen[role] = fast.json()["tax_id"]
    assert seen["admin"] == "876543210" != seen["broker"]


def test_what_ends_a_login_ends_it_in_the_lane_at_once(world, api, express):
    client = api(world.ours.broker_user)
    for _ in range(3):
        assert client.get(UNREAD).status_code == 200
    assert express[-1] is not None
    user_suspend(user=world.ours.broker_user, actor=world.admin)
    assert client.get(UNREAD).status_code == 401


def test_requests_in_the_lane_are_counted_and_refused_as_on_the_road(world, api, express, monkeypatch):
    client = api(world.ours.broker_user)
    for _ in range(2):
        client.get(UNREAD)
    used = int(client.get(UNREAD)["RateLimit-Remaining"])
    assert express[-1] is not None
    assert int(client.get(UNREAD)["RateLimit-Remaining"]) == used - 1
    rates = {**api_settings.DEFAULT_THROTTLE_RATES, "user": "3/hour"}
    monkeypatch.setitem(api_settings.__dict__, "DEFAULT_THROTTLE_RATES", rates)
    express.clear()
    replies = [client.get(UNREAD) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429, 429]
    assert [reply["RateLimit-Remaining"] for reply in replies] == ["2", "1", "0", "0", "0"]
    assert [reply is not None for reply in express] == [True, True, True, False, False]


def test_a_program_takes_the_road(world, api, express):
    _, raw = api_key_create(actor=world.admin, user=world.ours.broker_user, name="Site", scopes=["read"])
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {raw}")
    for _ in range(3):
        assert client.get(APPLICATIONS).status_code == 200
    assert express == [None] * 3


def test_pages_below_a_row_link_to_pages_below_that_row(world, api, express):
    client = api(world.admin)
    for side in (world.ours, world.theirs):
        SecurityFactory.create_batch(2, application=side.application)
    three_ways(client, f"{APPLICATIONS}{world.ours.application.pk}/securities/?limit=1")
    path = f"{APPLICATIONS}{world.theirs.application.pk}/securities/?limit=1"
    express.clear()
    fast = client.get(path)
    assert express[0] is not None
    assert f"/{world.theirs.application.pk}/" in fast.json()["next"]


def test_the_row_above_is_compiled_once_for_all_questions(world, api, express, monkeypatch):
    made, parent_shape = [], lane.parent_shape

    def noted(view):
        made.append(view.caller.role)
        return parent_shape(view)

    monkeypatch.setattr(lane, "parent_shape", noted)
    monkeypatch.setattr(lane, "parents", Shapes())
    for role in ("admin", "broker"):
        client = api(world.user(role))
        for limit in (1, 2, 3):
            for _ in range(3):
                client.get(f"{APPLICATIONS}{world.ours.application.pk}/securities/?limit={limit}")
            assert express[-1] is not None
    assert made == ["admin", "broker"]


def test_where_the_row_above_cannot_be_compiled_the_road_answers(world, api, express, monkeypatch):
    def refused(view):
        raise Refused("odd")

    monkeypatch.setattr(lane, "parent_shape", refused)
    monkeypatch.setattr(lane, "parents", Shapes())
    client = api(world.admin)
    for _ in range(3):
        path = f"{APPLICATIONS}{world.ours.application.pk}/securities/"
        assert client.get(path).status_code == 200
    assert express[-1] is None


# --- giving way -------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["0", "999999999", "9" * 30, "9" * 5000, "007", "٣", "%23", "None"])
def test_odd_keys_are_answered_as_on_the_road(world, api, express, key):
    client = api(world.admin)
    three_ways(client, f"{BORROWERS}{world.ours.borrower.pk}/")
    plain, road, again = three_ways(client, f"{BORROWERS}{key}/")
    assert shown(again) == shown(road) == shown(plain)


def test_odd_keys_below_a_row_are_answered_as_on_the_road(world, api, express):
    client, pk = api(world.admin), world.ours.application.pk
    security = SecurityFactory.create(application=world.ours.application).pk
    three_ways(client, f"{APPLICATIONS}{pk}/securities/{security}/")
    assert express[-1] is not None
    for path in (f"{pk}/securities/%23/", f"%23/securities/{security}/", f"{security}/securities/{pk}/"):
        plain, road, again = three_ways(client, APPLICATIONS + path)
        assert shown(again) == shown(road) == shown(plain)


def test_a_mistake_of_the_lane_is_the_roads_to_answer(world, api, express, monkeypatch, caplog):
    client = api(world.admin)
    for _ in range(3):
        client.get(UNREAD)
    assert express[-1] is not None
    monkeypatch.setattr(lane_frame, "RateLimit", None)
    caplog.set_level("ERROR")
    assert client.get(UNREAD).status_code == 200
    assert express[-1] is None
    assert "lane.failed" in caplog.text


def test_who_has_the_row_already_is_told_so(world, api, express):
    client, path = api(world.admin), f"{BORROWERS}{world.ours.borrower.pk}/"
    fast = three_ways(client, path)[2]
    assert express[1] is not None
    known = client.get(path, headers={"If-None-Match": fast["ETag"]})
    assert (known.status_code, known.content, known["ETag"]) == (304, b"", fast["ETag"])


def test_a_change_is_seen_by_the_next_request(world, api, express):
    client, path = api(world.admin), f"{BORROWERS}{world.ours.borrower.pk}/"
    before = three_ways(client, path)[2]
    assert client.patch(path, {"first_name": "Renamed"}).status_code == 200
    after = client.get(path)
    assert express[-1] is not None
    assert after.json()["first_name"] == "Renamed"
    assert after["ETag"] != before["ETag"]
    count = client.get(BORROWERS).json()["count"]
    BorrowerFactory.create()
    assert client.get(f"{BORROWERS}?limit=50").json()["count"] == count + 1


def test_without_redis_the_road_says_so(world, api, express, monkeypatch):
    client = api(world.admin)
    for _ in range(3):
        client.get(UNREAD)
    assert express[-1] is not None

    def away(*args):
        raise RedisError("away")

    monkeypatch.setattr(roundtrip, "_run", away)
    roundtrip.line.lose()
    reply = client.get(UNREAD)
    assert (express[-1], reply.status_code, reply.json()["code"]) == (None, 503, "unavailable")


def test_the_lane_reads_in_one_statement_and_one_trip_and_then_in_none(world, api, express, monkeypatch):
    client, trips, run = api(world.admin), [], roundtrip._run
    monkeypatch.setattr("crm_backend.common.line.TRUSTED_SECONDS", 60)

    def noted(*args):
        trips.append(args)
        return run(*args)

    monkeypatch.setattr(roundtrip, "_run", noted)
    for path in (APPLICATIONS, UNREAD, f"{APPLICATIONS}{world.ours.application.pk}/"):
        three_ways(client, path)
        with only_keys_are_told():
            for most in (1, 1, 0):
                trips.clear()
                with CaptureQueriesContext(connection) as queries:
                    assert client.get(path).status_code == 200
                assert (len(queries), len(trips)) == (1, most), path


# --- before Django ----------------------------------------------------------------------------------


class Wsgi:
    """Calls the WSGI application as a server would."""

    def __init__(self, client):
        self.application = LaneApplication(get_wsgi_application())
        self.token = client.tokens.access

    def get(self, path, **environ):
        made = RequestFactory().get(path).environ | {
            "HTTP_AUTHORIZATION": f"Bearer {self.token}",
            "HTTP_HOST": "testserver",
            "wsgi.input": io.BytesIO(),
            **environ,
        }
        answered = SimpleNamespace()

        def start(status, headers):
            answered.status, answered.headers = status, dict(headers)

        body = self.application(made, start)
        answered.content = b"".join(body)
        return answered


def test_before_django_the_reply_is_the_same(world, api, express, in_place):
    client = api(world.admin)
    server = Wsgi(client)
    for path in reads(world):
        road = server.get(path, HTTP_X_REQUEST_ID="my-own-request-id")
        express.clear()
        fast = server.get(path, HTTP_X_REQUEST_ID="my-own-request-id")
        assert express[0] is not None, path
        assert (fast.status, fast.content) == (road.status, road.content)
        for reply in (road, fast):
            for name in COUNTED:
                reply.headers.pop(name)
        assert fast.headers == road.headers
        assert fast.headers["X-Request-ID"] == "my-own-request-id"


def test_before_django_a_request_is_looked_at_and_counted_once(world, api, express, in_place):
    server = Wsgi(api(world.admin))
    remaining = []
    for _ in range(4):
        reply = server.get(UNREAD)
        remaining.append(int(reply.headers["RateLimit-Remaining"]))
    assert len(express) == 4
    assert remaining == list(range(remaining[0], remaining[0] - 4, -1))
    assert server.get(UNREAD, HTTP_AUTHORIZATION="Bearer nothing").status == "401 Unauthorized"
    assert server.get(UNREAD, REQUEST_METHOD="POST").status == "405 Method Not Allowed"


def test_before_django_a_request_is_logged_once(world, api, express, in_place, caplog):
    server = Wsgi(api(world.admin))
    for _ in range(2):
        server.get(UNREAD)
    caplog.clear()
    caplog.set_level("INFO")
    server.get(f"{UNREAD}?secret=1")
    server.get(f"{UNREAD}?secret=1")
    lines = [record.msg for record in caplog.records if record.name == "crm.request"]
    assert len(lines) == 2
    for line in lines:
        assert (line["method"], line["path"], line["status"]) == ("GET", UNREAD, 200)
        assert line["user_id"] == world.admin.pk
        assert line["request_id"]
        assert "secret" not in orjson.dumps(line, default=str).decode()
