"""`python -m benchmarks.socket_load PORT`: hold many sockets, and note what arrives on them and when.

One JSON object a line comes in and is answered by one. A process of its own, with its own few lines of
RFC 6455, because a client library would take more of two cores than the servers under test. Loopback only.
Times are of the machine's monotonic clock, which all its processes share.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from contextlib import suppress
from typing import Any

import uvloop

HOST = "127.0.0.1"
AT_ONCE = 25  # connections that are opened together
PATIENCE = 60.0
SHOWN = 100
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
NOTIFICATION, GREETING = b'{"type":"notification",', b'{"type":"connected"'
# The server ends a socket of which it hears nothing for 90 seconds.
BEAT_SECONDS = 40.0
# What a socket says in answer to the second message, and so when it is done with the heartbeat before it.
BEAT, DONE = (b'{"type":"heartbeat"}', b'{"type":"nothing"}'), b'{"type":"error",'


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A frame of a client: masked, with a mask of zeros, which changes nothing."""
    size = len(payload)
    head = bytes([0x80 | opcode])
    head += bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return head + bytes(4) + payload


class Socket(asyncio.Protocol):
    """One socket."""

    def __init__(self, holder: Holder, index: int, token: str) -> None:
        self.holder, self.index, self.token = holder, index, token
        self.buffer = b""
        self.is_open = False
        self.greeted: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Shake hands."""
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            "GET /ws/notifications/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: bearer, {self.token}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Take whatever frames are whole."""
        now = time.monotonic()
        data = self.buffer + data if self.buffer else data
        if not self.is_open:
            head, end, rest = data.partition(b"\r\n\r\n")
            if not end:
                self.buffer = data
                return
            if b" 101 " not in head[:16]:
                self.greeted.set_exception(ConnectionError(head.decode()))
                return
            self.is_open, data = True, rest
        start, length = 0, len(data)
        while length - start >= 2:
            size, begin = data[start + 1], start + 2
            if size == 126:
                begin += 2
                size = int.from_bytes(data[start + 2 : begin], "big")
            elif size == 127:
                begin += 8
                size = int.from_bytes(data[start + 2 : begin], "big")
            if begin + size > length:
                break
            self.take(data[start] & 15, data[begin : begin + size], now)
            start = begin + size
        self.buffer = data[start:]

    def take(self, opcode: int, payload: bytes, now: float) -> None:
        """Note one message."""
        if opcode == PING:
            self.transport.write(frame(payload, PONG))
        elif payload.startswith(NOTIFICATION):
            self.holder.note(self.index, payload, now)
        elif payload.startswith(DONE):
            self.holder.alive()
        elif payload.startswith(GREETING) and not self.greeted.done():
            self.greeted.set_result(json.loads(payload))

    def connection_lost(self, error: Exception | None) -> None:
        """Count it: none should end."""
        self.holder.lost += 1
        if not self.greeted.done():
            self.greeted.set_exception(error or ConnectionError("closed before the greeting"))


class Holder:
    """All sockets, and what arrived since it was last asked for."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sockets: list[Socket] = []
        self.arrived: list[tuple[int, bytes, float]] = []
        self.lost = self.wanted = self.beating = 0
        self.beaten = -BEAT_SECONDS
        self.enough = asyncio.Event()

    def note(self, index: int, payload: bytes, now: float) -> None:
        """A notification has arrived."""
        self.arrived.append((index, payload, now))
        if len(self.arrived) >= self.wanted:
            self.enough.set()

    def alive(self) -> None:
        """A heartbeat was dealt with."""
        self.beating -= 1
        if not self.beating:
            self.enough.set()

    async def open(self, tokens: list[str]) -> dict[str, Any]:
        """Open a socket for each token; what each was greeted with."""
        loop, started, greetings = asyncio.get_running_loop(), time.monotonic(), []
        for first in range(0, len(tokens), AT_ONCE):
            made = []
            for token in tokens[first : first + AT_ONCE]:
                socket = Socket(self, len(self.sockets), token)
                self.sockets.append(socket)
                made.append(socket)
                await loop.create_connection(lambda socket=socket: socket, HOST, self.port)  # type: ignore[misc]
            greetings += await asyncio.wait_for(asyncio.gather(*(one.greeted for one in made)), PATIENCE)
        return {
            "seconds": time.monotonic() - started,
            "last_seqs": [greeting["last_seq"] for greeting in greetings],
        }

    async def beat(self) -> dict[str, Any]:
        """Have every socket show that it is alive, now and then; nothing of it is under way afterwards."""
        if time.monotonic() - self.beaten < BEAT_SECONDS:
            return {}
        self.beaten = time.monotonic()
        self.enough.clear()
        self.beating = len(self.sockets)
        for socket in self.sockets:
            for message in BEAT:
                socket.transport.write(frame(message))
        await asyncio.wait_for(self.enough.wait(), PATIENCE)
        return {}

    async def take(self, count: int) -> dict[str, Any]:
        """Wait for so many notifications; socket, number and time of each, in the order of arrival."""
        self.wanted = count
        self.enough.clear()
        if len(self.arrived) < count:
            # What is missing then is found by whoever looks at the numbers.
            with suppress(TimeoutError):
                await asyncio.wait_for(self.enough.wait(), PATIENCE)
        arrived, self.arrived = self.arrived, []
        found = [(index, json.loads(payload), now) for index, payload, now in arrived]
        return {
            # Of the first few also what they say.
            "bodies": [message["notification"] for _, message, _ in found[:SHOWN]],
            "arrived": [(index, message["seq"], now) for index, message, now in found],
            "lost": self.lost,
        }

    async def resume(self, index: int, last_seq: int, count: int) -> dict[str, Any]:
        """Ask one socket for everything after a number."""
        started = time.monotonic()
        question = json.dumps({"type": "resume", "last_seq": last_seq}).encode()
        self.sockets[index].transport.write(frame(question))
        return {**await self.take(count), "started": started}

    async def drop(self) -> dict[str, Any]:
        """Let the last socket go."""
        self.sockets.pop().transport.abort()
        self.lost -= 1
        return {}


async def main(port: int) -> None:
    """Do what is asked, line by line, until the input ends."""
    holder = Holder(port)
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        answer = await getattr(holder, asked.pop("do"))(**asked)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
