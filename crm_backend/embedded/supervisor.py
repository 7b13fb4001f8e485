"""``./crm up``: everything in one go, kept running until it is told to stop."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from crm_backend.embedded.base import HOST, MAX_LOG_BYTES, QUICK_KILL, Server
from crm_backend.embedded.errors import EmbeddedServerError, ServersInUseError
from crm_backend.embedded.installation import Installation
from crm_backend.embedded.processes import Record, spawn, stop
from crm_backend.embedded.terminal import say

DEFAULT_PORT = 8000
READY_SECONDS = 120.0
STEADY_SECONDS = 60.0  # a program that ran this long had started well
MAX_QUICK_ENDS = 5
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class UpError(Exception):
    """The application cannot be started or kept running; the message is for the user."""


class StopRequested(BaseException):
    """Someone wants us to stop; not an Exception, so that no handler of errors takes it."""


@dataclass
class Restarts:
    """How patient to be with a program that ends by itself."""

    name: str
    started: float = field(default_factory=time.monotonic)
    quick_ends: int = 0

    def delay(self) -> float:
        """Seconds to wait before the next start, longer each time; raises when it is enough."""
        steady = time.monotonic() - self.started > STEADY_SECONDS
        self.quick_ends = 1 if steady else self.quick_ends + 1
        if self.quick_ends > MAX_QUICK_ENDS:
            raise UpError(f"{self.name} ended {MAX_QUICK_ENDS} times shortly after its start.")
        return 0.5 * 2.0**self.quick_ends


@dataclass
class Program:
    """The web server, the worker or the scheduler: started, watched, started again, stopped."""

    name: str
    command: list[str]
    installation: Installation
    stop_steps: tuple[tuple[int, float], ...]
    death_signal: int
    pass_fds: tuple[int, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    child: subprocess.Popen[bytes] | None = None
    restart_at: float | None = None
    restarts: Restarts = field(init=False)

    def __post_init__(self) -> None:
        self.restarts = Restarts(self.name)

    @property
    def log_path(self) -> Path:
        """Where its output goes."""
        return self.installation.log / f"{self.name}.log"

    def start(self, environment: dict[str, str]) -> None:
        """Start it now."""
        if self.log_path.exists() and self.log_path.stat().st_size > MAX_LOG_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        self.log_path.touch(mode=0o600)
        with self.log_path.open("ab") as log:
            self.child = spawn(
                self.command,
                record=self.installation.run / f"{self.name}.json",
                log=log,
                death_signal=self.death_signal,
                env={**environment, **self.variables},
                cwd=self.installation.root,
                pass_fds=self.pass_fds,
            )
        self.restarts.started = time.monotonic()
        self.restart_at = None

    def watch(self, environment: dict[str, str]) -> None:
        """Start it again, after a pause, when it has ended by itself."""
        if self.child is not None and self.child.poll() is not None:
            code, self.child = self.child.returncode, None
            delay = self.restarts.delay()
            say(f"{self.name} ended (code {code}); starting it again in {delay:.0f} s.")
            self.restart_at = time.monotonic() + delay
        if self.restart_at is not None and time.monotonic() >= self.restart_at:
            self.start(environment)

    def stop(self) -> None:
        """Let it finish what it is doing, within limits."""
        if self.child is not None:
            stop(Record.of(self.child.pid), steps=self.stop_steps, child=self.child)
        self.child = self.restart_at = None
        (self.installation.run / f"{self.name}.json").unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once."""
        if self.child is not None and self.child.poll() is None:
            Record.of(self.child.pid).kill(signal.SIGKILL, group=True)

    def tail(self) -> str:
        """The end of its log."""
        lines = self.log_path.read_text(errors="replace").splitlines()[-25:]
        return "\n".join(f"  | {line}" for line in lines)


