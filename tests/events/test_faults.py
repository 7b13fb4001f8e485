"""Kill -9 at the worst moments: nothing is lost and nobody is told twice. Real processes throughout."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.urls import reverse
from redis import Redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from events.dispatcher import dispatch_pending
from events.models import Event
from notifications.models import Notification, NotificationCounter
from tests.processes import Process, Web, wait_for, worker

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.fixture
def processes(tmp_path) -> Iterator[ExitStack]:
    """Kills at the end what is still alive; a failed test shows what the processes said."""
    with ExitStack() as stack:
        yield stack
    for log in tmp_path.glob("*.log"):
        print(f"--- {log.name}\n{log.read_text()[-3000:]}")  # noqa: T201


@pytest.fixture
def start(processes, tmp_path):
    """`start(worker)`, `start(Web)`: a running process."""

    def run(kind: Any, **options: Any) -> Any:
        process: Process = kind(tmp_path, **options)
        processes.callback(process.kill)
        return process

    return run


@pytest.fixture
def open_tab(processes, broker_token):
    """`open_tab(web)`: a tab of our broker's at a web server."""

    def open_at(web: Web) -> Tab:
        opening = connect(web.socket_url, subprotocols=["bearer", broker_token], open_timeout=20)
        return Tab(processes.enter_context(opening))

    return open_at


@pytest.fixture
def change_stage(world, api):
    """Move our application on; each move is to be told to its broker, its client and the administrator."""
    client = api(world.ours.bd_user)
    path = iter(["sent_to_lender", "funding_table_issued", "iloo_issued", "iloo_signed"])

    def move() -> None:
        url = reverse("application-stage", args=[world.ours.application.pk])
        assert client.put(url, {"stage": next(path)}).status_code == 200

    return move


@pytest.fixture
def recipients(world):
    return sorted([world.admin.pk, world.ours.broker_user.pk, world.ours.client_user.pk])


def all_dispatched() -> bool:
    return not Event.objects.filter(dispatched_at=None).exists()


def notified() -> list[tuple[int, int]]:
    """(user, seq) of every notification."""
    return sorted(Notification.objects.values_list("user_id", "seq"))


@contextmanager
def held_counter(user) -> Iterator[psycopg.Connection]:
    """The row lock without which no projection for this user can commit."""
    NotificationCounter.objects.get_or_create(pk=user.pk)
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                "SELECT 1 FROM notifications_notificationcounter WHERE user_id = %s FOR UPDATE", [user.pk]
            )
            yield
            cursor.execute("ROLLBACK")
    finally:
        other.close()


def blocked_backends() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE '%%notificationcounter%%'"
        )
        return int(cursor.fetchone()[0])


def is_held_push(client: dict[str, str]) -> bool:
    """Whether the paused server keeps a client's PUBLISH waiting."""
    return client["cmd"] == "publish" and "b" in client["flags"]


