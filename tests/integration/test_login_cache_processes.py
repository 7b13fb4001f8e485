"""What ends a login in one web process ends it in the other: two real ones, over real HTTP."""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.clients import ApiClient
from tests.factories import World
from tests.processes import Web

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PROFILE = "/api/users/auth/profile/"


def ask(web, client, path, method="GET"):
    """Status and body."""
    headers = {"Authorization": f"Bearer {client.tokens.access}", "Content-Type": "application/json"}
    request = Request(f"http://127.0.0.1:{web.port}{path}", method=method, headers=headers)
    try:
        with urlopen(request, timeout=20) as reply:
            return reply.status, json.load(reply)
    except HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def test_a_login_that_ends_in_one_process_has_ended_in_all(tmp_path):
    world = World()
    admin, broker = ApiClient(world.admin), ApiClient(world.ours.broker_user)
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    webs = []
    try:
        webs.extend(Web(folder) for folder in folders)
        for _ in range(5):
            assert [ask(web, broker, PROFILE)[0] for web in webs] == [200, 200]
        address = f"/api/users/users/{broker.user.pk}"
        assert ask(webs[0], admin, f"{address}/force-logout/", "POST")[0] == 200
        for web in reversed(webs):
            status, body = ask(web, broker, PROFILE)
            assert (status, body["code"]) == (401, "token_not_valid")
    finally:
        for web in webs:
            web.kill()
