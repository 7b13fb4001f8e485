"""Queries by libpq itself, which waits for the answer in C.

psycopg waits in Python steps, so that tasks can share a thread and be interrupted. A statement of the read
engine takes a fraction of a millisecond, of which those steps were half. Values are written and read by
psycopg's own adapters, so that they are those that its cursors give.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any, cast
from weakref import WeakKeyDictionary

from psycopg import Connection, OperationalError, errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.generators import fetch, send
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.waiting import wait

# So many statements a connection keeps prepared; a pooler between may have to keep them as well.
PREPARED = 200
# A text of more characters is made of many rows, and so another each time: it is not kept.
LONG = 20_000
# After so many seconds who waits looks for signals of the system; with none it would look all the time.
INTERVAL = 0.1
# What became of a kept statement that is none any more: a pooler or somebody has thrown it away, or tables
# have changed below it.
GONE = (errors.InvalidSqlStatementName, errors.FeatureNotSupported)

Key = tuple[str, tuple[int, ...]]
Rows = list[tuple[Any, ...]]

# By connection: statement and types of its values → the name it is prepared under, the last used last.
_prepared: "WeakKeyDictionary[Connection[Any], OrderedDict[Key, bytes]]" = WeakKeyDictionary()
_numbers = count(1)


def can_ask(connection: "Connection[Any]") -> bool:
    """Whether a query may go this way: what psycopg would refuse, or wait with, is left to it."""
    return connection.pgconn.transaction_status in (TransactionStatus.IDLE, TransactionStatus.INTRANS)


@dataclass(frozen=True)
class Posted:
    """A statement that goes with the one after it, or with the commit; `then` is given its rows."""

    sql: str
    values: Sequence[Any]
    prepare: bool
    then: Callable[[Rows], None]


def ask(
    connection: "Connection[Any]",
    sql: str,
    values: Sequence[Any],
    *,
    prepare: bool,
    before: Sequence[Posted] = (),
) -> Rows:
    """The rows of a query, as `cursor.execute(sql, values).fetchall()` gives them.

    Args:
        connection: one that `can_ask`.
        sql: with `%s` for each value, as Django writes it.
        values: in this order.
        prepare: whether the connection is to keep the statement prepared.
        before: what goes before it, in the same round trip.

    Raises:
        psycopg.Error: as from a cursor; of what goes before as well.
    """
    asked = _Asked(connection, sql, values, prepare)
    # The first of a transaction begins it, as late as psycopg does.
    begins = not connection.autocommit and connection.pgconn.transaction_status == TransactionStatus.IDLE
    if begins or before:
        return _in_one_trip(connection, before, asked)
    if prepare:
        result = _ask_prepared(connection, asked)
    else:
        result = connection.pgconn.exec_params(_numbered(sql), asked.dumped, asked.types, asked.formats)
    return asked.rows(result)


def settle(connection: "Connection[Any]", before: Sequence[Posted]) -> Rows:
    """Send what was posted, without anything after it; the rows of the last.

    Raises:
        psycopg.Error: as from a cursor.
    """
    return _in_one_trip(connection, before, None)


def commit(connection: Any, before: Sequence[Posted]) -> None:
    """Commit, as `connection.commit()` does, and what was posted in the same round trip.

    Raises:
        psycopg.Error: nothing is committed, unless the connection was lost.
    """
    pgconn = connection.pgconn
    if connection._num_transactions or connection._tpc or connection._pipeline:
        connection.commit()  # which has words for each
    elif before:
        _in_one_trip(connection, before, None, commits=True)
    elif pgconn.transaction_status != TransactionStatus.IDLE:
        _expect(connection, pgconn.exec_(b"COMMIT"), ExecStatus.COMMAND_OK)


class _Asked:
    """A query with its values made ready."""

    def __init__(self, connection: Any, sql: str, values: Sequence[Any], prepare: bool) -> None:
        self.connection, self.sql, self.prepare = connection, sql, prepare
        self.transformer: Any = Transformer(connection)
        self.dumped = self.transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        self.types, self.formats = self.transformer.types or (), self.transformer.formats

    @property
    def key(self) -> Key:
        """What it is prepared under."""
        return self.sql, self.types

    def rows(self, result: Any) -> Rows:
        """The rows of its result.

        Raises:
            psycopg.Error: it failed.
        """
        _expect(self.connection, result, ExecStatus.TUPLES_OK)
        self.transformer.set_pgresult(result)
        return cast(Rows, self.transformer.load_rows(0, result.ntuples, tuple))


def _in_one_trip(
    connection: Any, before: Sequence[Posted], last: _Asked | None, *, commits: bool = False
) -> Rows:
    """Begin the transaction if need be, ask all, and commit if told to; the rows of the last."""
    pgconn = connection.pgconn
    begins = not connection.autocommit and pgconn.transaction_status == TransactionStatus.IDLE
    posted = [_Asked(connection, one.sql, one.values, one.prepare) for one in before]
    asked = [*posted, last] if last is not None else posted
    kept = _prepared.setdefault(connection, OrderedDict())
    names = [_name(connection, kept, one) for one in asked]
    pgconn.enter_pipeline_mode()
    results: list[Any] = []
    try:
        if begins:
            pgconn.send_query_params(connection._get_tx_start_command(), None)
        for one, name in zip(asked, names, strict=True):
            if name is None:
                pgconn.send_query_params(_numbered(one.sql), one.dumped, one.types, one.formats)
            else:
                pgconn.send_query_prepared(name, one.dumped, one.formats)
        if commits:
            pgconn.send_query_params(b"COMMIT", None)
        pgconn.pipeline_sync()
        _take_results(pgconn, begins + len(asked) + commits, results)
    finally:
        is_whole = bool(results) and getattr(results[-1], "status", None) == ExecStatus.PIPELINE_SYNC
        if is_whole:
            pgconn.exit_pipeline_mode()
        else:
            # Nobody knows what is still to come on it.
            message = pgconn.get_error_message()
            connection.close()
    if not is_whole:
        raise OperationalError(message)
    return _rows(connection, results, begins, asked, before, kept)


def _take_results(pgconn: Any, count: int, results: list[Any]) -> None:
    """The result of each, and what ends all.

    By psycopg's own way, which lets other threads go on: one of them may hold the lock that this waits for.
    """
    wait(send(pgconn), pgconn.socket, INTERVAL)
    for _ in range(count):
        results.append(_next_result(pgconn))
        _next_result(pgconn)  # nothing, which ends each
    results.append(_next_result(pgconn))


def _next_result(pgconn: Any) -> Any:
    """The next result; of a pipeline most come together."""
    return wait(fetch(pgconn), pgconn.socket, INTERVAL) if pgconn.is_busy() else pgconn.get_result()


def _rows(
    connection: Any,
    results: list[Any],
    begins: bool,
    asked: list[_Asked],
    before: Sequence[Posted],
    kept: OrderedDict[Key, bytes],
) -> Rows:
    """Hand out the rows of each, and return those of the last."""
    if begins:
        _expect(connection, results.pop(0), ExecStatus.COMMAND_OK)
    found: list[Rows] = []
    for one, result in zip(asked, results, strict=False):
        if result.status == ExecStatus.FATAL_ERROR and one.prepare:
            _forget_gone(kept, one.key, result)
        found.append(one.rows(result))
    if len(results) > len(asked) + 1:
        _expect(connection, results[len(asked)], ExecStatus.COMMAND_OK)
    for posted, rows in zip(before, found, strict=False):
        posted.then(rows)
    return found[-1]


def _name(connection: Any, kept: OrderedDict[Key, bytes], asked: _Asked) -> bytes | None:
    """What a query is prepared under, from now on; None where it need not be."""
    if not asked.prepare:
        return None
    name = kept.get(asked.key)
    if name is None:
        return _prepare(connection, kept, asked.key)
    kept.move_to_end(asked.key)
    return name


def _ask_prepared(connection: Any, asked: _Asked) -> Any:
    kept, key = _prepared.setdefault(connection, OrderedDict()), asked.key
    dumped, formats = asked.dumped, asked.formats
    name = kept.get(key)
    if name is None:
        return connection.pgconn.exec_prepared(_prepare(connection, kept, key), dumped, formats)
    kept.move_to_end(key)
    result = connection.pgconn.exec_prepared(name, dumped, formats)
    if result.status == ExecStatus.FATAL_ERROR and _forget_gone(kept, key, result):
        # A transaction has failed with it, and whoever asks next finds the statement made anew.
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            connection.pgconn.close_prepared(name)
            return connection.pgconn.exec_prepared(_prepare(connection, kept, key), dumped, formats)
    return result


def _forget_gone(kept: OrderedDict[Key, bytes], key: Key, failed: Any) -> bool:
    """Whether a statement failed because it is none any more; it is forgotten then."""
    is_gone = isinstance(errors.error_from_result(failed), GONE)
    if is_gone:
        del kept[key]
    return is_gone


def _prepare(connection: Any, kept: OrderedDict[Key, bytes], key: Key) -> bytes:
    """Prepare a statement; the one that was not asked for longest makes room for it."""
    while len(kept) >= PREPARED:
        connection.pgconn.close_prepared(kept.popitem(last=False)[1])
    sql, types = key
    name = f"direct_{next(_numbers)}".encode()
    _expect(connection, connection.pgconn.prepare(name, _numbered(sql), types), ExecStatus.COMMAND_OK)
    kept[key] = name
    return name


def _expect(connection: Any, result: Any, status: ExecStatus) -> None:
    if result.status == status:
        return
    if connection.pgconn.status != ConnStatus.OK:
        raise OperationalError(result.get_error_message(connection.info.encoding))
    raise errors.error_from_result(result, connection.info.encoding)


def _numbered(sql: str) -> bytes:
    """The text with PostgreSQL's own placeholders: `$1` for the first `%s`; `%%` is a percent sign."""
    return _short(sql) if len(sql) <= LONG else _made(sql)


def _made(sql: str) -> bytes:
    numbers = count(1)
    return re.sub("%[s%]", lambda found: f"${next(numbers)}" if found[0] == "%s" else "%", sql).encode()


_short = lru_cache(maxsize=2000)(_made)
