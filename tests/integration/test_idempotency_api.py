"""A POST that is sent again under its `Idempotency-Key` is answered again, and done once."""

import http.client
import json
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, connections
from django.utils import timezone

from applications.models import Application
from crm_backend.common.idempotency import IdempotencyKeyInvalid, IdempotencyKeyMissing, idempotent
from crm_backend.common.models import IdempotencyKey
from crm_backend.common.tasks import expired_idempotency_keys_delete
from events.models import Event
from tests.checks import event_types
from tests.clients import ApiClient
from tests.factories import UserFactory
from tests.integration.bodies import SECURITY, TERMS
from tests.processes import Web, wait_for
from tests.threads import statuses, together
from tests.writes import nothing_written
from users.choices import Role
from users.services.api_keys import api_key_create

APPLICATIONS = "/api/applications/"
CASCADE = f"{APPLICATIONS}create-with-cascade/"
KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"


def post(client, body=TERMS, key=KEY, path=APPLICATIONS):
    return client.post(path, body, headers={} if key is None else {"Idempotency-Key": key})


@pytest.fixture
def admin(world, api):
    return api(world.admin)


@pytest.mark.django_db
class TestOneAfterAnother:
    @pytest.mark.parametrize(
        ("path", "body"), [(APPLICATIONS, TERMS), (CASCADE, {**TERMS, "securities": [SECURITY]})]
    )
    def test_a_repeated_request_gets_the_first_reply(self, admin, path, body):
        first = post(admin, body, path=path)
        assert first.status_code == 201
        assert "Idempotency-Replayed" not in first
        with nothing_written():
            again = post(admin, body, path=path)
        assert again.status_code == 201
        assert again["Idempotency-Replayed"] == "true"
        assert again.content == first.content
        assert (again["ETag"], again["Location"]) == (first["ETag"], first["Location"])
        assert again["X-Request-ID"] != first["X-Request-ID"]
        assert event_types().count("application.created") == 1

    def test_order_of_fields_and_version_of_the_address_make_no_other_request(self, admin):
        first = post(admin)
        again = post(admin, dict(reversed(TERMS.items())), path="/api/v1/applications/")
        assert again["Idempotency-Replayed"] == "true"
        assert again.content == first.content

    def test_the_draft_writes_the_key_in_quotation_marks(self, admin):
        first = post(admin, key=KEY)
        assert post(admin, key=f'"{KEY}"').content == first.content

    def test_another_body_is_refused(self, admin):
        post(admin)
        with nothing_written():
            reply = post(admin, {**TERMS, "loan_term": 241})
        assert reply.status_code == 422
        assert reply.json()["code"] == "idempotency_key_reused"

    def test_another_key_and_no_key_are_other_requests(self, admin):
        numbers = {post(admin, key=key).json()["id"] for key in (KEY, "another", None, None)}
        assert len(numbers) == 4
        assert IdempotencyKey.objects.count() == 2

    def test_keys_are_of_their_user_and_route(self, world, api, admin):
        first = post(admin)
        other = post(api(world.ours.broker_user))
        elsewhere = post(admin, TERMS, path=CASCADE)
        assert len({reply.json()["id"] for reply in (first, other, elsewhere)}) == 3

    def test_keys_are_of_their_api_key(self, world, api, admin):
        first = post(admin)
        _key, secret = api_key_create(user=world.admin, actor=world.admin, name="Website", scopes=["write"])
        program = ApiClient()
        program.credentials(HTTP_AUTHORIZATION=f"Api-Key {secret}")
        second = post(program)
        assert second.status_code == 201
        assert second.json()["id"] != first.json()["id"]
        assert post(program).json()["id"] == second.json()["id"]

    def test_a_refusal_is_not_kept_and_may_be_corrected(self, admin):
        with nothing_written():
            assert post(admin, {**TERMS, "loan_term": 0}).status_code == 400
        assert post(admin).status_code == 201

    @pytest.mark.parametrize(
        "key", ["", " ", '""', '"a', 'a"b', "a b", "a,b", "a;b", "é", "x" * 256, f'"{"x" * 256}"', "a\\b"]
    )
    def test_a_malformed_key_is_refused(self, admin, key):
        with nothing_written():
            reply = post(admin, key=key)
        assert reply.status_code == 400
        assert reply.json()["code"] == "idempotency_key_invalid"

    @pytest.mark.parametrize("key", ["x" * 255, f'"{"x" * 255}"', r'"a \"b\" \\ c"', "a.b_c~d:e/f+g="])
    def test_any_visible_characters_are_a_key(self, admin, key):
        assert post(admin, key=key).status_code == 201
        assert post(admin, key=key)["Idempotency-Replayed"] == "true"

    def test_whoever_may_not_act_any_more_is_not_answered(self, admin, api):
        clerk = UserFactory.create(role=Role.ADMIN)
        assert post(api(clerk)).status_code == 201
        changed = admin.patch(f"/api/users/users/{clerk.pk}/", {"role": "bd"})
        assert changed.status_code == 200
        clerk.refresh_from_db()
        assert post(api(clerk)).status_code == 403

    def test_keys_end(self, admin, settings):
        first = post(admin)
        with time_machine.travel(timezone.now() + timedelta(hours=23, minutes=59), tick=False):
            assert IdempotencyKey.objects.living().count() == 1
            assert expired_idempotency_keys_delete() == 0
        IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=24))
        second = post(admin)
        assert second.json()["id"] != first.json()["id"]
        assert post(admin).json()["id"] == second.json()["id"]
        IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=24))
        assert expired_idempotency_keys_delete() == 1
        assert not IdempotencyKey.objects.exists()

    def test_what_is_kept_is_encrypted(self, admin):
        reference = post(admin).json()["reference_number"]
        with connection.cursor() as cursor:
            cursor.execute("SELECT body, fingerprint FROM common_idempotencykey")
            body, fingerprint = cursor.fetchone()
        assert reference not in body
        assert TERMS["loan_amount"] not in body
        assert len(fingerprint) == 64

    def test_browsers_may_send_the_key_and_read_the_answer(self, admin, settings):
        settings.CORS_ALLOW_ALL_ORIGINS = True
        asked = {
            "Origin": "https://crm.example.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "idempotency-key",
        }
        allowed = admin.options(APPLICATIONS, headers=asked)
        assert "idempotency-key" in allowed["Access-Control-Allow-Headers"]
        reply = admin.get(APPLICATIONS, headers={"Origin": "https://crm.example.com"})
        assert "idempotency-replayed" in reply["Access-Control-Expose-Headers"]


