"""Workers and web servers as real processes on the test's database, ended by their own id."""

import os
import signal
import socket as sockets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.request import urlopen

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent


def wait_for(happened: Callable[[], object], *, seconds: float = 60, what: str = "") -> None:
    """Poll until something is true."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"not within {seconds} s: {what or happened}"
        time.sleep(0.05)


def free_port() -> int:
    """A port that nobody listens on."""
    with sockets.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Process:
    """A program in a process group of its own."""

    def __init__(self, log: Path, *command: str, variables: Mapping[str, str] | None = None) -> None:
        base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
        environment = {
            **os.environ,
            "DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}",
            "SECRET_KEY": settings.SECRET_KEY,
            "LOG_LEVEL": "INFO",
            **(variables or {}),
        }
        self.log = log
        with log.open("ab") as output:
            self.child = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it and its children at once, without a chance to clean up."""
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait(timeout=20)

    def terminate(self) -> int:
        """Ask it to stop; return its exit code."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(timeout=30)


def worker(folder: Path, *, variables: Mapping[str, str] | None = None) -> Process:
    """A Celery worker with the scheduler inside, so that its sweeps run as well."""
    command = ("celery", "-A", "crm_backend", "worker", "-B", "-s", str(folder / "beat"), "-c", "1")
    options = ("--without-mingle", "--without-gossip")
    return Process(folder / "worker.log", *command, *options, variables=variables)


# As docker-compose.yml and `./crm up` start them, but for names and ports; `hasty` with other deadlines.
DAPHNE = ("daphne", "-v", "0", "-b", "127.0.0.1", "-p", "{port}")
SERVERS = {
    "daphne": (*DAPHNE, "crm_backend.asgi:application"),
    "hasty": (*DAPHNE, "tests.hasty:application"),
    "pinging": (*DAPHNE, "--ping-interval", "1", "--ping-timeout", "6", "crm_backend.asgi:application"),
    "granian": (
        "granian", "--interface=wsgi", "--host=127.0.0.1", "--port={port}", "--no-ws", "--workers=2",
        "--blocking-threads=2", "--workers-kill-timeout=5", "--log-level=warning",
        "crm_backend.wsgi:application",
    ),
}  # fmt: skip


class Web(Process):
    """A web server."""

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        *,
        server: str = "daphne",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port or free_port()
        command = [part.format(port=self.port) for part in SERVERS[server]]
        super().__init__(folder / f"{server}.log", *command, variables=variables)
        wait_for(self._answers, what=f"web server; see {self.log}")

    def _answers(self) -> bool:
        assert self.child.poll() is None, self.log.read_text()
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/health/live/", timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    @property
    def socket_url(self) -> str:
        """Of the notification socket."""
        return f"ws://127.0.0.1:{self.port}/ws/notifications/"
