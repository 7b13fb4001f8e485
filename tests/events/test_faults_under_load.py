"""Everything is killed in turn while people work: what was accepted is told once. Real processes."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from redis import Redis

from crm_backend.embedded.processes import Record
from crm_backend.embedded.valkey import Valkey
from documents.models import Note
from events.models import Event
from notifications.models import Notification, NotificationCounter
from tests.events.test_faults import all_dispatched, change_stage, notified, recipients
from tests.followers import Follower, check_followed, reconnected
from tests.processes import Web, wait_for, worker
from tests.tabs import broker_token, open_tab, processes, start

__all__ = ["broker_token", "change_stage", "open_tab", "processes", "recipients", "start"]

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

PHASE = 12  # accepted changes between two faults
PAUSE = 0.15  # seconds between two requests of a writer, which bounds the load


class Writer(Thread):
    """Somebody who writes one note after the other, and goes on when one is refused or not answered."""

    def __init__(self, web: Web, token: str, path: str, name: str) -> None:
        super().__init__(daemon=True)
        self.address, self.token, self.writer = f"http://127.0.0.1:{web.port}{path}", token, name
        self.accepted: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.stopping = Flag()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.stopping.set()
        self.join(timeout=60)

    def run(self) -> None:
        """Write until told to stop."""
        number = 0
        while not self.stopping.wait(PAUSE):
            number += 1
            text = f"{self.writer} {number}"
            status = self._post({"text": text, "visibility": "client"})
            self.statuses[status] += 1
            if status == 201:
                self.accepted.append(text)

    def _post(self, body: dict[str, Any]) -> int:
        """The status of the reply; 0 without one."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = Request(self.address, json.dumps(body).encode(), headers, method="POST")
        try:
            with urlopen(request, timeout=30) as reply:
                return int(reply.status)
        except HTTPError as error:
            return error.code
        except OSError:
            return 0


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Valkey]:
    """A server for this test alone, which keeps nothing on disk."""
    with Valkey(tmp_path / "valkey", durable=False) as server:
        yield server


def kill_redis(redis: Valkey) -> None:
    record = Record.read(redis.directory / "process.json")
    assert record is not None
    record.kill(9)
    wait_for(lambda: not redis.running, what="Redis is gone")


def numbers_of(user: Any) -> list[int]:
    return list(Notification.objects.filter(user=user).order_by("seq").values_list("seq", flat=True))


def test_every_accepted_change_is_told_once_whatever_is_killed(start, world, api, redis):
    ours = world.ours
    people = [world.admin, ours.bd_user, ours.broker_user, ours.client_user]
    tokens = {user.pk: api(user).tokens.access for user in people}
    path = f"/api/applications/{ours.application.pk}/notes/"
    there = {"variables": {"REDIS_URL": redis.url}}

    web = start(Web, server="granian", **there)
    sockets = [start(Web, **there), start(Web, **there)]
    running = start(worker, **there)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(Writer(web, tokens[user.pk], path, f"Writer {user.pk}:"))
            for user in people[:3]
        ]
        # Each user at each server first.
        followers = {
            (user.pk, first): Follower(
                tokens[user.pk], sockets[first].socket_url, sockets[1 - first].socket_url
            )
            for user in people
            for first in (0, 1)
        }
        for follower in followers.values():
            stack.enter_context(follower)

        def some_more_are_accepted() -> None:
            wanted = [len(writer.accepted) + PHASE // len(writers) for writer in writers]
            wait_for(
                lambda: all(len(one.accepted) >= count for one, count in zip(writers, wanted, strict=True)),
                what=f"{[one.statuses for one in writers]}",
            )

        some_more_are_accepted()
        web.kill()
        wait_for(lambda: all(one.statuses[0] for one in writers), what="nobody is answered")
        web = start(Web, server="granian", port=web.port, **there)
        some_more_are_accepted()
        running.kill()
        some_more_are_accepted()
        running = start(worker, **there)
        some_more_are_accepted()
        sockets[0].kill()
        wait_for(
            lambda: reconnected([one for (_, at), one in followers.items() if at == 0], 1),
            what="all are at the other server",
        )
        some_more_are_accepted()
        sockets[0] = start(Web, port=sockets[0].port, **there)
        port = redis.port
        kill_redis(redis)
        refused = [sum(one.statuses.values()) for one in writers]
        wait_for(
            lambda: all(
                sum(one.statuses.values()) > before + 1 for one, before in zip(writers, refused, strict=True)
            ),
            what="work without Redis",
        )
        redis.start()
        assert redis.port == port
        some_more_are_accepted()
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join(timeout=60)
        wait_for(all_dispatched)
        last = dict(NotificationCounter.objects.values_list("pk", "last_seq"))
        wait_for(
            lambda: all(one.shown == last[pk] for (pk, _), one in followers.items()),
            what=f"all is shown: {last}, {[(key, one.shown) for key, one in followers.items()]}",
        )

    # What the refusals were: the server away, or Redis.
    assert {status for one in writers for status in one.statuses} <= {201, 0, 503}
    notes = dict(Note.objects.filter(text__startswith="Writer ").values_list("pk", "text"))
    assert len(set(notes.values())) == len(notes)
    assert {text for one in writers for text in one.accepted} <= set(notes.values())

    events = {
        event.data["note_id"]: event for event in Event.objects.filter(type="note.added").order_by("pk")
    }
    assert Event.objects.filter(type="note.added").count() == len(events)
    assert set(events) == set(notes)
    told: dict[int, list[int]] = defaultdict(list)
    for event_id, user_id in Notification.objects.order_by("user_id").values_list("event_id", "user_id"):
        told[event_id].append(user_id)
    for event in events.values():
        assert told[event.pk] == sorted(user.pk for user in people if user.pk != event.actor_id)

    for user in people:
        assert numbers_of(user) == list(range(1, last[user.pk] + 1))
    for (pk, _), follower in followers.items():
        check_followed(follower, last[pk])


def test_a_server_that_lived_through_a_redis_that_did_not_pushes_again(
    start, redis, open_tab, change_stage, recipients
):
    """Nobody has to ask: no heartbeat makes up for what is not pushed."""
    there = {"variables": {"REDIS_URL": redis.url}}
    web = start(Web, **there)
    start(worker, **there)
    tab = open_tab(web)
    change_stage()
    assert tab.next("notification")["seq"] == 1
    assert tab.next("unread_count")["count"] == 1
    kill_redis(redis)
    change_stage()
    redis.start()
    wait_for(Redis.from_url(redis.url).pubsub_channels, what="the server listens again")
    change_stage()
    wait_for(all_dispatched)
    seqs = [1]
    while seqs[-1] < 3:
        if (message := tab.read())["type"] == "notification":
            seqs.append(message["seq"])
    assert seqs == [1, 2, 3]
    assert notified() == [(pk, seq) for pk in recipients for seq in (1, 2, 3)]