class Tab:
    """A browser tab with the socket open."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.last_seq: int = self.next("connected")["last_seq"]
        self.next("unread_count")

    def next(self, kind: str, timeout: float = 40) -> dict[str, Any]:
        """The next message, which is of this type."""
        message: dict[str, Any] = json.loads(self.socket.recv(timeout=timeout))
        assert message["type"] == kind, message
        return message

    def send(self, message: dict[str, Any]) -> None:
        self.socket.send(json.dumps(message))

    def until_closed(self) -> None:
        """Read what is left; ends with `ConnectionClosed`."""
        while True:
            self.socket.recv(timeout=20)

    def seqs(self) -> list[int]:
        """Every notification until the answer to a heartbeat, which also makes up for lost pushes."""
        found = []
        for kind in ("heartbeat", "get_unread_count"):
            self.send({"type": kind})
            answer = {"heartbeat": "heartbeat_response", "get_unread_count": "unread_count"}[kind]
            while (message := json.loads(self.socket.recv(timeout=20)))["type"] != answer:
                if message["type"] == "notification":
                    found.append(message["seq"])
        return found


@pytest.fixture
def broker_token(world, api) -> str:
    access: str = api(world.ours.broker_user).tokens.access
    dispatch_pending()
    return access


def test_what_was_committed_while_no_worker_ran_is_delivered_once(start, change_stage, recipients):
    change_stage()
    assert notified() == []
    first = start(worker)
    wait_for(all_dispatched)
    assert notified() == [(pk, 1) for pk in recipients]
    first.kill()
    change_stage()
    change_stage()
    assert not all_dispatched()
    start(worker)
    wait_for(all_dispatched)
    assert notified() == [(pk, seq) for pk in recipients for seq in (1, 2, 3)]


def test_what_the_queue_forgot_is_found_by_the_sweep(start, change_stage, recipients):
    change_stage()
    Redis.from_url(settings.REDIS_URL).flushdb()
    start(worker)
    wait_for(all_dispatched)
    assert notified() == [(pk, 1) for pk in recipients]


def test_a_worker_killed_in_the_middle_of_a_projection_leaves_all_or_nothing(
    start, world, change_stage, recipients
):
    with held_counter(world.ours.client_user):
        victim = start(worker)
        change_stage()
        wait_for(blocked_backends, what="the worker waits for the counter")
        victim.kill()
        assert notified() == []
    assert Event.objects.filter(type="application.stage_changed", projected_at=None).count() == 1
    start(worker)
    wait_for(all_dispatched)
    assert notified() == [(pk, 1) for pk in recipients]
    counters = NotificationCounter.objects.order_by("pk").values_list("pk", "last_seq")
    assert list(counters) == [(pk, 1) for pk in recipients]


def test_a_worker_killed_in_the_middle_of_a_delivery_reaches_an_open_socket_once(
    start, world, change_stage, recipients, open_tab
):
    web = start(Web)
    tab = open_tab(web)
    redis = Redis.from_url(settings.REDIS_URL)
    try:
        with held_counter(world.ours.client_user):
            victim = start(worker)
            change_stage()
            wait_for(blocked_backends, what="the worker waits for the counter")
            redis.client_pause(60_000, all=False)
        wait_for(lambda: any(is_held_push(client) for client in redis.client_list()), what="the push")
        stuck = Event.objects.get(type="application.stage_changed")
        assert stuck.projected_at is not None
        assert stuck.dispatched_at is None
        victim.kill()
    finally:
        redis.client_unpause()
    start(worker)
    wait_for(all_dispatched)
    assert notified() == [(pk, 1) for pk in recipients]
    assert tab.next("notification")["seq"] == 1
    assert tab.seqs() == []


def test_a_repeated_delivery_after_the_push_reaches_an_open_socket_once(start, world, change_stage, open_tab):
    """Killed between the push and the note of it: the next one pushes again."""
    web = start(Web)
    tab = open_tab(web)
    change_stage()
    dispatch_pending()
    assert tab.next("notification")["seq"] == 1
    Event.objects.filter(type="application.stage_changed").update(dispatched_at=None)
    dispatch_pending()
    change_stage()
    dispatch_pending()
    assert tab.seqs() == [2]


def test_a_client_of_a_killed_web_server_resumes_exactly(start, world, change_stage, open_tab):
    web = start(Web)
    tab = open_tab(web)
    change_stage()
    dispatch_pending()
    assert tab.next("notification")["seq"] == 1
    web.kill()
    with pytest.raises(ConnectionClosed):
        tab.until_closed()
    change_stage()
    change_stage()
    dispatch_pending()
    again = open_tab(start(Web, port=web.port))
    assert again.last_seq == 3
    change_stage()  # live, before the client has resumed
    dispatch_pending()
    assert again.next("notification")["seq"] == 4
    again.send({"type": "resume", "last_seq": 1})
    assert again.seqs() == [2, 3]
    assert again.seqs() == []


def test_a_web_server_that_stops_says_so_to_every_socket(start, open_tab):
    web = start(Web)
    tabs = [open_tab(web) for _ in range(20)]
    web.terminate()
    for tab in tabs:
        with pytest.raises(ConnectionClosed) as closed:
            tab.socket.recv(timeout=20)
        assert closed.value.rcvd is not None, "cut without a word"
        assert closed.value.rcvd.code == 1012


def test_a_change_that_is_rolled_back_is_never_told(start, world, change_stage, recipients):
    start(worker)

    @transaction.atomic
    def fails_after_the_change():
        change_stage()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_after_the_change()
    world.ours.application.refresh_from_db()
    assert world.ours.application.stage == "inquiry"
    wait_for(all_dispatched)
    assert notified() == []
