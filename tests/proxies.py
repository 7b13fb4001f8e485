"""A network that fails: a relay between a client and a server on this machine."""

import socket as sockets
import struct
from collections.abc import Iterator
from contextlib import suppress
from threading import Event, Thread
from typing import Self

# A connection that is closed with this is reset: the other side gets no farewell.
RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Relays to a port; each connection may bring so many bytes to the client, and is then cut.

    There is one allowance for each connection, in the order of their opening; those after the last have none.
    """

    def __init__(self, port: int, *, allowances: tuple[int, ...] = ()) -> None:
        self.target = port
        self.allowances: Iterator[int] = iter(allowances)
        self.cuts = 0
        self.flowing = Event()
        self.flowing.set()
        self.open: list[sockets.socket] = []
        self.listener = sockets.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]

    @property
    def socket_url(self) -> str:
        """Of the notification socket behind it."""
        return f"ws://127.0.0.1:{self.port}/ws/notifications/"

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *problem: object) -> None:
        # Wakes the thread that waits in accept(), which closing does not.
        self.listener.shutdown(sockets.SHUT_RDWR)
        self.listener.close()
        self.flowing.set()
        for one in self.open:
            _reset(one)

    def stall(self) -> None:
        """Hold everything back, and tell nobody."""
        self.flowing.clear()

    def flow(self) -> None:
        """Let through what was held back, and what comes."""
        self.flowing.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = sockets.create_connection(("127.0.0.1", self.target))
                self.open += [client, server]
                allowance = next(self.allowances, None)
                Thread(target=self._relay, args=(client, server, None), daemon=True).start()
                Thread(target=self._relay, args=(server, client, allowance), daemon=True).start()

    def _relay(self, source: sockets.socket, sink: sockets.socket, allowance: int | None) -> None:
        with suppress(OSError):
            while data := source.recv(16_384):
                self.flowing.wait()
                if allowance is not None and len(data) >= allowance:
                    sink.sendall(data[:allowance])
                    self.cuts += 1
                    break
                sink.sendall(data)
                if allowance is not None:
                    allowance -= len(data)
        for one in (source, sink):
            _reset(one)


def _reset(one: sockets.socket) -> None:
    with suppress(OSError):
        one.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, RESET)
        one.shutdown(sockets.SHUT_RDWR)
    one.close()
