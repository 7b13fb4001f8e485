"""Both servers together."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from crm_backend.embedded.postgres import Postgres
from crm_backend.embedded.valkey import Valkey


class EmbeddedServers:
    """PostgreSQL and Valkey with their state under ``root``.

    Start them from the main thread: on Linux they stop when the thread that started them ends.
    Raises :class:`.errors.ServersInUseError` when another living process has started them.
    """

    def __init__(
        self,
        root: Path,
        durable: bool = True,
        *,
        postgres_settings: Mapping[str, str] | None = None,
    ) -> None:
        self.postgres = Postgres(root / "postgres", settings=postgres_settings, durable=durable)
        self.valkey = Valkey(root / "valkey", durable=durable)

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
    def database_url(self) -> str:
        """For ``DATABASE_URL``."""
        return self.postgres.url

    @property
    def redis_url(self) -> str:
        """For ``REDIS_URL``."""
        return self.valkey.url

    def start(self) -> None:
        """Start both; when the second fails the first is stopped again."""
        with contextlib.ExitStack() as undo:
            for server in (self.postgres, self.valkey):
                server.start()
                undo.callback(server.stop)
            undo.pop_all()

    def stop(self) -> None:
        """Stop both, the queue first: what it still writes never needs the database."""
        with contextlib.ExitStack() as steps:
            steps.callback(self.postgres.stop)
            steps.callback(self.valkey.stop)

    def destroy(self) -> None:
        """Delete all data of both."""
        self.postgres.destroy()
        self.valkey.destroy()
