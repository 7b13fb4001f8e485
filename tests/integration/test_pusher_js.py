"""The gateway as pusher-js and Laravel Echo find it: their real packages under Node, and a real server."""

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from websockets.sync.client import connect

from applications.events import ApplicationUpdated
from events.dispatcher import dispatch_pending
from events.services import emit
from integrations import live
from tests import node
from tests.clients import ApiClient
from tests.events.test_dispatcher import stage_changed
from tests.node import NodeClient
from tests.processes import ROOT, Web, wait_for
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    node.install()
    server = Web(tmp_path)
    yield server
    server.kill()


def options_for(web: Web, user: User) -> dict[str, Any]:
    """What `GET config/` gives, and a token."""
    client = ApiClient(user)
    found = client.get("/api/realtime/config/", headers={"host": f"127.0.0.1:{web.port}"}).json()
    return {**found, "token": client.tokens.access}


@pytest.fixture
def open_client(web: Web) -> Iterator[Callable[[User], NodeClient]]:
    with ExitStack() as stack:

        def start(user: User) -> NodeClient:
            client = NodeClient(options_for(web, user))
            stack.callback(client.close)
            client.socket_id = client.expect("state:connected")["socket_id"]
            return client

        yield start


def happen(application: Any) -> None:
    with transaction.atomic():
        payload = ApplicationUpdated(reference="APP-1", field_names="purpose")
        emit(payload, actor=None, subject=application, application_id=application.pk)
    dispatch_pending()


def trigger(admin: User, channel: str, name: str, data: Any, **more: Any) -> None:
    body = {"name": name, "channels": [channel], "data": data, **more}
    assert ApiClient(admin).post("/api/realtime/trigger/", body).status_code == 200


SUCCEEDED = "pusher:subscription_succeeded"


def test_public_private_and_client_events(world, open_client):
    broker, borrower = open_client(world.ours.broker_user), open_client(world.ours.client_user)
    application = f"private-application-{world.ours.application.pk}"
    for client in (broker, borrower):
        for channel in ("news", application):
            client.do("subscribe", channel=channel)
            client.expect(SUCCEEDED, channel)
    own = f"private-user-{world.ours.broker_user.pk}"
    broker.do("subscribe", channel=own)
    broker.expect(SUCCEEDED, own)

    trigger(world.admin, "news", "greeting", {"text": "Good morning"})
    for client in (broker, borrower):
        assert client.expect("greeting", "news") == {"text": "Good morning"}

    happen(world.ours.application)
    for client in (broker, borrower):
        assert client.expect("application.updated", application)["summary"] == "Application changed: purpose."

    with transaction.atomic():
        emit(stage_changed(), actor=None, subject=world.ours.broker_user, recipients=[world.ours.broker_user])
    dispatch_pending()
    assert broker.expect("notification", own)["seq"] == 1
    assert broker.expect("unread_count", own) == {"count": 1}

    broker.do("trigger", channel=application, event="client-typing", data={"field": "purpose"})
    assert borrower.expect("client-typing", application) == {"field": "purpose"}

    # What is told to both afterwards comes after what must not have come to one of them.
    trigger(world.admin, application, "refresh", {"n": 1}, socket_id=broker.socket_id)
    trigger(world.admin, application, "refresh", {"n": 2})
    assert borrower.expect("refresh", application) == {"n": 1}
    assert borrower.expect("refresh", application) == {"n": 2}
    assert broker.expect("refresh", application) == {"n": 2}
    assert "client-typing" not in broker.names()


def test_presence_with_two_clients(world, open_client):
    channel = f"presence-team-{world.ours.branch.pk}"
    admin, bdm = world.admin, world.ours.bd_user
    one, two = open_client(admin), open_client(bdm)
    one.do("subscribe", channel=channel)
    assert one.expect(SUCCEEDED, channel) == {"count": 1, "ids": [str(admin.pk)]}
    two.do("subscribe", channel=channel)
    found = two.expect(SUCCEEDED, channel)
    assert (found["count"], sorted(found["ids"])) == (2, sorted([str(admin.pk), str(bdm.pk)]))
    added = one.expect("pusher:member_added", channel)
    assert added == {"id": str(bdm.pk), "info": {"name": bdm.full_name, "role": "bd"}}
    two.do("trigger", channel=channel, event="client-wave", data={})
    assert one.expect("client-wave", channel) == {}
    two.do("unsubscribe", channel=channel)
    assert one.expect("pusher:member_removed", channel)["id"] == str(bdm.pk)


