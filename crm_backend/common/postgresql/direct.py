"""Queries by libpq itself, which waits for the answer in C.

psycopg waits in Python steps, so that tasks can share a thread and be interrupted. A statement of the read
engine takes a fraction of a millisecond, of which those steps were half. Values are written and read by
psycopg's own adapters, so that they are those that its cursors give.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import Connection, OperationalError, errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.generators import fetch, send
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.waiting import wait

# So many statements a connection keeps prepared; a pooler between may have to keep them as well.
PREPARED = 100
# A text of more characters is made of many rows, and so another each time: it is not kept.
LONG = 20_000
# After so many seconds who waits looks for signals of the system; with none it would look all the time.
INTERVAL = 0.1
# What became of a kept statement that is none any more: a pooler or somebody has thrown it away, or tables
# have changed below it.
GONE = (errors.InvalidSqlStatementName, errors.FeatureNotSupported)

Key = tuple[str, tuple[int, ...]]

# By connection: statement and types of its values → the name it is prepared under, the last used last.
_prepared: "WeakKeyDictionary[Connection[Any], OrderedDict[Key, bytes]]" = WeakKeyDictionary()
_numbers = count(1)


def can_ask(connection: "Connection[Any]") -> bool:
    """Whether a query may go this way: what psycopg would refuse, or wait with, is left to it."""
    return connection.pgconn.transaction_status in (TransactionStatus.IDLE, TransactionStatus.INTRANS)


def ask(
    connection: "Connection[Any]", sql: str, values: Sequence[Any], *, prepare: bool
) -> list[tuple[Any, ...]]:
    """The rows of a query, as `cursor.execute(sql, values).fetchall()` gives them.

    Args:
        connection: one that `can_ask`.
        sql: with `%s` for each value, as Django writes it.
        values: in this order.
        prepare: whether the connection is to keep the statement prepared.

    Raises:
        psycopg.Error: as from a cursor.
    """
    transformer: Any = Transformer(connection)
    dumped = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
    types, formats = transformer.types or (), transformer.formats
    pgconn = connection.pgconn
    if not connection.autocommit and pgconn.transaction_status == TransactionStatus.IDLE:
        # The first of a transaction, which psycopg begins as late.
        result = _begin_and_ask(connection, (sql, types), dumped, formats, prepare=prepare)
    elif prepare:
        result = _ask_prepared(connection, (sql, types), dumped, formats)
    else:
        result = pgconn.exec_params(_numbered(sql), dumped, types, formats)
    _expect(connection, result, ExecStatus.TUPLES_OK)
    transformer.set_pgresult(result)
    rows: list[tuple[Any, ...]] = transformer.load_rows(0, result.ntuples, tuple)
    return rows


def _begin_and_ask(connection: Any, key: Key, dumped: Any, formats: Any, *, prepare: bool) -> Any:
    """Begin the transaction and ask, in one round trip where the statement is prepared or need not be."""
    pgconn, begin = connection.pgconn, connection._get_tx_start_command()
    kept = _prepared.setdefault(connection, OrderedDict())
    name = kept.get(key)
    if prepare and name is None:
        _expect(connection, pgconn.exec_(begin), ExecStatus.COMMAND_OK)
        return _ask_prepared(connection, key, dumped, formats)
    sql, types = key
    pgconn.enter_pipeline_mode()
    found: list[Any] = []
    try:
        pgconn.send_query_params(begin, None)
        if name is None:
            pgconn.send_query_params(_numbered(sql), dumped, types, formats)
        else:
            kept.move_to_end(key)
            pgconn.send_query_prepared(name, dumped, formats)
        pgconn.pipeline_sync()
        # By psycopg's own way, which lets other threads go on: one of them may hold the lock that this waits
        # for. The results of each, and what ends them; of the end of all there is one.
        wait(send(pgconn), pgconn.socket, INTERVAL)
        while len(found) < 5:
            found.append(wait(fetch(pgconn), pgconn.socket, INTERVAL))
    finally:
        is_whole = len(found) == 5 and getattr(found[4], "status", None) == ExecStatus.PIPELINE_SYNC
        if is_whole:
            pgconn.exit_pipeline_mode()
        else:
            # Nobody knows what is still to come on it.
            message = pgconn.get_error_message()
            connection.close()
    if not is_whole:
        raise OperationalError(message)
    begun, result = found[0], found[2]
    _expect(connection, begun, ExecStatus.COMMAND_OK)
    if name is not None and result.status == ExecStatus.FATAL_ERROR:
        _forget_gone(kept, key, result)
    return result


def _ask_prepared(connection: Any, key: Key, dumped: Any, formats: Any) -> Any:
    kept = _prepared.setdefault(connection, OrderedDict())
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
