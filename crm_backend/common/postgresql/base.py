"""The backend; Django finds it under this name."""

import select
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper, debug_transaction
from psycopg.pq import ConnStatus, TransactionStatus

from crm_backend.common.postgresql import direct
from crm_backend.common.postgresql.direct import Rows

# A connection that rested longer is asked after all: what lies between may have dropped it without a word.
TRUSTED_SECONDS = 30.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Keeps connections, and finds out that one has gone without a `SELECT 1` for every request.

    A server that ends a connection says so, or its system does: there is something to read where nothing
    was asked. Only that, or a long rest, is worth the question.
    """

    health_check_enabled: bool
    health_check_done: bool
    _seen_alive = float("-inf")
    _poll: Any = None  # of the connection's socket

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Statements that go with the next one of the transaction, or with its commit.
        self.posted: list[direct.Posted] = []

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; what has just been connected is alive."""
        connection = super().get_new_connection(conn_params)
        self._seen_alive = time.monotonic()
        self._poll = None
        return connection

    def close_if_health_check_failed(self) -> None:
        """Close the connection if it has gone; called before the first query of a request."""
        if self.connection is None or not self.health_check_enabled or self.health_check_done:
            return
        now = time.monotonic()
        if now - self._seen_alive < TRUSTED_SECONDS and self._is_quiet():
            self.health_check_done = True
        else:
            super().close_if_health_check_failed()
        self._seen_alive = now

    def _is_quiet(self) -> bool:
        """Whether the connection is whole and the server has said nothing since the last answer."""
        pgconn = self.connection.pgconn
        if pgconn.status != ConnStatus.OK:
            return False
        if hasattr(select, "poll"):
            if self._poll is None:
                self._poll = select.poll()
                self._poll.register(pgconn.socket, select.POLLIN)
            return not self._poll.poll(0)
        readable, _, _ = select.select([pgconn.socket], [], [], 0)
        return not readable

    # --- transactions -------------------------------------------------------------------------

    def take_posted(self) -> list[direct.Posted]:
        """What is to be sent before anything else; whoever takes it sends it."""
        posted, self.posted = self.posted, []
        return posted

    def with_posted(self, send: Callable[..., Rows]) -> Rows:
        """Send something with what was posted `before` it."""
        try:
            return send(before=self.take_posted())
        except BaseException:
            # Nothing is committed without it, whoever catches this and goes on.
            self.needs_rollback = self.in_atomic_block
            raise

    def settle(self) -> None:
        """Send what was posted."""
        if self.posted and not self.needs_rollback:
            with self.wrap_database_errors:
                self.with_posted(partial(direct.settle, self.connection))

    def create_cursor(self, name: str | None = None) -> Any:
        """A cursor that sees what was posted."""
        self.settle()
        return super().create_cursor(name)

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        """Django's cursor, which sees what was posted after it was made as well."""
        return _Cursor(cursor, self)

    def _savepoint_commit(self, sid: str) -> None:
        # Not marked by what fails: Django undoes it to the savepoint.
        with self.wrap_database_errors:
            if self.posted:
                direct.settle(self.connection, self.take_posted())
        super()._savepoint_commit(sid)  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> None:
        # All of it was posted since: before there is a savepoint, it is sent.
        self.posted = []
        super()._savepoint_rollback(sid)  # type: ignore[misc]

    def _commit(self) -> None:
        if self.connection is not None:
            with debug_transaction(self, "COMMIT"), self.wrap_database_errors:
                direct.commit(self.connection, self.take_posted())

    def _rollback(self) -> None:
        self.posted = []
        super()._rollback()  # type: ignore[misc]

    def _close(self) -> None:
        self.posted = []
        super()._close()  # type: ignore[misc]

    def _set_autocommit(self, autocommit: bool) -> None:
        plain: Any = self.connection
        if plain.pgconn.transaction_status == TransactionStatus.IDLE and plain._pipeline is None:
            plain._autocommit = autocommit  # which is all that psycopg does then, in more steps
        else:
            super()._set_autocommit(autocommit)  # type: ignore[misc]


class _Cursor(CursorWrapper):
    """Sends what was posted before it executes anything."""

    def _execute(self, *args: Any) -> Any:
        self.db.settle()
        return super()._execute(*args)  # type: ignore[misc]

    def _executemany(self, *args: Any) -> Any:
        self.db.settle()
        return super()._executemany(*args)  # type: ignore[misc]
