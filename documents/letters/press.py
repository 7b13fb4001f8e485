"""Printing in a child process that is limited in time, memory and reach; see `pressroom`."""

import atexit
import base64
import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

START_SECONDS = 30.0  # loading libraries and fonts, on a busy machine
# What the process has cached of templates and facts goes with it.
PRINTS_PER_PROCESS = 500
LARGEST_REPLY = 64 * 1024 * 1024
READY = b"ready"


class Form(StrEnum):
    """What can be printed."""

    PDF = "pdf"
    DOCX = "docx"


MEDIA_TYPES = {
    Form.PDF: "application/pdf",
    Form.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


class TemplateFault(Exception):
    """A template that cannot be printed: why, for people, and in which of its lines, if that is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.message, self.line = message, line
        super().__init__(f"Line {line}: {message}" if line else message)


@dataclass(frozen=True)
class SignHere:
    """A line to sign on: whose, on which page from 1, and where from its top left corner, points."""

    name: str
    page: int
    x: float
    y: float


@dataclass(frozen=True)
class Printed:
    """A file."""

    content: bytes
    places: list[SignHere] = field(default_factory=list)


class Press:
    """One child process, started when it is needed and again after it ended; any thread may ask."""

    def __init__(self, *, seconds: float = 10.0) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._inherited: subprocess.Popen[bytes] | None = None
        self._owner = self._left = 0

    def print(self, form: Form, source: bytes, data: dict[str, Any]) -> Printed:
        """Fill a template in.

        Raises:
            TemplateFault: it is broken, or takes too much time or memory.
        """
        request = {
            "form": form,
            "source": base64.b64encode(source).decode(),
            "data": data,
            # The clock is ours, so that the same letter at the same moment is the same file.
            "moment": int(time.time()),
        }
        message = json.dumps(request, ensure_ascii=True).encode()
        with self._lock:
            reply = self._ask(message)
        if "fault" in reply:
            raise TemplateFault(reply["fault"], reply["line"])
        return Printed(base64.b64decode(reply["output"]), [SignHere(**place) for place in reply["places"]])

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._leave_to_parent()
            self._end()

    def _ask(self, message: bytes) -> Any:
        is_new = self._ensure()
        try:
            return json.loads(self._exchange(message))
        except (BrokenPipeError, EOFError):
            self._end()
            if not is_new:
                # It had been idle too long, or had ended otherwise before it was asked.
                return self._ask(message)
            raise TemplateFault("This takes too much memory.") from None
        except BaseException:
            self._end()
            raise

    def _ensure(self) -> bool:
        """Have a process; whether it is a new one."""
        self._leave_to_parent()
        if self._process is not None and (self._left <= 0 or self._process.poll() is not None):
            self._end()
        if self._process is not None:
            self._left -= 1
            return False
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("pressroom.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
            cwd="/",
        )
        self._left = PRINTS_PER_PROCESS - 1
        try:
            self._read(len(READY), time.monotonic() + START_SECONDS)
        except (EOFError, TemplateFault):
            self._end()
            raise RuntimeError("The printing process does not start.") from None
        return True

    def _leave_to_parent(self) -> None:
        """After a fork: the process that is known is the parent's, not ours to ask or to end."""
        if self._owner != os.getpid():
            self._inherited, self._process, self._owner = self._process, None, os.getpid()

    def _exchange(self, message: bytes) -> bytes:
        assert self._process is not None
        assert self._process.stdin is not None
        end = time.monotonic() + self.seconds
        self._process.stdin.write(struct.pack("!I", len(message)) + message)
        self._process.stdin.flush()
        (size,) = struct.unpack("!I", self._read(4, end))
        if size > LARGEST_REPLY:
            raise TemplateFault("This becomes too large a file.")
        return self._read(size, end)

    def _read(self, size: int, end: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        parts, pipe = [], self._process.stdout.fileno()
        while size:
            if not select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TemplateFault(f"This takes longer than {self.seconds:g} seconds.")
            part = os.read(pipe, min(size, 1024 * 1024))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


press = Press()
atexit.register(press.close)
