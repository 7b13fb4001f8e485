"""`python -m benchmarks.load`: ask an HTTP server as fast as it answers, over connections that stay open.

Reads one JSON object from the standard input and writes one to the standard output. A process of its own, so
that what it costs is known (`cpu_seconds`) and is nobody else's; raw HTTP/1.1, because a client library would
take more of two cores than the servers under test. Loopback only, and always bounded in requests and time.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import uvloop

HOST = "127.0.0.1"
END = b"\r\n\r\n"
LENGTH = b"content-length:"
PATIENCE = 30.0  # seconds for the answers to what was asked last


@dataclass
class Tally:
    """What came of a run."""

    deadline: float
    left: int
    times: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    ended: float = 0.0

    def take(self) -> bool:
        """Whether one more may be asked; it counts."""
        if self.left <= 0 or time.perf_counter() >= self.deadline:
            return False
        self.left -= 1
        return True


class Connection(asyncio.Protocol):
    """Asks one thing after the other; connects again when a server closes after its answer."""

    def __init__(self, port: int, requests: Iterator[bytes], tally: Tally) -> None:
        self.port, self.requests, self.tally = port, requests, tally
        self.transport: asyncio.Transport | None = None
        self.buffer = b""
        self.wanted = -1
        self.asked = 0.0
        self.closes = False
        self.done = asyncio.get_running_loop().create_future()

    async def open(self) -> None:
        """Connect."""
        await asyncio.get_running_loop().create_connection(lambda: self, HOST, self.port)

    def connection_made(self, transport: Any) -> None:
        """Ask."""
        self.transport = transport
        if self.asked == -1.0:
            self.ask()

    def ask(self) -> None:
        """Send the next request, or end."""
        request = next(self.requests, None) if self.tally.take() else None
        if request is None:
            if not self.done.done():
                self.done.set_result(None)
            return
        assert self.transport is not None
        self.asked = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Read an answer; there is never more than one under way."""
        self.buffer = self.buffer + data if self.buffer else data
        if self.wanted < 0:
            end = self.buffer.find(END)
            if end < 0:
                return
            head = self.buffer[:end].lower()
            start = head.find(LENGTH)
            length = int(head[start + len(LENGTH) :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            self.wanted = end + len(END) + length
            self.status = head[9:12].decode()
            self.closes = b"connection: close" in head
        if len(self.buffer) >= self.wanted:
            self._answered()

    def _answered(self) -> None:
        now = time.perf_counter()
        self.tally.times.append(now - self.asked)
        self.tally.statuses[self.status] += 1
        self.tally.ended = now
        self.buffer, self.wanted = b"", -1
        if not self.closes:
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        """Connect again after an announced end; any other is a failure."""
        if self.done.done():
            return
        if self.closes:
            self.asked = -1.0
            self.closes = False
            self.reopening = asyncio.ensure_future(self.open())
        else:
            self.done.set_exception(error or ConnectionError("closed without an answer"))


def _cycled(requests: list[bytes], *, once: bool) -> Iterator[bytes]:
    yield from requests
    while not once:
        yield from requests


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Ask what the plan says: `port`, `streams` (requests of each connection), `once`, `seconds`, `most`."""
    tally = Tally(deadline=float("inf"), left=plan["most"])
    connections = [
        Connection(
            plan["port"], _cycled([text.encode("latin-1") for text in texts], once=plan["once"]), tally
        )
        for texts in plan["streams"]
    ]
    for connection in connections:
        await connection.open()
    cpu, started = time.process_time(), time.perf_counter()
    tally.deadline = started + plan["seconds"]
    for connection in connections:
        connection.ask()
    await asyncio.wait_for(
        asyncio.gather(*(connection.done for connection in connections)), plan["seconds"] + PATIENCE
    )
    times = sorted(tally.times)
    return {
        "requests": len(times),
        "seconds": tally.ended - started,
        "cpu_seconds": time.process_time() - cpu,
        "statuses": dict(tally.statuses),
        "p50_ms": times[len(times) // 2] * 1000 if times else 0.0,
        "p99_ms": times[int(len(times) * 0.99)] * 1000 if times else 0.0,
    }


if __name__ == "__main__":
    json.dump(uvloop.run(run(json.load(sys.stdin))), sys.stdout)
