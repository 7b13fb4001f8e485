"""A conversation over two server processes, one of which is killed: all is there once, and in order."""

import json
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from crm_backend.common.sockets import check_sent
from messaging.consumers import ChatConsumer
from messaging.models import Conversation, Message
from tests.messaging.chats import chat_about
from tests.processes import Web, wait_for, worker
from tests.tabs import processes, start

__all__ = ["processes", "start"]

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

BEFORE = 2  # messages and changes with which the conversation begins
EACH = 12


class Talker:
    """A client in a conversation, as docs/realtime.md asks for one."""

    def __init__(self, processes: ExitStack, chat: Conversation, token: str, name: str) -> None:
        self.processes, self.chat, self.token, self.name = processes, chat, token, name
        self.said: list[str] = []
        self.shown: list[tuple[int, str]] = []  # change, client id
        self.early: dict[int, str] = {}

    def enter(self, web: Web) -> int:
        """Open the socket; the last change there."""
        url = f"ws://127.0.0.1:{web.port}/ws/chat/{self.chat.pk}/"
        opening = connect(url, subprotocols=["bearer", self.token], open_timeout=20)
        self.socket = self.processes.enter_context(opening)
        greeting = self._read()
        assert greeting["type"] == "connected"
        return int(greeting["last_change"])

    def say(self, count: int) -> None:
        """Say some more."""
        for _ in range(count):
            self.said.append(f"{self.name}-{len(self.said)}")
            self._send(self.said[-1])

    def come_back(self, web: Web) -> None:
        """Resume at another server, and say again what may not have arrived."""
        self.socket.close()
        self.early.clear()
        self.enter(web)
        self.socket.send(json.dumps({"type": "resume", "last_change": self.last_change}))
        for client_id in self.said:
            if client_id not in self.ids:
                self._send(client_id)

    def listen(self, count: int) -> None:
        """Until so many messages are shown, and what has come by then."""
        while len(self.shown) < count:
            self._take(self._read())
        self.socket.send('{"type": "heartbeat"}')
        while (message := self._read())["type"] != "heartbeat_response":
            self._take(message)

    @property
    def last_change(self) -> int:
        """The change up to which all is shown."""
        return self.shown[-1][0] if self.shown else BEFORE

    @property
    def ids(self) -> list[str]:
        """Client ids in the order shown."""
        return [client_id for _, client_id in self.shown]

    def _send(self, client_id: str) -> None:
        self.socket.send(json.dumps({"type": "message.send", "body": client_id, "client_id": client_id}))

    def _read(self) -> dict[str, Any]:
        text = self.socket.recv(timeout=30)
        check_sent(ChatConsumer, text)
        message: dict[str, Any] = json.loads(text)
        return message

    def _take(self, message: dict[str, Any]) -> None:
        """Show it when its turn has come: what is live may come before the answer to `resume`."""
        assert message["type"] == "message", message
        change = message["change"]
        assert change > self.last_change, "shown before"
        assert change not in self.early, "sent twice"
        self.early[change] = message["message"]["client_id"]
        while (following := self.last_change + 1) in self.early:
            self.shown.append((following, self.early.pop(following)))


@pytest.fixture
def talkers(world, api, processes) -> list[Talker]:
    """Our broker and our BDM, in one conversation."""
    chat = chat_about(world.ours, world.ours.bd_user, world.admin)
    people = (world.ours.broker_user, world.ours.bd_user)
    return [
        Talker(processes, chat, api(user).tokens.access, name)
        for user, name in zip(people, "ab", strict=True)
    ]


def check_heard(talkers: list[Talker], count: int) -> None:
    """Both were shown all of it, once and in one order, which keeps that of each."""
    for talker in talkers:
        assert [change for change, _ in talker.shown] == list(range(BEFORE + 1, BEFORE + count + 1))
        for other in talkers:
            assert [one for one in talker.ids if one in other.said] == other.said
    assert talkers[0].shown == talkers[1].shown
    kept = Message.objects.filter(conversation=talkers[0].chat).exclude(client_id="").order_by("number")
    assert list(kept.values_list("client_id", flat=True)) == talkers[0].ids


def test_both_sides_hear_all_once_and_in_order_over_a_kill(start, talkers):
    start(worker)
    servers = [start(Web), start(Web)]
    a, b = talkers
    for talker, web in zip(talkers, servers, strict=True):
        assert talker.enter(web) == BEFORE
    for _ in range(EACH):
        a.say(1)
        b.say(1)
    for talker in talkers:
        talker.listen(2 * EACH)
    check_heard(talkers, 2 * EACH)

    a.say(EACH)
    b.say(EACH // 2)
    wait_for(lambda: Message.objects.filter(client_id=a.said[EACH + 1]).exists(), what="some has arrived")
    servers[0].kill()
    with suppress(ConnectionClosed):
        a.listen(4 * EACH)
    b.say(EACH // 2)
    a.come_back(servers[1])
    for talker in talkers:
        talker.listen(4 * EACH)
    check_heard(talkers, 4 * EACH)
