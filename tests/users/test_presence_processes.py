"""Presence with two server processes: one of two sockets left, a server killed, Redis emptied."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from redis import Redis
from websockets.sync.client import ClientConnection, connect

from tests.processes import Web, wait_for
from tests.tabs import processes, start
from users import live
from users.models import LastSeen

__all__ = ["processes", "start"]

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

# As in production, ten times as fast.
HASTE = {
    "users.live.LIVE_MS": 6_000,
    "users.live.RENEW_SECONDS": 2.0,
    "users.consumers.LOOK_SECONDS": 1.5,
}


@pytest.fixture
def servers(start) -> list[Web]:
    """Two of them."""
    return [start(Web, server="hasty", variables={"HASTE": json.dumps(HASTE)}) for _ in range(2)]


@pytest.fixture
def open_at(processes):
    """`open_at(web, client)`: a presence socket of a client's user, greeted."""

    def opened(web: Web, client: Any) -> ClientConnection:
        url = f"ws://127.0.0.1:{web.port}/ws/presence/"
        opening = connect(url, subprotocols=["bearer", client.tokens.access], open_timeout=20)
        socket: ClientConnection = processes.enter_context(opening)
        assert read(socket)["type"] == "connected"
        return socket

    return opened


def read(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(timeout=30))
    return message


def watch(socket: ClientConnection, user: Any) -> dict[str, Any]:
    """Begin to watch; where the user is."""
    socket.send(json.dumps({"type": "watch", "ids": [user.pk]}))
    assert read(socket) == {"type": "watching", "ids": [user.pk]}
    return read(socket)


def told_meanwhile(socket: ClientConnection) -> list[str]:
    """The statuses that were sent up to now."""
    socket.send('{"type": "heartbeat"}')
    statuses = []
    while (message := read(socket))["type"] != "heartbeat_response":
        statuses.append(message["status"])
    return statuses


def status_of(user: Any) -> str:
    (found,) = live.presences([user.pk])
    return found.status


def test_one_is_online_while_a_socket_is_left_and_offline_after_a_kill(world, api, servers, open_at):
    user = world.ours.client_user
    watcher = open_at(servers[0], api(world.ours.broker_user))
    assert watch(watcher, user)["status"] == "offline"
    theirs = api(user)
    sockets = [open_at(web, theirs) for web in servers]
    assert read(watcher)["status"] == "online"
    sockets[0].close()
    # That it was left is noted when the server has dealt with it: its connection is not there any more.
    client = Redis.from_url(settings.REDIS_URL)
    wait_for(lambda: client.zcard(live._keys(user.pk)[0]) == 1, what="one connection is left")
    assert status_of(user) == "online"
    assert told_meanwhile(watcher) == []
    wait_for(lambda: LastSeen.objects.filter(pk=user.pk).exists(), what="it is written down")

    killed = timezone.now()
    servers[1].kill()
    gone = read(watcher)
    assert (gone["user_id"], gone["status"]) == (user.pk, "offline")
    # Known to the last renewal.
    left = datetime.fromisoformat(gone["last_seen_at"])
    assert killed - timedelta(seconds=HASTE["users.live.LIVE_MS"] / 1000) <= left <= killed
    assert killed - timedelta(seconds=60) <= LastSeen.objects.get(pk=user.pk).at <= killed

    client.flushdb()  # the table knows it for good
    (found,) = live.presences([user.pk])
    assert (found.status, found.last_seen_at) == ("offline", LastSeen.objects.get(pk=user.pk).at)


def test_an_emptied_redis_knows_everybody_again(world, api, servers, open_at):
    users = [world.ours.client_user, world.ours.bd_user]
    held = [open_at(web, api(user)) for web, user in zip(servers, users, strict=True)]
    watcher = open_at(servers[0], api(world.ours.broker_user))
    assert watch(watcher, users[1])["status"] == "online"
    Redis.from_url(settings.REDIS_URL).flushdb()
    wait_for(lambda: [status_of(user) for user in users] == ["online"] * 2, what="both are there again")
    # Who looked in between was told so, and is told the rest.
    statuses = ["online"]

    def knows() -> bool:
        statuses.extend([read(watcher)["status"]] if statuses[-1] != "online" else told_meanwhile(watcher))
        return statuses[-1] == "online"

    wait_for(knows, what="the watcher knows")
    for socket in held:
        assert told_meanwhile(socket) == []
