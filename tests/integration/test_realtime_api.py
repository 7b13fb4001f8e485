"""`/api/realtime/`: what a client of the gateway asks over HTTP."""

import pytest

from tests.clients import ApiClient
from users.services.api_keys import api_key_create

AUTH, TRIGGER = "/api/realtime/auth/", "/api/realtime/trigger/"


def test_the_configuration_is_that_of_the_address_it_was_asked_at(world):
    reply = ApiClient(world.ours.client_user).get("/api/realtime/config/", headers={"host": "localhost:8123"})
    assert reply.json() == {
        "key": "development",
        "cluster": "main",
        "wsHost": "localhost",
        "wsPort": 8123,
        "wssPort": 443,
        "forceTLS": False,
        "authEndpoint": "http://localhost:8123/api/realtime/auth/",
    }


def test_over_tls_the_ports_are_the_other_way_round(world):
    reply = ApiClient(world.ours.client_user).get("/api/realtime/config/", secure=True).json()
    assert (reply["wsPort"], reply["wssPort"], reply["forceTLS"]) == (80, 443, True)


def test_the_status_without_a_key(world, settings):
    client = ApiClient(world.ours.client_user)
    told = {"available": True, "service": "pusher-protocol-7", "configured": True, "connections": 0}
    assert client.get("/api/realtime/status/").json() == told
    settings.GATEWAY_KEY = ""
    assert client.get("/api/realtime/status/").json() == {**told, "available": False, "configured": False}
    reply = client.get("/api/realtime/config/")
    assert (reply.status_code, reply.json()["code"]) == (503, "gateway_off")


def test_a_form_is_taken_as_clients_send_it(world):
    user = world.ours.client_user
    body = f"socket_id=12.34&channel_name=private-user-{user.pk}"
    form = "application/x-www-form-urlencoded"
    reply = ApiClient(user).post(AUTH, body, content_type=form)
    assert reply.status_code == 200
    assert list(reply.json()) == ["auth"]
    assert ApiClient(user).post(AUTH, "socket_id=é", content_type=form).status_code == 400


@pytest.mark.parametrize("channel", ["news", "private-unknown-1", "private-user-0", "presence-team-999999"])
def test_what_is_not_ones_own_is_not_signed(world, channel):
    body = {"socket_id": "12.34", "channel_name": channel}
    reply = ApiClient(world.ours.client_user).post(AUTH, body)
    assert (reply.status_code, reply.json()["code"]) == (403, "permission_denied")


def test_keys_trigger_with_the_scope_and_sign_nothing(world):
    _, raw = api_key_create(user=world.admin, actor=world.admin, name="Site", scopes=["realtime:write"])
    client = ApiClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {raw}")
    body = {"name": "news", "channels": ["everybody"], "data": {}}
    assert client.post(TRIGGER, body).status_code == 200
    signing = {"socket_id": "12.34", "channel_name": f"private-user-{world.admin.pk}"}
    assert client.post(AUTH, signing).status_code == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "pusher:error"}, "name"),
        ({"name": "client-typing"}, "name"),
        ({"channels": []}, "channels"),
        ({"channels": ["private-unknown-1"]}, "channels"),
        ({"channels": ["a b"]}, "channels"),
        ({"data": "x" * 10_241}, "data"),
        ({"socket_id": "12"}, "socket_id"),
    ],
)
def test_what_cannot_be_told_is_refused(world, change, field):
    body = {"name": "news", "channels": ["everybody"], "data": {}, **change}
    reply = ApiClient(world.admin).post(TRIGGER, body)
    assert reply.status_code == 400
    assert set(reply.json()["errors"]) == {field}
