"""Clients that stay: they reconnect by themselves, resume, and keep what they were sent."""

import json
from collections.abc import Sequence
from contextlib import suppress
from itertools import cycle
from threading import Event, Thread
from typing import Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect


class Follower(Thread):
    """Shows the notifications of a user in order, as docs/realtime.md asks of a client.

    `shown` is the number up to which everything was shown; `connections` has, for each one, the number that
    it resumed from and the numbers that it brought.
    """

    def __init__(self, token: str, *urls: str) -> None:
        super().__init__(daemon=True)
        self.token, self.urls = token, urls
        self.shown = 0
        self.early: set[int] = set()
        self.connections: list[tuple[int, list[int]]] = []
        self.stopping = Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.stopping.set()
        self.join(timeout=60)

    def run(self) -> None:
        """Follow one server after the other until told to stop."""
        for url in cycle(self.urls):
            with (
                suppress(OSError, WebSocketException),
                connect(url, subprotocols=["bearer", self.token], compression=None) as socket,  # type: ignore[list-item]
            ):
                self._follow(socket)
            # What a client waits before it tries again.
            if self.stopping.wait(0.2):
                return

    def _follow(self, socket: ClientConnection) -> None:
        assert json.loads(socket.recv(timeout=20))["type"] == "connected"
        numbers: list[int] = []
        self.connections.append((self.shown, numbers))
        self.early.clear()
        socket.send(json.dumps({"type": "resume", "last_seq": self.shown}))
        while not self.stopping.is_set():
            try:
                message = json.loads(socket.recv(timeout=1))
            except TimeoutError:
                socket.send('{"type": "heartbeat"}')
                continue
            if message["type"] == "notification":
                numbers.append(message["seq"])
                self._show(message["seq"])

    def _show(self, seq: int) -> None:
        """What comes before the answer to `resume` waits for its turn."""
        self.early.add(seq)
        while self.shown + 1 in self.early:
            self.shown += 1
            self.early.remove(self.shown)


def check_followed(follower: Follower, last_seq: int) -> None:
    """Everything was shown, and no connection brought anything twice, or what was shown before."""
    assert follower.shown == last_seq
    assert not follower.early
    for resumed_from, numbers in follower.connections:
        assert len(numbers) == len(set(numbers))
        assert all(resumed_from < number <= last_seq for number in numbers)


def reconnected(followers: Sequence[Follower], times: int) -> bool:
    """Whether each of them has come back so often."""
    return all(len(one.connections) > times for one in followers)
