"""What the two servers have in common: a folder, a password, a port, and one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Self

from crm_backend.embedded import places
from crm_backend.embedded.errors import EmbeddedServerError, ServersInUseError
from crm_backend.embedded.processes import Account, Record, spawn, stop, wait_until

HOST = "127.0.0.1"
# Below the ports that the system hands out by itself, so that no client can be sitting on ours.
PORTS = range(20000, 32768)
MAX_LOG_BYTES = 5_000_000


class Server(ABC):
    """One server with its state in ``directory``; see the subclasses.

    The directory holds the server's ``port`` and ``password`` (kept from start to start), its
    ``server.log``, the record of its process, and ``data`` (which may be elsewhere when we are
    root, see :mod:`.places`). A lock on it lasts as long as the process that started the server:
    whoever gets the lock and still finds a server running knows that it was left behind.
    """

    name: ClassVar[str]
    death_signal: ClassVar[int]
    stop_steps: ClassVar[tuple[tuple[int, float], ...]]
    start_seconds: ClassVar[float] = 120.0  # recovery of a large log after a crash takes a while

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory = directory.absolute()
        self.durable = durable
        self._child: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        # Both are settled at every start.
        self._account: Account | None = None
        self._data = self._file("data")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect, password included."""

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1, the same from start to start unless something took it."""
        return int(self._file("port").read_text())

    @property
    def password(self) -> str:
        """The generated password."""
        return self._file("password").read_text()

    @property
    def log_path(self) -> Path:
        """What the server itself has to say."""
        return self._file("server.log")

    @property
    def running(self) -> bool:
        """Whether the server that we started still runs."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start the server and wait until it answers; a server left behind is stopped first."""
        if self.running:
            return
        self._acquire()
        try:
            self._stop_leftover()
            self._account = places.account_for(self.directory)
            self._data = places.data_directory(self.directory, self._account)
            self._prepare()
            self._launch()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server cleanly and give the folder free; nothing happens if it is stopped."""
        try:
            if self._child is not None:
                stop(Record.of(self._child.pid), steps=self.stop_steps, child=self._child)
                self._child.wait(timeout=10)
                self._file("process.json").unlink(missing_ok=True)
        finally:
            self._child = None
            self._release()

    def destroy(self) -> None:
        """Delete everything, wherever it is kept; refused while someone uses the server."""
        if not self.directory.exists():
            return
        self._acquire()
        try:
            self._stop_leftover()
            shutil.rmtree(places.fallback_for(self.directory), ignore_errors=True)
            shutil.rmtree(self.directory)
        finally:
            self._release()

    # What a subclass says about its server.

    @abstractmethod
    def _prepare(self) -> None:
        """Make the data directory ready for a start."""

    @abstractmethod
    def _command(self, port: int) -> list[str | Path]:
        """The program and its arguments."""

    @abstractmethod
    def _ready(self, port: int) -> bool:
        """Whether the server accepts work."""

    def _standard_input(self, port: int) -> bytes:
        """What the server reads when it starts."""
        return b""

    def _failure_passes(self, log: str) -> bool:
        """Whether a start that failed, with this log, is worth another try on the same port."""
        return False

    # What is common.

    def _file(self, name: str) -> Path:
        return self.directory / name

    def _acquire(self) -> None:
        if self._lock is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = self._file("lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ServersInUseError(
                f"The servers in {self.directory.parent} are in use by another command."
            ) from None
        self._lock = lock
        if not self._file("password").exists():
            write_private(self._file("password"), secrets.token_urlsafe(24))

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _stop_leftover(self) -> None:
        record = Record.read(self._file("process.json"))
        if record is not None and record.alive():
            stop(record, steps=self.stop_steps)
            if record.alive():
                raise EmbeddedServerError(f"{self.name} (process {record.pid}) does not stop.")
        self._file("process.json").unlink(missing_ok=True)

    def _launch(self) -> None:
        self._trim_log()
        deadline = time.monotonic() + self.start_seconds
        port = self._usable_port()
        while True:
            before = self._log_size()
            if self._try_start(port, deadline):
                return
            log = self._log_since(before)
            if "already in use" in log.lower() and not self._failure_passes(log):
                port = self._usable_port(avoid=port)
            elif not self._failure_passes(log):
                raise EmbeddedServerError(f"{self.name} did not start:\n{log[-2000:].rstrip()}")
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"{self.name} was not ready after {self.start_seconds:.0f} s; see {self.log_path}"
                )
            time.sleep(0.2)

    def _try_start(self, port: int, deadline: float) -> bool:
        """Start once; True when the server is ready, False when its process has ended."""
        stdin = self._standard_input(port)
        with self.log_path.open("ab") as log:
            child = self._child = spawn(
                self._command(port),
                record=self._file("process.json"),
                log=log,
                death_signal=self.death_signal,
                account=self._account,
                env=server_environment(),
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            )
        if child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(stdin)
                child.stdin.close()

        wait_until(
            lambda: child.poll() is not None or self._ready(port),
            seconds=deadline - time.monotonic(),
        )
        if child.poll() is not None:
            return False
        if not self._ready(port):
            raise EmbeddedServerError(f"{self.name} does not answer; see {self.log_path}")
        self._file("port").write_text(str(port))
        return True

    def _usable_port(self, avoid: int | None = None) -> int:
        remembered = self._file("port")
        if avoid is None and remembered.exists() and is_free(self.port):
            return self.port
        for port in random.sample(PORTS, 200):
            if port != avoid and is_free(port):
                return port
        raise EmbeddedServerError(f"No free TCP port on {HOST} from {PORTS[0]} to {PORTS[-1]}.")

    def _trim_log(self) -> None:
        if self._log_size() > MAX_LOG_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))

    def _log_size(self) -> int:
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def _log_since(self, position: int) -> str:
        with self.log_path.open("rb") as log:
            log.seek(position)
            return log.read().decode(errors="replace")


def server_environment() -> dict[str, str]:
    """An environment in which the user's own PG* variables and locale do not count."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def is_free(port: int) -> bool:
    """Whether nothing listens on the port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


QUICK_KILL: tuple[int, float] = (signal.SIGKILL, 10.0)
