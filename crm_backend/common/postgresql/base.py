"""The backend; Django finds it under this name."""

import select
import time
from typing import Any

from django.db.backends.postgresql import base
from psycopg.pq import ConnStatus

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
