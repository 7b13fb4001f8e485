"""What every address has in common: health, the index, ids, errors, limits, headers, documentation."""

import re

import orjson
import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.clients import ApiClient
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

REQUEST_ID = re.compile(r"[0-9a-f]{32}")
PROBLEM = "application/problem+json"


@pytest.fixture
def anyone():
    return ApiClient(raise_request_exception=False)


# --- health ---------------------------------------------------------------------------------------


def test_health_says_what_answers(anyone):
    reply = anyone.get("/health/")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok", "service": "lending-crm"})


def test_live_asks_nothing_of_the_database(anyone, django_assert_num_queries):
    with django_assert_num_queries(0):
        reply = anyone.get("/health/live/")
    assert (reply.status_code, reply.json()) == (200, {"status": "alive", "service": "lending-crm"})


def test_ready_when_everything_is_there(anyone):
    reply = anyone.get("/health/ready/")
    assert (reply.status_code, reply.json()) == (
        200,
        {"status": "ready", "components": {"database": "ok", "redis": "ok"}},
    )


def broken_redis(*args, **kwargs):
    raise RedisConnectionError("redis://:password@internal:6379 is away")


def test_not_ready_without_redis(anyone, monkeypatch):
    monkeypatch.setattr("crm_backend.site.health.cache.set", broken_redis)
    reply = anyone.get("/health/ready/")
    assert (reply.status_code, reply.json()) == (
        503,
        {"status": "unavailable", "components": {"database": "ok", "redis": "unavailable"}},
    )
    assert anyone.get("/health/live/").status_code == 200


def test_not_ready_without_the_database(anyone, monkeypatch):
    def broken():
        raise OperationalError from psycopg.OperationalError("password authentication failed")

    monkeypatch.setattr("crm_backend.site.health.connection.cursor", broken)
    reply = anyone.get("/health/ready/")
    assert (reply.status_code, reply.json()) == (
        503,
        {"status": "unavailable", "components": {"database": "unavailable", "redis": "ok"}},
    )
    page = anyone.get("/")
    assert page.status_code == 200
    assert 'class="bad"' in page.content.decode()


# --- the way in -----------------------------------------------------------------------------------


def test_the_index_links_to_addresses_that_exist(world, api):
    admin = api(world.admin)
    reply = admin.get("/api/")
    assert reply.status_code == 200
    assert reply.json()["version"] == "1"
    links = reply.json()["links"]
    assert links.pop("notifications_websocket") == "ws://testserver/ws/notifications/"
    for name, address in links.items():
        expected = 405 if name in ("login", "register") else 200
        assert admin.get(address).status_code == expected, name


def test_the_home_page_links_to_the_documentation(anyone):
    reply = anyone.get("/")
    assert reply.status_code == 200
    assert reply["Content-Type"] == "text/html; charset=utf-8"
    for address in ("/api/docs/", "/api/redoc/", "/api/schema/"):
        assert f'href="{address}"' in reply.content.decode()


# --- ids and versions -----------------------------------------------------------------------------


def test_a_request_id_is_made_and_returned(anyone):
    one, two = (anyone.get("/health/")["X-Request-ID"] for _ in range(2))
    assert REQUEST_ID.fullmatch(one)
    assert one != two


@pytest.mark.parametrize("given", ["12345678", "a-b_c.d~e-f", "x" * 128])
def test_a_callers_request_id_is_kept(anyone, given):
    assert anyone.get("/health/", headers={"X-Request-ID": given})["X-Request-ID"] == given
    problem = anyone.get("/api/nowhere/", headers={"X-Request-ID": given})
    assert problem.json()["request_id"] == problem["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given", ["short", "x" * 129, "with space", "a\tb56789", "<script>1", "ümlaut-id", ""]
)
def test_a_harmful_request_id_is_replaced(anyone, given):
    returned = anyone.get("/health/", headers={"X-Request-ID": given})["X-Request-ID"]
    assert REQUEST_ID.fullmatch(returned)


def test_the_versioned_address_is_the_same(world, api):
    client = api(world.ours.broker_user)
    one, two = (
        client.get(f"{base}applications/{world.ours.application.pk}/") for base in ("/api/", "/api/v1/")
    )
    assert one.json() == two.json()
    assert one["ETag"] == two["ETag"]
    assert one["X-API-Version"] == two["X-API-Version"] == "1"