class View:
    """As much of a view as the decorator touches."""

    @idempotent(required=True)
    def pay(self, request):
        raise AssertionError("not without a key")


class Asked:
    def __init__(self, **headers):
        self.headers = headers


def test_a_view_may_demand_a_key():
    with pytest.raises(IdempotencyKeyMissing):
        View().pay(Asked())
    with pytest.raises(IdempotencyKeyInvalid):
        View().pay(Asked(**{"Idempotency-Key": ""}))
    assert View.pay.idempotency == "required"


# --- at the same moment ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_at_once_do_it_once(world):
    client_of = [ApiClient(world.admin) for _ in range(8)]
    replies = together(*[lambda client=client: post(client) for client in client_of])
    codes = statuses(replies)
    assert set(codes) <= {201, 409}
    done = [reply for reply in replies if reply.status_code == 201]
    assert len({reply.json()["id"] for reply in done}) == 1
    assert sum("Idempotency-Replayed" not in reply for reply in done) == 1
    assert {reply.json()["code"] for reply in replies if reply.status_code == 409} <= {
        "idempotency_key_in_flight"
    }
    assert Application.objects.filter(loan_term=TERMS["loan_term"], created_by=world.admin).count() == 1
    assert IdempotencyKey.objects.count() == 1


@contextmanager
def events_held():
    """Nobody can write an event, so every write waits in the middle of its transaction."""
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE events_event IN EXCLUSIVE MODE")
            yield
            cursor.execute("ROLLBACK")
    finally:
        other.close()


def waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE relation = 'events_event'::regclass AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return bool(cursor.fetchone()[0])


class Browser:
    """Sends requests over real HTTP, without waiting for the answer."""

    def __init__(self, web: Web, access: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
        self.access = access

    def send(self, body) -> None:
        headers = {
            "Authorization": f"Bearer {self.access}",
            "Content-Type": "application/json",
            "Idempotency-Key": KEY,
        }
        self.connection.request("POST", APPLICATIONS, json.dumps(body), headers)

    def answer(self):
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read()), reply.headers


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def web(stack, tmp_path):
    """`web()`: a running server."""

    def start() -> Web:
        server = Web(tmp_path)
        stack.callback(server.kill)
        return server

    return start


@pytest.fixture
def browse(transactional_db, stack):
    """`browse(server)`: an administrator at it."""
    access = ApiClient(UserFactory.create(role=Role.ADMIN)).tokens.access

    def open_at(server: Web) -> Browser:
        browser = Browser(server, access)
        stack.callback(browser.connection.close)
        return browser

    return open_at


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.django_db(transaction=True)
class TestOverHttp:
    def test_a_server_killed_in_the_middle_leaves_neither_write_nor_key(self, browse, web):
        doomed = web()
        with events_held():
            browse(doomed).send(TERMS)
            wait_for(waiting, what="the write in its transaction")
            doomed.kill()
        wait_for(lambda: not waiting(), what="the end of the killed server's transaction")
        assert not Application.objects.exists()
        assert not IdempotencyKey.objects.exists()
        browser = browse(web())
        browser.send(TERMS)
        status, first, headers = browser.answer()
        assert (status, headers["Idempotency-Replayed"]) == (201, None)
        browser.send(TERMS)
        status, second, headers = browser.answer()
        assert (status, headers["Idempotency-Replayed"]) == (201, "true")
        assert second == first
        assert Application.objects.count() == 1

    def test_a_server_killed_after_the_write_has_kept_its_reply(self, browse, web):
        doomed = web()
        browse(doomed).send(TERMS)
        wait_for(Application.objects.exists, what="the write")
        doomed.kill()
        assert IdempotencyKey.objects.count() == 1
        browser = browse(web())
        browser.send(TERMS)
        status, reply, headers = browser.answer()
        assert (status, headers["Idempotency-Replayed"]) == (201, "true")
        assert [reply["id"]] == list(Application.objects.values_list("pk", flat=True))
        assert Event.objects.filter(type="application.created").count() == 1

    def test_a_repeat_while_the_first_is_under_way_is_told_to_wait(self, browse, web):
        server = web()
        first, second = browse(server), browse(server)
        with events_held():
            first.send(TERMS)
            wait_for(waiting, what="the write in its transaction")
            second.send(TERMS)
            status, problem, _ = second.answer()
            assert (status, problem["code"]) == (409, "idempotency_key_in_flight")
        assert first.answer()[0] == 201
        second.send(TERMS)
        status, _, headers = second.answer()
        assert (status, headers["Idempotency-Replayed"]) == (201, "true")