def test_a_foreign_channel_is_refused_by_the_endpoint_and_by_the_socket(world, open_client):
    broker = open_client(world.ours.broker_user)
    channel = f"private-application-{world.theirs.application.pk}"
    broker.do("subscribe", channel=channel)
    refused = broker.expect("pusher:subscription_error", channel)
    assert refused["status"] == 403
    # Past the endpoint, with a signature of one's own making.
    broker.do("raw", event="pusher:subscribe", data={"channel": channel, "auth": "development:" + "0" * 64})
    assert broker.expect("connection:error")["code"] == 4009
    happen(world.theirs.application)
    broker.do("subscribe", channel="news")
    broker.expect(SUCCEEDED, "news")
    assert "application.updated" not in broker.names()


def test_clients_come_back_when_the_server_was_killed(world, web, open_client, tmp_path):
    application = f"private-application-{world.ours.application.pk}"
    team = f"presence-team-{world.ours.branch.pk}"
    bdm = open_client(world.ours.bd_user)
    for channel in (application, team):
        bdm.do("subscribe", channel=channel)
        bdm.expect(SUCCEEDED, channel)
    web.kill()
    bdm.expect("state:connecting")
    again = Web(tmp_path, web.port)
    try:
        bdm.expect("state:connected", seconds=60)
        bdm.expect_each(SUCCEEDED, (application, team))
        happen(world.ours.application)
        assert bdm.expect("application.updated", application)["type"] == "application.updated"
    finally:
        again.kill()


def test_two_servers_know_of_each_others_sockets_and_a_killed_one_is_forgotten(
    world, web, open_client, tmp_path, monkeypatch
):
    other = Web(tmp_path)
    try:
        here = open_client(world.admin)
        there = NodeClient(options_for(other, world.ours.bd_user))
        team = f"presence-team-{world.ours.branch.pk}"
        here.do("subscribe", channel=team)
        here.expect(SUCCEEDED, team)
        there.do("subscribe", channel=team)
        assert there.expect(SUCCEEDED, team)["count"] == 2
        assert here.expect("pusher:member_added", team)["id"] == str(world.ours.bd_user.pk)
        assert live.connections() == 2
        there.child.send_signal(signal.SIGSTOP)  # so that it does not come back by itself
        other.kill()
        removed = here.expect("pusher:member_removed", team, seconds=90)
        assert removed["id"] == str(world.ours.bd_user.pk)
        wait_for(lambda: live.connections() == 1, what="the killed server's socket to be forgotten")
        there.child.send_signal(signal.SIGCONT)
        there.close()
    finally:
        other.kill()


def test_the_snippet_of_the_manual_runs(world, web):
    text = (ROOT / "docs" / "gateway.md").read_text()
    snippet = re.search(r"```js\n(.*?)```", text, re.DOTALL).group(1)
    user = world.ours.broker_user
    environment = {
        "API": f"http://127.0.0.1:{web.port}/api",
        "TOKEN": ApiClient(user).tokens.access,
        "USER_ID": str(user.pk),
        "APPLICATION_ID": str(world.ours.application.pk),
    }
    program = node.run(snippet, environment)
    try:
        lines = iter(program.stdout.readline, "")
        assert next(lines).strip() == "following"
        happen(world.ours.application)
        assert next(lines).strip() == "application.updated Application changed: purpose."
    finally:
        program.kill()
        program.wait(timeout=20)
        program.stdout.close()


def test_any_websocket_client_reads_the_close_code(web):
    address = f"ws://127.0.0.1:{web.port}/app/unknown?protocol=7"
    with connect(address) as ws:
        assert json.loads(ws.recv(10))["data"]["code"] == 4001
        with pytest.raises(Exception, match="4001"):
            ws.recv(10)
    assert ws.close_code == 4001
    with connect(f"ws://127.0.0.1:{web.port}/app/development?protocol=7") as ws:
        assert json.loads(ws.recv(10))["event"] == "pusher:connection_established"
        for text in ("{", "[]", '{"event": "pusher:subscribe"}'):
            ws.send(text)
            assert json.loads(ws.recv(10))["data"]["code"] == 4300
        ws.send(json.dumps({"event": "pusher:ping", "data": {}}))
        assert json.loads(ws.recv(10))["event"] == "pusher:pong"
        web.terminate()
        with pytest.raises(Exception, match="1012"):
            ws.recv(10)
