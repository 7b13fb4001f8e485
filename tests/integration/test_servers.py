"""Both web servers, as in production behind one proxy: clients cannot tell which of them answered.

`docker-compose.yml` has HTTP served by granian through `crm_backend.wsgi`, and sockets by daphne through
`crm_backend.asgi`, which serves HTTP as well where it is alone.
"""

import gzip
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from tests.processes import Web

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

PRODUCTION = {
    "ENVIRONMENT": "production",
    "TRUSTED_PROXIES": "1",
    "ALLOWED_HOSTS": "crm.example.com",
    "CORS_ALLOWED_ORIGINS": "https://app.example.com",
    "EMAIL_URL": "smtp://127.0.0.1:1",
    "FIELD_ENCRYPTION_KEYS": urlsafe_b64encode(sha256(b"a test").digest()).decode(),
    "THROTTLE_ANONYMOUS": "1000000/hour",
    "LOG_LEVEL": "WARNING",
}
KINDS = ("daphne", "granian")
PROXIED = {"Host": "crm.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
# Of the server itself, of the moment, or of the connection: the proxy writes its own.
NOT_OURS = {"server", "date", "connection", "transfer-encoding", "content-length"}
CHANGING = {"x-request-id", "ratelimit-remaining", "ratelimit-reset"}


class Asked:
    """An answer, with all of its body."""

    def __init__(self, reply: HTTPResponse) -> None:
        self.status = reply.status
        self.headers = {name.lower(): value for name, value in reply.getheaders()}
        body = reply.read()
        # Django pads what it compresses by chance, so that nobody learns from the length.
        self.body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body

    @property
    def alike(self) -> tuple[int, dict[str, str], bytes]:
        """What has to be the same."""
        own = {name: value for name, value in self.headers.items() if name not in NOT_OURS | CHANGING}
        body = self.body
        if self.headers["content-type"].endswith("problem+json"):
            problem = json.loads(body)
            problem.pop("request_id", None)
            body = json.dumps(problem).encode()
        return self.status, own, body


def ask(web: Web, method: str, path: str, body: Any = None, **headers: str) -> Asked:
    connection = HTTPConnection("127.0.0.1", web.port, timeout=20)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {**PROXIED, **given})
        return Asked(connection.getresponse())
    finally:
        connection.close()


# Probed by its address on the machine, which production itself would refuse.
PROBED = {**PRODUCTION, "ALLOWED_HOSTS": "crm.example.com,127.0.0.1", "DATABASE_POOL_SIZE": "0"}


@pytest.fixture(scope="module")
def webs(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Web]]:
    started: list[Web] = []
    try:
        for server in KINDS:  # one that starts is stopped, also when the next does not
            started += [Web(tmp_path_factory.mktemp(server), server=server, variables=PROBED)]
        yield started
    finally:
        codes = [web.terminate() for web in started]
    assert codes == [0] * len(KINDS)


def test_both_servers_answer_alike(world, api, webs):
    token = api(world.ours.broker_user).tokens.access
    login = {"Authorization": f"Bearer {token}"}
    as_json = {"Content_Type": "application/json"}
    pk = world.ours.application.pk
    requests: list[tuple[int, str, str, Any, dict[str, str]]] = [
        (200, "GET", "/health/ready/", None, {}),
        (200, "GET", "/api/", None, {}),
        (200, "GET", f"/api/v1/applications/{pk}/", None, login),
        (200, "GET", "/api/applications/?limit=1", None, login),
        (200, "GET", "/api/schema/", None, {"Accept_Encoding": "gzip"}),
        (200, "GET", "/api/applications/export/?format=csv", None, login),
        (200, "GET", "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css", None, {}),
        (200, "GET", "/api/", None, {"Origin": "https://app.example.com"}),
        (204, "OPTIONS", "/api/applications/", None, login),
        (301, "GET", "/api/", None, {"X_Forwarded_Proto": "http"}),
        (400, "GET", "/api/", None, {"Host": "evil.example.com"}),
        (400, "POST", "/api/auth/login/", b"{", as_json),
        (401, "GET", "/api/applications/", None, {}),
        (404, "GET", "/api/nowhere/", None, login),
        (405, "DELETE", "/api/applications/", None, login),
        (413, "POST", "/api/auth/login/", b" " * (6 * 1024 * 1024), as_json),
    ]
    for status, method, path, body, headers in requests:
        daphne, granian = (ask(web, method, path, body, **headers) for web in webs)
        assert daphne.status == status, (method, path, daphne.body[:300])
        assert granian.alike == daphne.alike, (method, path)
        if status not in (301, 400) and headers.get("Host") is None:
            assert granian.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_both_servers_keep_a_request_id_and_compress(webs):
    for web in webs:
        reply = ask(web, "GET", "/api/schema/", Accept_Encoding="gzip", X_Request_ID="from-the-proxy-1")
        assert reply.headers["x-request-id"] == "from-the-proxy-1"
        assert reply.headers["content-encoding"] == "gzip"
        assert reply.body.startswith(b"openapi: 3.1.0")


def test_both_servers_go_on_answering(world, api, webs):
    login = {"Authorization": f"Bearer {api(world.ours.broker_user).tokens.access}"}
    for web in webs:
        # daphne has a thread for each, which takes nothing with it that there are so many of.
        asked = [ask(web, "GET", "/api/users/notifications/unread-count/", **login) for _ in range(120)]
        assert {reply.status for reply in asked} == {200}


def test_both_servers_count_callers_by_the_address_that_the_proxy_saw(webs):
    """A client can only add to the left of what the proxy writes."""
    for number, web in enumerate(webs):
        left = [
            int(ask(web, "GET", "/api/", X_Forwarded_For=address).headers["ratelimit-remaining"])
            for address in (f"198.51.100.{number}", f"10.0.0.1, 198.51.100.{number}", f"203.0.113.{number}")
        ]
        assert left == [999_999, 999_998, 999_999]


def test_granian_finishes_a_request_when_it_is_asked_to_stop(tmp_path):
    web = Web(tmp_path, server="granian", variables=PROBED)
    connection = HTTPConnection("127.0.0.1", web.port, timeout=20)
    body = json.dumps({"email": "nobody@example.com", "password": "wrong"})
    connection.request("POST", "/api/auth/login/", body, {**PROXIED, "Content-Type": "application/json"})
    time.sleep(0.05)  # it hashes a password now, which takes longer
    assert web.terminate() == 0
    assert connection.getresponse().status == 401
    connection.close()
