"""Looking at files in child processes that may die of them; see `viewing`.

What a file unpacks to, and how long a library takes over it, is known only when it was done. So it is done
where nothing else is lost: a file that takes too much memory or time ends its process, is refused, and the
next one has a new process.
"""

import atexit
import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from documents.content.errors import UnknownFormat, Unreadable, UnsafeContent
from documents.content.formats import FORMATS, Format
from documents.content.reading import Content

START_SECONDS = 30.0  # loading libraries, on a busy machine
READY = b"ready"
# Files that one process looks at side by side.
AT_ONCE = 2
TOO_MUCH = "This file takes too much time or memory to look at."


class _Ended(Exception):
    """The process is gone, or was ended for taking too long."""


class _Viewer:
    """One child process."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-I", str(Path(__file__).with_name("viewing.py"))],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
                cwd="/",
            )
        self.socket, self.owner, self.is_new = ours, os.getpid(), True
        try:
            self._read(len(READY), time.monotonic() + START_SECONDS)
        except _Ended:
            self.end()
            raise RuntimeError("The process that looks at files does not start.") from None

    def ask(self, request: dict[str, Any], handle: int, seconds: float) -> Any:
        """Have it look at a file."""
        end = time.monotonic() + seconds
        message = json.dumps(request).encode()
        try:
            socket.send_fds(self.socket, [struct.pack("!I", len(message))], [handle])
            self.socket.sendall(message)
        except OSError:
            raise _Ended from None
        (size,) = struct.unpack("!I", self._read(4, end))
        return json.loads(self._read(size, end))

    def has_left(self) -> bool:
        """Whether it ended of its own accord."""
        try:
            return self.process.wait(timeout=0.2) == 0
        except subprocess.TimeoutExpired:
            return False

    def end(self) -> None:
        """Kill it; one of before a fork is the parent's, not ours to end."""
        self.socket.close()
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()

    def _read(self, size: int, end: float) -> bytes:
        parts = []
        while size:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                part = self.socket.recv(min(size, 1024 * 1024))
            except OSError:
                part = b""
            if not part:
                raise _Ended
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


class Inspection:
    """Some child processes, started when they are needed and again after they ended; any thread may ask."""

    def __init__(self, *, check_seconds: float = 20.0, read_seconds: float = 60.0) -> None:
        self.check_seconds, self.read_seconds = check_seconds, read_seconds
        self._idle: list[_Viewer] = []
        self._room = threading.BoundedSemaphore(AT_ONCE)

    def format_of(self, file: BinaryIO, *, name: str, allowed: Collection[str]) -> Format:
        """The format of a file; `allowed` are extensions.

        Raises:
            UnknownFormat: it is none of the allowed ones.
            UnsafeContent: it is one of them and something else as well, may act by itself, or takes too much.
        """
        request = {"what": "format", "name": name, "allowed": sorted(allowed)}
        reply = self._ask(request, file, self.check_seconds)
        if reply is None or "too_much" in reply:
            raise UnsafeContent(TOO_MUCH)
        if "unknown" in reply:
            raise UnknownFormat(reply["unknown"])
        if "unsafe" in reply:
            raise UnsafeContent(reply["unsafe"])
        return FORMATS[reply["format"]]

    def read(self, file: BinaryIO, content_type: str) -> Content:
        """Pages, text and thumbnail of a file of a known format.

        Raises:
            Unreadable: it is damaged, closed with a password, or takes too much.
        """
        reply = self._ask({"what": "content", "content_type": content_type}, file, self.read_seconds)
        if reply is None or "too_much" in reply:
            raise Unreadable(TOO_MUCH)
        if "unreadable" in reply:
            raise Unreadable(reply["unreadable"])
        thumbnail = base64.b64decode(reply["thumbnail"]) if reply["thumbnail"] else None
        return Content(pages=reply["pages"], text=reply["text"], thumbnail=thumbnail)

    def close(self) -> None:
        """End the processes."""
        while self._idle:
            self._idle.pop().end()

    def _ask(self, request: dict[str, Any], file: BinaryIO, seconds: float) -> Any:
        """The reply; None of a file that ended its process."""
        with _handle_of(file) as handle, self._room:
            while True:
                viewer = self._take()
                was_new, viewer.is_new = viewer.is_new, False
                try:
                    reply = viewer.ask(request, handle, seconds)
                except _Ended:
                    has_left = not was_new and viewer.has_left()
                    viewer.end()
                    if has_left:
                        continue  # it had been idle too long, and ended before it was asked
                    return None
                except BaseException:
                    viewer.end()
                    raise
                self._idle.append(viewer)
                return reply

    def _take(self) -> _Viewer:
        while self._idle:
            viewer = self._idle.pop()
            if viewer.owner == os.getpid() and viewer.process.poll() is None:
                return viewer
            viewer.end()
        return _Viewer()


@contextmanager
def _handle_of(file: BinaryIO) -> Iterator[int]:
    """A handle of a file; of one in memory, of a copy on the disk."""
    try:
        file.flush()
        handle = file.fileno()
    except (OSError, AttributeError):
        with tempfile.TemporaryFile() as copy:
            file.seek(0)
            shutil.copyfileobj(file, copy)
            copy.flush()
            yield copy.fileno()
    else:
        yield handle


inspection = Inspection()
atexit.register(inspection.close)