class Supervisor:
    """Starts the servers and programs of an installation in order, and stops them in reverse."""

    def __init__(self, installation: Installation, *, port: int | None, demo: bool) -> None:
        self.installation = installation
        self.asked_port = port
        self.demo = demo
        self.servers: dict[str, Server] = {}
        self.restarts: dict[str, Restarts] = {}
        self.programs: list[Program] = []
        self.environment: dict[str, str] = {}
        self.listener: socket.socket | None = None

    def run(self) -> None:
        """Run until a stop is asked for; raises :class:`UpError` when that is not possible."""
        if not self.installation.acquire():
            raise UpError(already_running(self.installation))
        for number in STOP_SIGNALS:
            signal.signal(number, _request_stop)
        try:
            self._start()
            self._watch()
        except StopRequested:
            say("\nStopping ...")
        finally:
            # From here on another signal means: faster. What a program was doing is not lost
            # then either, the database takes it back and the queue delivers it again.
            for number in STOP_SIGNALS:
                signal.signal(number, self._hurry)
            self._stop()
        say("Stopped.")

    # In order.

    def _start(self) -> None:
        for record in self.installation.leftovers():
            say(f"Ending process {record.pid}, which an earlier run has left.")
            stop(record, steps=((signal.SIGTERM, 5.0), QUICK_KILL))
        self.listener = self._listen()
        port = self.listener.getsockname()[1]
        self._start_servers()
        self.environment = self.installation.environment(self.servers)
        self.installation.publish(address="", environment=self._urls())
        self._manage("Bringing the database up to date", "migrate", "--no-input")
        if self.demo:
            self._manage("Loading demo data if there is none", "demo", "--if-empty")
        self._start_programs(self.listener.fileno())
        self._wait_until_ready(port)
        address = f"http://{HOST}:{port}"
        self.installation.publish(address=address, environment=self._urls())
        say(welcome(address, self.installation.var / "demo-logins.json"))

    def _listen(self) -> socket.socket:
        """Take the port now and for good.

        Whoever answers on it is then our own web server, and clients that come while that one
        starts, or starts again, wait for it.
        """
        if self.asked_port is not None:
            listener = listen(self.asked_port)
            if listener is None:
                raise UpError(f"Port {self.asked_port} is taken or not allowed; choose another.")
            return listener
        for port in range(DEFAULT_PORT, DEFAULT_PORT + 100):
            if listener := listen(port):
                if port != DEFAULT_PORT:
                    say(f"Port {DEFAULT_PORT} is taken; using {port}.")
                return listener
        raise UpError(f"No port from {DEFAULT_PORT} on is free; give one with --port.")

    def _start_servers(self) -> None:
        for variable, server in self.installation.servers().items():
            with step(f"Starting {server.name}"):
                start_when_free(server)
            self.servers[variable] = server
            self.restarts[variable] = Restarts(server.name)

    def _urls(self) -> dict[str, str]:
        return {
            name: self.servers[name].url if name in self.servers else os.environ.get(name, "")
            for name in ("DATABASE_URL", "REDIS_URL")
        }

    def _manage(self, title: str, *arguments: str) -> None:
        with step(title, output=True):
            child = spawn(
                [sys.executable, "manage.py", *arguments],
                record=self.installation.run / "manage.json",
                log=None,
                death_signal=signal.SIGTERM,
                env=self.environment,
                cwd=self.installation.root,
            )
            try:
                code = child.wait()
            except StopRequested:
                stop(Record.of(child.pid), steps=((signal.SIGINT, 10.0), QUICK_KILL), child=child)
                raise
            if code:
                raise UpError(f"manage.py {arguments[0]} failed with code {code}; see above.")

    def _start_programs(self, listener: int) -> None:
        python = [sys.executable, "-m"]
        web = [*python, "daphne", "-v", "0", "--fd", str(listener), "crm_backend.asgi:application"]
        celery = [*python, "celery", "-A", "crm_backend"]
        worker = [*celery, "worker", "--concurrency", "2", "--without-gossip", "--without-mingle"]
        # Not inside the worker (-B): there it would outlive a worker that is killed.
        schedule = str(self.installation.run / "beat-schedule")
        beat = [*celery, "beat", "--pidfile=", "--schedule", schedule]
        graceful = (signal.SIGTERM, 10.0), QUICK_KILL
        warm = (signal.SIGTERM, 60.0), (signal.SIGQUIT, 5.0), QUICK_KILL
        # One thread works in each of their processes; Celery would empty a pool after every task.
        single = {"DATABASE_POOL_SIZE": "0"}
        self.programs = [
            # The pool of the worker ends when it is killed; told to stop, it could wait for a
            # queue that ends at the same moment.
            Program("worker", worker, self.installation, warm, signal.SIGKILL, variables=single),
            Program("beat", beat, self.installation, graceful, signal.SIGTERM, variables=single),
            Program("web", web, self.installation, graceful, signal.SIGTERM, (listener,)),
        ]
        for program in self.programs:
            program.start(self.environment)

    def _wait_until_ready(self, port: int) -> None:
        with step("Starting the web server, the worker and the scheduler"):
            deadline = time.monotonic() + READY_SECONDS
            while (answer := health(port)) != "200":
                for program in self.programs:
                    if program.child is not None and program.child.poll() is not None:
                        raise UpError(f"{program.name} does not start:\n{program.tail()}")
                if time.monotonic() > deadline:
                    raise UpError(
                        f"Not ready after {READY_SECONDS:.0f} s, the last answer was {answer}. "
                        f"Logs: {self.installation.log}"
                    )
                time.sleep(0.2)

    # While it runs, and at the end.

    def _watch(self) -> None:
        while True:
            for variable, server in self.servers.items():
                if not server.running:
                    self._restart_server(variable, server)
            for program in self.programs:
                program.watch(self.environment)
            time.sleep(0.25)

    def _restart_server(self, variable: str, server: Server) -> None:
        delay = self.restarts[variable].delay()
        say(f"{server.name} has ended; starting it again in {delay:.0f} s.")
        time.sleep(delay)
        before = server.url
        server.start()
        self.restarts[variable].started = time.monotonic()
        if server.url != before:  # something took its port in the meantime
            self.environment[variable] = server.url
            address = self.installation.published().get("address", "")
            self.installation.publish(address=address, environment=self._urls())
            for program in self.programs:
                program.stop()
                program.start(self.environment)

    def _stop(self) -> None:
        with contextlib.ExitStack() as steps:  # runs all of them, last one first
            steps.callback(self.installation.release)
            if self.listener is not None:
                steps.callback(self.listener.close)
            for server in self.servers.values():
                steps.callback(server.stop)
            for program in self.programs:
                steps.callback(program.stop)

    def _hurry(self, number: int, frame: FrameType | None) -> None:
        say("Stopping at once.")
        for program in self.programs:
            program.kill()


