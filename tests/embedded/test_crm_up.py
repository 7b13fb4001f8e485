"""``./crm up`` for real, in a copy of the checkout, so that nobody's own data is in the way."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from crm_backend.embedded.base import is_free
from crm_backend.embedded.processes import Record, wait_until
from crm_backend.embedded.supervisor import health

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
PORTS = range(18100, 18900)
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "var", ".env", "node_modules", "__pycache__", ".*_cache", ".coverage*"
)
# As in a new terminal: what the test run has set for itself is not for the application.
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class Checkout:
    """A copy of this checkout, and the commands in it."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(ROOT, folder, ignore=LEFT_OUT, symlinks=True)
        self.folder = folder
        self.port = next(port for port in secrets.SystemRandom().sample(PORTS, 50) if is_free(port))
        self.environment = {k: os.environ[k] for k in KEPT_VARIABLES if k in os.environ}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "crm_backend.embedded", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @contextlib.contextmanager
    def up(self) -> Iterator[subprocess.Popen[bytes]]:
        """The application, ready; killed at the end if the test has not ended it."""
        output = self.folder / "up.out"
        with output.open("wb") as file:
            process = subprocess.Popen(
                self.command("up", "--no-demo", "--port", str(self.port)),
                cwd=self.folder,
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(lambda: "Ready:" in output.read_text() or process.poll() is not None, seconds=120)
            assert "Ready:" in output.read_text(), output.read_text()
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=90)

    def records(self) -> list[Record]:
        files = [
            *(self.folder / "var" / "run").glob("*.json"),
            *(self.folder / "var" / "servers").glob("*/process.json"),
        ]
        found = [Record.read(path) for path in files]
        return [record for record in found if record is not None]

    def database_url(self) -> str:
        state = json.loads((self.folder / "var" / "run" / "up.json").read_text())
        return str(state["environment"]["DATABASE_URL"])


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path / "checkout")
    yield made
    assert made.run("reset", "--yes").returncode == 0


def write(checkout: Checkout) -> None:
    with psycopg.connect(checkout.database_url()) as connection:
        connection.execute("CREATE TABLE kept (value text)")
        connection.execute("INSERT INTO kept VALUES ('a')")


def read(checkout: Checkout) -> list[tuple[str]]:
    with psycopg.connect(checkout.database_url()) as connection:
        return connection.execute("SELECT value FROM kept").fetchall()


def test_it_starts_stops_everything_and_keeps_data(checkout: Checkout) -> None:
    with checkout.up() as process:
        assert health(checkout.port) == "200"
        second = checkout.run("up")
        assert second.returncode == 1
        assert f"Already running at http://127.0.0.1:{checkout.port}" in second.stdout
        assert checkout.run("reset", "--yes").returncode == 1
        write(checkout)
        records = checkout.records()
        assert len(records) >= 5  # database, queue, web, worker, scheduler
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=90) == 0
    assert not any(record.alive() for record in records)
    assert is_free(checkout.port)
    with checkout.up():
        assert read(checkout) == [("a",)]


def test_it_starts_again_after_a_kill(checkout: Checkout) -> None:
    with checkout.up() as process:
        write(checkout)
        records = checkout.records()
        process.kill()
        process.wait()
    if sys.platform == "linux":
        assert wait_until(lambda: not any(r.alive() for r in records), seconds=30)
    with checkout.up():
        assert read(checkout) == [("a",)]


def test_a_killed_web_server_is_started_again(checkout: Checkout) -> None:
    with checkout.up():
        record = Record.read(checkout.folder / "var" / "run" / "web.json")
        assert record is not None
        record.kill(signal.SIGKILL)
        assert wait_until(lambda: not record.alive(), seconds=10)
        assert wait_until(lambda: health(checkout.port) == "200", seconds=60)


def test_a_taken_port_that_was_asked_for_is_an_error(checkout: Checkout) -> None:
    with checkout.up():
        other = Checkout(checkout.folder.parent / "other")
        refused = other.run("up", "--no-demo", "--port", str(checkout.port))
        assert refused.returncode == 1
        assert f"Port {checkout.port} is taken" in refused.stdout
        assert other.run("reset", "--yes").returncode == 0
