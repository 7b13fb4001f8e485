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
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus

# So many statements a connection keeps prepared; a pooler between may have to keep them as well.
PREPARED = 100
# What became of a kept statement that is none any more: a pooler or somebody has thrown it away, or tables
# have changed below it.
GONE = (errors.InvalidSqlStatementName, errors.FeatureNotSupported)

Key = tuple[str, tuple[int, ...]]

# By connection: statement and types of its values → the name it is prepared under, the last used last.
_prepared: "WeakKeyDictionary[Connection[Any], OrderedDict[Key, bytes]]" = WeakKeyDictionary()
_numbers = count(1)


def can_ask(connection: "Connection[Any]") -> bool:
    """Whether a query may go this way: of a transaction that psycopg is yet to begin it would be outside."""
    return connection.autocommit or connection.pgconn.transaction_status == TransactionStatus.INTRANS


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
    if prepare:
        result = _ask_prepared(connection, (sql, types), dumped, formats)
    else:
        result = pgconn.exec_params(_numbered(sql), dumped, types, formats)
    _expect(connection, result, ExecStatus.TUPLES_OK)
    transformer.set_pgresult(result)
    rows: list[tuple[Any, ...]] = transformer.load_rows(0, result.ntuples, tuple)
    return rows


def _ask_prepared(connection: Any, key: Key, dumped: Any, formats: Any) -> Any:
    kept = _prepared.setdefault(connection, OrderedDict())
    name = kept.get(key)
    if name is None:
        return connection.pgconn.exec_prepared(_prepare(connection, kept, key), dumped, formats)
    kept.move_to_end(key)
    result = connection.pgconn.exec_prepared(name, dumped, formats)
    if (
        result.status == ExecStatus.FATAL_ERROR
        and connection.pgconn.transaction_status == TransactionStatus.IDLE
    ):
        error = errors.error_from_result(result)
        if isinstance(error, GONE):
            del kept[key]
            connection.pgconn.close_prepared(name)
            return connection.pgconn.exec_prepared(_prepare(connection, kept, key), dumped, formats)
    return result


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


@lru_cache(maxsize=2000)
def _numbered(sql: str) -> bytes:
    """The text with PostgreSQL's own placeholders: `$1` for the first `%s`; `%%` is a percent sign."""
    numbers = count(1)
    return re.sub("%[s%]", lambda found: f"${next(numbers)}" if found[0] == "%s" else "%", sql).encode()
