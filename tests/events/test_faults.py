"""Kill -9 at the worst moments: nothing is lost and nobody is told twice. Real processes throughout."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.urls import reverse
from redis import Redis
from websockets.exceptions import ConnectionClosed

from events.dispatcher import dispatch_pending
from events.models import Event
from notifications.models import Notification, NotificationCounter
from tests.processes import Web, wait_for, worker
from tests.tabs import broker_token, open_tab, processes, start

__all__ = ["broker_token", "open_tab", "processes", "start"]

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


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