def test_links_keep_the_prefix_that_was_asked_for(world, api):
    client = api(world.admin)
    assert client.get("/api/v1/applications/?limit=1").json()["next"] == (
        "http://testserver/api/v1/applications/?limit=1&offset=1"
    )


def test_every_reply_under_api_says_its_version(anyone):
    for address, status in (("/api/", 200), ("/api/nowhere/", 404), ("/api/applications/", 401)):
        reply = anyone.get(address)
        assert (reply.status_code, reply["X-API-Version"]) == (status, "1")
    assert "X-API-Version" not in anyone.get("/health/")
    assert anyone.get("/api/v2/applications/").status_code == 404


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["/api/nowhere/", "/api/v1/nowhere/", "/api/applications", "/api/borrowers/x/"]
)
def test_an_unknown_address_is_a_problem_document(anyone, address):
    reply = anyone.get(address)
    assert (reply.status_code, reply["Content-Type"]) == (404, PROBLEM)
    assert reply.json() == {
        "type": "urn:crm:problem:not_found",
        "title": "Not found",
        "status": 404,
        "detail": "There is nothing at this address.",
        "code": "not_found",
        "errors": {},
        "request_id": reply["X-Request-ID"],
    }


def test_an_unknown_page_is_plain_text(anyone):
    reply = anyone.get("/nowhere")
    assert (reply.status_code, reply["Content-Type"], reply.content) == (404, "text/plain", b"404 Not found")


def test_a_defect_is_a_500_without_internals(world, monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("secret-internals")

    client = ApiClient(world.admin, raise_request_exception=False)
    monkeypatch.setattr("applications.views.applications.applications.application_create", broken)
    body = {"loan_amount": "1", "loan_term": 1, "interest_rate": "1"}
    with nothing_written():
        reply = client.post("/api/applications/", body)
    assert (reply.status_code, reply["Content-Type"]) == (500, PROBLEM)
    assert b"secret-internals" not in reply.content
    assert reply.json() == {
        "type": "urn:crm:problem:internal",
        "title": "Internal error",
        "status": 500,
        "detail": "Something went wrong on our side. Quote the request id.",
        "code": "internal",
        "errors": {},
        "request_id": reply["X-Request-ID"],
    }


def test_a_login_is_asked_for(anyone):
    reply = anyone.get("/api/applications/")
    assert (reply.status_code, reply["Content-Type"]) == (401, PROBLEM)
    assert reply["WWW-Authenticate"].startswith("Bearer")
    assert reply.json()["code"] == "not_authenticated"


def test_an_unsupported_method_names_the_supported_ones(world, api):
    reply = api(world.admin).delete("/api/applications/")
    assert (reply.status_code, reply.json()["code"]) == (405, "method_not_allowed")
    assert reply["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_an_unsupported_media_type_is_refused(world, api):
    client = api(world.admin)
    with nothing_written():
        reply = client.generic("POST", "/api/applications/", b"<a/>", content_type="application/xml")
    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")


def test_only_json_is_given(world, api):
    reply = api(world.admin).get("/api/applications/", headers={"Accept": "application/xml"})
    assert (reply.status_code, reply.json()["code"]) == (406, "not_acceptable")


def test_malformed_json_is_refused(world, api):
    client = api(world.admin)
    with nothing_written():
        reply = client.generic("POST", "/api/applications/", b"{", content_type="application/json")
    assert (reply.status_code, reply.json()["code"]) == (400, "malformed")


def test_an_oversized_body_is_refused(world, api):
    client = api(world.admin)
    body = orjson.dumps({"purpose": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE})
    with nothing_written():
        reply = client.generic("POST", "/api/applications/", body, content_type="application/json")
    assert (reply.status_code, reply["Content-Type"], reply.json()["code"]) == (413, PROBLEM, "too_large")


def test_a_text_with_a_null_character_is_refused(world, api):
    client = api(world.ours.broker_user)
    with nothing_written():
        reply = client.patch(f"/api/borrowers/{world.ours.borrower.pk}/", {"employer": "a\x00b"})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"employer": ["Null characters are not allowed."]}
    assert client.get("/api/borrowers/?search=%00").status_code == 400


@pytest.mark.parametrize("pk", [0, 2**63, 10**30])
def test_an_id_out_of_range_is_not_found(world, api, pk):
    assert api(world.admin).get(f"/api/applications/{pk}/").status_code == 404


# --- headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/", "/health/", "/api/", "/api/nowhere/", "/api/docs/"])
def test_security_headers_are_on_every_reply(anyone, address):
    reply = anyone.get(address)
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert reply["X-Frame-Options"] == "DENY"
    assert reply["Referrer-Policy"] == "same-origin"
    # Swagger UI's login window has to talk to its opener.
    opener = "unsafe-none" if address == "/api/docs/" else "same-origin"
    assert reply["Cross-Origin-Opener-Policy"] == opener


ORIGIN = "https://app.example.com"


def preflight(client):
    return client.options(
        "/api/applications/",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,if-match",
        },
    )


