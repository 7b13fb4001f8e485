"""The two sides of a comparison as processes: started, asked, looked at in `/proc`, and stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 60.0
PROCESSES, THREADS = 2, 2
TICKS = os.sysconf("SC_CLK_TCK")
SERVE = ("granian", "--host", HOST, "--workers", str(PROCESSES), "--no-ws", "--log-level", "warning")
FLOOR = (
    *SERVE,
    "--interface",
    "asgi",
    "--loop",
    "uvloop",
    "--port",
    "{port}",
    "benchmarks.floor.app:application",
)
WSGI = ("--interface", "wsgi", "--port", "{port}", "crm_backend.wsgi:application", "--blocking-threads")
GUNICORN = (
    "gunicorn", "--workers", str(PROCESSES), "--bind", HOST + ":{port}", "--log-level", "warning",
    "crm_backend.wsgi:application",
)  # fmt: skip
# How the product can be served; the first is what the compose file does.
PRODUCT = {
    "granian": (*SERVE, *WSGI, str(THREADS)),
    "granian-one-thread": (*SERVE, *WSGI, "1"),
    "gunicorn": (*GUNICORN, "--worker-class", "gthread", "--threads", str(THREADS)),
    "gunicorn-sync": GUNICORN,
    "granian-asgi": (*SERVE, "--interface", "asginl", "--port", "{port}", "crm_backend.asgi:http"),
    "daphne": ("daphne", "-v", "0", "-b", HOST, "-p", "{port}", "crm_backend.asgi:application"),
}
# ASGI servers have a thread for each request, and share connections between them.
POOLED = {"daphne", "granian-asgi"}


@dataclass(frozen=True)
class Measured:
    """One run against one side. CPU seconds are of the server's processes and of the database's."""

    requests: int
    seconds: float
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float
    server_cpu: float
    database_cpu: float
    client_cpu: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


class Side:
    """A server under test."""

    def __init__(self, name: str, command: tuple[str, ...], variables: dict[str, str], folder: Path) -> None:
        self.name = name
        self.port = _free_port()
        self.log = folder / f"{name}.log"
        program, *arguments = [part.format(port=self.port) for part in command]
        with self.log.open("wb") as output:
            self.child = subprocess.Popen(
                [str(Path(sys.executable).parent / program), *arguments],
                cwd=ROOT,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Side:
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self.child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self.name} does not answer:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.1)
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(self.child.pid, signal.SIGKILL)
                self.child.wait(timeout=20)

    def _answers(self) -> bool:
        try:
            return self.ask("GET", "/api/users/notifications/unread-count/", "none")[0] == 401
        except OSError:
            return False

    def ask(self, method: str, path: str, token: str, data: Any = None) -> tuple[int, Any]:
        """One request; its status and body."""
        connection = HTTPConnection(HOST, self.port, timeout=30)
        headers = {"Host": "localhost", "Authorization": f"Bearer {token}", "Accept": "application/json"}
        body = None if data is None else json.dumps(data)
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            content = reply.read()
        finally:
            connection.close()
        return reply.status, json.loads(content) if content else None

    def measure(self, plan: dict[str, Any], database: int) -> Measured:
        """Ask what the plan says, as fast as it goes; `database` is PostgreSQL's main process."""
        before = cpu_of(self.child.pid), cpu_of(database)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.load"],
            cwd=ROOT,
            input=json.dumps({**plan, "port": self.port}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"load on {self.name}: {done.stderr[-2000:]}\n{self.log.read_text()[-2000:]}")
        found = json.loads(done.stdout)
        return Measured(
            requests=found["requests"],
            seconds=found["seconds"],
            statuses=found["statuses"],
            p50_ms=found["p50_ms"],
            p99_ms=found["p99_ms"],
            server_cpu=cpu_of(self.child.pid) - before[0],
            database_cpu=cpu_of(database) - before[1],
            client_cpu=found["cpu_seconds"],
        )


def cpu_of(pid: int) -> float:
    """CPU seconds of a process and its descendants so far; those that ended are counted with their parent."""
    parents, seconds = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        one = int(stat.parent.name)
        parents[one] = int(fields[1])
        # User and system time of all its threads, and of children that it has waited for.
        seconds[one] = sum(int(ticks) for ticks in fields[11:15]) / TICKS
    family = {pid}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(seconds.get(one, 0.0) for one in family)


def resident(pid: int) -> int:
    """Bytes of memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
