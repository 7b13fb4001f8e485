"""Clients that read too slowly or say too much, and several servers: real processes, real sockets."""

import base64
import socket as sockets
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from crm_backend.common.daphne import UNREAD_SECONDS
from events.dispatcher import dispatch_pending
from events.models import Event
from notifications.models import Notification, NotificationCounter
from tests.events.test_faults import change_stage
from tests.processes import Web, wait_for
from tests.tabs import broker_token, open_tab, processes, start

__all__ = ["broker_token", "change_stage", "open_tab", "processes", "start"]

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

MISSED, BODY = 6_000, "x" * 4_000


def missed_notifications(user, count: int = MISSED, body: str = BODY) -> None:
    """Notifications that a user has not been sent: 24 MB of them."""
    now = timezone.now()
    common: dict[str, Any] = {"subject_type": "user", "subject_id": user.pk}
    done = {"projected_at": now, "dispatched_at": now}
    told = [Event(type="user.updated", data={}, occurred_at=now, **done, **common) for _ in range(count)]
    Event.objects.bulk_create(told, batch_size=1_000)
    common |= {
        "user": user,
        "notification_type": "system",
        "title": "Missed",
        "body": body,
        "created_at": now,
    }
    rows = [Notification(seq=seq, event=event, **common) for seq, event in enumerate(told, 1)]
    Notification.objects.bulk_create(rows, batch_size=1_000)
    NotificationCounter.objects.update_or_create(pk=user.pk, defaults={"last_seq": count})


def frame(text: str) -> bytes:
    """A short text message of a client, masked with zeros."""
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text.encode()


def client_that_never_reads(web: Web, token: str) -> sockets.socket:
    """Shakes hands, asks for everything from the beginning, and reads nothing of it."""
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", web.port))
    key = base64.b64encode(b"0123456789abcdef").decode()
    raw.sendall(
        f"GET /ws/notifications/?token={token} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    assert raw.recv(12) == b"HTTP/1.1 101"
    raw.sendall(frame('{"type":"resume","last_seq":0}'))
    return raw


def memory_of(web: Web) -> int:
    """Resident bytes of a server."""
    status = Path(f"/proc/{web.child.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def is_cut(raw: sockets.socket) -> bool:
    """Whether the server has given this connection up."""
    try:
        raw.sendall(frame('{"type":"heartbeat"}'))
    except OSError:
        return True
    return False


def test_a_client_that_reads_nothing_holds_nobody_up_costs_little_and_is_cut(
    start, world, api, open_tab, change_stage
):
    web = start(Web)
    tab = open_tab(web)
    greedy = world.ours.client_user
    missed_notifications(greedy)
    token = api(greedy).tokens.access
    dispatch_pending()
    before = memory_of(web)
    raw = client_that_never_reads(web, token)
    change_stage()
    dispatch_pending()
    assert tab.next("notification", timeout=UNREAD_SECONDS)["seq"] == 1
    assert tab.next("unread_count")["count"] == 1
    wait_for(lambda: is_cut(raw), seconds=UNREAD_SECONDS * 3, what="the connection is cut")
    assert memory_of(web) - before < MISSED * len(BODY) / 2
    raw.close()
    assert tab.seqs() == []


def test_a_flood_is_closed_by_a_real_server(start, open_tab):
    tab = open_tab(start(Web))
    with suppress(ConnectionClosed):
        for _ in range(5_000):
            tab.send({"type": "get_unread_count"})
    with pytest.raises(ConnectionClosed) as closed:
        tab.until_closed()
    assert closed.value.rcvd is not None, "cut without a word"
    assert closed.value.rcvd.code == 4429


def test_a_message_of_any_size_is_not_taken_in(start, open_tab):
    """The code is 1009, which a client that is still sending may not come to read."""
    web = start(Web)
    tab = open_tab(web)
    before = memory_of(web)
    with suppress(ConnectionClosed):
        tab.socket.send("x" * 50_000_000)
    with pytest.raises(ConnectionClosed):
        tab.until_closed()
    assert memory_of(web) - before < 10_000_000
    assert open_tab(web).last_seq == 0


def test_the_sockets_of_a_user_at_two_servers_are_told_the_same(start, open_tab, change_stage):
    tabs = [open_tab(start(Web)) for _ in range(2)]
    change_stage()
    dispatch_pending()
    for tab in tabs:
        assert tab.next("notification")["seq"] == 1
        assert tab.next("unread_count")["count"] == 1
