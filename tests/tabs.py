"""Browser tabs: real WebSocket clients of real server processes; fixtures to import where they are used."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from crm_backend.common.sockets import check_sent
from events.dispatcher import dispatch_pending
from notifications.consumers import NotificationConsumer
from tests.processes import Process, Web
from tests.proxies import Proxy


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
    """`open_tab(web)`: a tab of our broker's at a web server, or of whoever has a token."""

    def open_at(web: Web | Proxy, token: str = broker_token) -> Tab:
        opening = connect(web.socket_url, subprotocols=["bearer", token], open_timeout=20)
        return Tab(processes.enter_context(opening))

    return open_at


class Tab:
    """A browser tab with the socket open."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.last_seq: int = self.next("connected")["last_seq"]
        self.next("unread_count")

    def next(self, kind: str, timeout: float = 40) -> dict[str, Any]:
        """The next message, which is of this type."""
        message = self.read(timeout)
        assert message["type"] == kind, message
        return message

    def read(self, timeout: float = 20) -> dict[str, Any]:
        """The next message, which is one of those that the socket's models describe."""
        text = self.socket.recv(timeout=timeout)
        check_sent(NotificationConsumer, text)
        message: dict[str, Any] = json.loads(text)
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
            while (message := self.read())["type"] != answer:
                if message["type"] == "notification":
                    found.append(message["seq"])
        return found


@pytest.fixture
def broker_token(world, api) -> str:
    access: str = api(world.ours.broker_user).tokens.access
    dispatch_pending()
    return access
