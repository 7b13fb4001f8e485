"""One checkout as an installation: its folders under ``var``, its secret, and its environment."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from crm_backend.embedded.base import Server, write_private
from crm_backend.embedded.postgres import Postgres
from crm_backend.embedded.processes import Record
from crm_backend.embedded.valkey import Valkey

# Everything that `reset` deletes besides the servers' data; logs and reports stay.
DATA = ("media", "run/beat-schedule*", "demo-logins.json", "secret-key", "servers")


class Installation:
    """What ``./crm`` keeps for one checkout, and what it passes to Django."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.var = root / "var"
        self.run = self.var / "run"
        self.log = self.var / "log"
        self._lock: IO[str] | None = None

    # Only one supervisor at a time, and everyone can see whether there is one.

    def acquire(self) -> bool:
        """Become the supervisor of this checkout; False when there is one."""
        for folder in (self.run, self.log):
            folder.mkdir(parents=True, exist_ok=True)
        lock = (self.run / "up.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        self._state.unlink(missing_ok=True)
        return True

    def release(self) -> None:
        """Stop being the supervisor."""
        if self._lock is not None:
            self._state.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    @property
    def supervised(self) -> bool:
        """Whether some process is the supervisor now."""
        try:
            lock = (self.run / "up.lock").open("a")
        except FileNotFoundError:
            return False
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def publish(self, *, address: str, environment: Mapping[str, str]) -> None:
        """Tell other commands where the servers are; the address is empty until it answers."""
        urls = {name: environment[name] for name in ("DATABASE_URL", "REDIS_URL")}
        state = {"pid": os.getpid(), "address": address, "environment": urls}
        write_private(self._state, json.dumps(state))

    def published(self) -> dict[str, str]:
        """What the running supervisor has published, flat; empty when there is none."""
        if not self.supervised:
            return {}
        try:
            state = json.loads(self._state.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return {"pid": str(state["pid"]), "address": state["address"], **state["environment"]}

    @property
    def _state(self) -> Path:
        return self.run / "up.json"

    # The environment of Django.

    def servers(self) -> dict[str, Server]:
        """The servers to start, by the variable that would name another one instead."""
        folder = self.var / "servers"
        own: dict[str, Server] = {
            "DATABASE_URL": Postgres(folder / "postgres"),
            "REDIS_URL": Valkey(folder / "valkey"),
        }
        return {name: server for name, server in own.items() if not self.is_set(name)}

    def is_set(self, name: str) -> bool:
        """Whether the user gives the variable, in the environment or in the file ``.env``."""
        return bool(os.environ.get(name)) or name in self._env_file()

    def _env_file(self) -> set[str]:
        try:
            lines = (self.root / ".env").read_text().splitlines()
        except FileNotFoundError:
            return set()
        pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
        return {name.strip().upper() for name, _, value in pairs if value.strip(" '\"")}

    def environment(self, servers: Mapping[str, Server]) -> dict[str, str]:
        """Everything Django needs: what the user has set, and our own values for the rest."""
        defaults = {
            "ENVIRONMENT": "development",
            "LOG_FORMAT": "console",
            "SECRET_KEY": self._secret(),
            **{name: server.url for name, server in servers.items()},
        }
        ours = {name: value for name, value in defaults.items() if not self.is_set(name)}
        scripts = str(Path(sys.executable).parent)
        path = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])
        return {**os.environ, **ours, "PATH": path, "PYTHONUNBUFFERED": "1"}

    def _secret(self) -> str:
        path = self.var / "secret-key"
        if not path.exists():
            self.var.mkdir(exist_ok=True)
            write_private(path, secrets.token_urlsafe(64))
        return path.read_text()

    # What a killed supervisor may have left, and what `reset` deletes.

    def leftovers(self) -> Iterator[Record]:
        """Processes of an earlier supervisor that still run."""
        for name in ("web", "beat", "worker", "manage"):
            record = Record.read(self.run / f"{name}.json")
            if record is not None and record.alive():
                yield record

    def delete_data(self) -> None:
        """Delete the servers' data and all else that belongs to it."""
        folder = self.var / "servers"
        for server in (Postgres(folder / "postgres"), Valkey(folder / "valkey")):
            server.destroy()
        for path in [path for pattern in DATA for path in self.var.glob(pattern)]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