def test_other_origins_are_shut_out_by_default(anyone):
    assert settings.CORS_ALLOWED_ORIGINS == []
    for reply in (preflight(anyone), anyone.get("/api/", headers={"Origin": ORIGIN})):
        assert "Access-Control-Allow-Origin" not in reply


def test_an_origin_that_is_let_in_may_send_and_read_our_headers(anyone, settings):
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    reply = preflight(anyone)
    assert reply.status_code == 200
    assert reply["Access-Control-Allow-Origin"] == ORIGIN
    allowed = reply["Access-Control-Allow-Headers"]
    assert {"authorization", "if-match", "if-none-match", "x-request-id"} <= set(allowed.split(", "))
    read = anyone.get("/api/", headers={"Origin": ORIGIN})
    assert "etag" in read["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in read


def test_options_name_the_methods(world, api):
    client = api(world.admin)
    for address, methods in (
        ("/api/applications/", "GET, POST, HEAD, OPTIONS"),
        (f"/api/applications/{world.ours.application.pk}/", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        ("/api/audit-logs/", "GET, HEAD, OPTIONS"),
    ):
        reply = client.options(address)
        assert (reply.status_code, reply["Allow"], reply.content) == (204, methods, b"")


def test_long_replies_are_compressed_for_who_can_read_it(anyone):
    packed = anyone.get("/api/schema/", headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert "Content-Encoding" not in anyone.get("/api/schema/")


def test_the_remaining_allowance_is_on_every_reply(world, api):
    reply = api(world.admin).get("/api/applications/")
    assert reply["RateLimit-Limit"] == "1000000"
    assert reply["RateLimit-Remaining"] == "999999"
    assert 1 <= int(reply["RateLimit-Reset"]) <= 61


# --- documentation --------------------------------------------------------------------------------


def test_the_schema_is_served(anyone):
    reply = anyone.get("/api/schema/", headers={"Accept": "application/json"})
    assert reply.status_code == 200
    document = orjson.loads(reply.content)
    assert document["openapi"].startswith("3.1")
    assert "/api/applications/{id}/" in document["paths"]
    assert not [path for path in document["paths"] if path.startswith("/api/v1/")]


@pytest.mark.parametrize("address", ["/api/docs/", "/api/redoc/"])
def test_the_documentation_loads_nothing_from_elsewhere(anyone, address):
    page = anyone.get(address, headers={"Accept": "text/html"})
    assert page.status_code == 200
    text = page.content.decode()
    sources = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]*)"', text)
    assert sources
    assert [source for source in sources if not source.startswith("/static/")] == []
    assert not re.findall(r"https?://(?!testserver)[^\s\"'<]+", text)
    for source in sources:
        asset = anyone.get(source)
        assert asset.status_code == 200, source
        assert b"".join(asset)
        asset.close()


def test_addresses_in_replies_keep_the_callers_prefix(world):
    client = ApiClient(world.ours.broker_user)
    made = client.post("/api/v1/borrowers/", {"first_name": "Mia", "last_name": "Chen"})
    assert made["Location"] == f"http://testserver/api/v1/borrowers/{made.json()['id']}/"
    assert client.get(made["Location"]).status_code == 200
    page = client.get("/api/v1/borrowers/?limit=1").json()
    assert page["next"].startswith("http://testserver/api/v1/borrowers/?")
