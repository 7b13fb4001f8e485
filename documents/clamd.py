"""Asking a ClamAV daemon what it finds in a file: its INSTREAM command, by blocks.

The protocol: https://docs.clamav.net/manual/Usage/Scanning.html#clamd.
"""

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT = 60.0  # seconds, for the connection and for each answer


class ScannerAway(Exception):
    """The daemon did not answer, or not with a verdict."""


@dataclass(frozen=True)
class Verdict:
    """What was found; empty when nothing was."""

    finding: str = ""


def scan(url: str, parts: Iterable[bytes]) -> Verdict:
    """Send a file, and return the verdict.

    Raises:
        ScannerAway: there is none.
    """
    try:
        with _connected(url) as connection:
            connection.sendall(b"zINSTREAM\0")
            for part in parts:
                connection.sendall(struct.pack(">I", len(part)) + part)
            connection.sendall(struct.pack(">I", 0))
            answer = _answer(connection)
    except OSError as error:
        raise ScannerAway(str(error)) from error
    if answer.endswith(" OK"):
        return Verdict()
    if answer.endswith(" FOUND"):
        return Verdict(answer.removeprefix("stream: ").removesuffix(" FOUND"))
    raise ScannerAway(answer)


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.hostname:
        return socket.create_connection((parts.hostname, parts.port or 3310), timeout=TIMEOUT)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(TIMEOUT)
    connection.connect(parts.path)
    return connection


def _answer(connection: socket.socket) -> str:
    received = b""
    while block := connection.recv(4096):
        received += block
        if block.endswith(b"\0"):
            break
    return received.rstrip(b"\0\n").decode(errors="replace")