def _request_stop(_number: int, _frame: FrameType | None) -> None:
    raise StopRequested


@contextlib.contextmanager
def step(title: str, *, output: bool = False) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    say(f"{title} ...")
    started = time.monotonic()
    yield
    seconds = time.monotonic() - started
    if output or seconds >= 1:
        say(f"  done in {seconds:.1f} s")


def listen(port: int) -> socket.socket | None:
    """A socket that listens on the port of 127.0.0.1; None when that is not possible."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except (OSError, OverflowError):
        listener.close()
        return None
    return listener


def start_when_free(server: Server, *, seconds: float = 600.0) -> None:
    """Start a server, after the command that uses it now, if there is one."""
    deadline = time.monotonic() + seconds
    waiting = False
    while True:
        try:
            server.start()
            return
        except ServersInUseError:
            if time.monotonic() > deadline:
                raise
            if not waiting:
                say(f"Waiting for another command, which uses {server.name} now ...")
            waiting = True
            time.sleep(0.5)


def health(port: int) -> str:
    """The status that the readiness check answers with, or why there is no answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", "/health/ready/")
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()


def already_running(installation: Installation) -> str:
    """What to tell someone who starts a second supervisor."""
    state = installation.published()
    if state.get("address"):
        return f"Already running at {state['address']} (process {state['pid']})."
    return "Already starting in another terminal."


def welcome(address: str, logins: Path) -> str:
    """Where to go and how to log in."""
    lines = [
        "",
        f"Ready: {address}/",
        f"  documentation  {address}/api/docs/   (try it in the browser)",
        f"                 {address}/api/redoc/",
    ]
    try:
        accounts = json.loads(logins.read_text())
    except (FileNotFoundError, ValueError):
        accounts = {}
    for role, account in accounts.items():
        lines.append(f"  log in as {role:<8} {account['email']}   {account['password']}")
    lines += ["Logs are in var/log. Ctrl-C stops everything.", ""]
    return "\n".join(lines)


def up(installation: Installation, *, port: int | None, demo: bool) -> int:
    """Run ``./crm up``; the exit code."""
    try:
        Supervisor(installation, port=port, demo=demo).run()
    except (UpError, EmbeddedServerError) as error:
        say(str(error))
        return 1
    return 0
