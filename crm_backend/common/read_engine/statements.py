"""Statements: SQL text made once, and which of its parameters are which value of a request.

The queryset is built twice with made-up values that occur nowhere else, and once with those of the request
at hand. Where all texts are equal, and a parameter is the made-up value in each, there is its slot. A text
that depends on a value, or a value that does not arrive as it was given, is refused: nothing is guessed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, cast
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import QuerySet
from psycopg.types.numeric import Int2, Int4

from crm_backend.common.postgresql import direct
from crm_backend.common.read_engine.errors import Refused

LEAST, MOST = -(2**63), 2**63 - 1
# So many texts of a statement are kept at most: each length of a page has its own, and callers choose it.
TEXTS = 8

Values = dict[Any, Any]
Row = tuple[Any, ...]


class Unusual(Exception):
    """Something that the plain path is to deal with."""


class Given:
    """The values of a request as they are."""

    def __init__(self, values: dict[Any, Any]) -> None:
        self.values = values

    def __call__(self, name: Any, like: Any, *, varies: bool = False) -> Any:
        """The value of `name`."""
        return self.values.get(name, like)


class MadeUp:
    """Values that occur nowhere else, one for each name; another set of them for another seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.values: dict[Any, Any] = {}
        self.varying: set[Any] = set()

    def __call__(self, name: Any, like: Any, *, varies: bool = False) -> Any:
        """The value that stands for `name`, of the type of `like`; `varies`: it finds much or little."""
        if varies:
            self.varying.add(name)
        if name not in self.values:
            self.values[name] = self._make(like, 1000 * self.seed + len(self.values))
        return self.values[name]

    def _make(self, like: Any, number: int) -> Any:
        match like:
            case bool():
                raise Refused("a yes or no has no made-up value")
            case int():
                # Small enough for any column: Django makes no condition of what a column cannot hold, and
                # the statement would be without it for every other value as well.
                return 29_000 + number
            case Decimal():
                return Decimal(f"0.1{number:06d}987654321")
            case datetime():
                return datetime(2217, 3, 5, 7, 11, 13, tzinfo=UTC) + timedelta(microseconds=number)
            case date():
                return date(2217, 3, 5) + timedelta(days=number)
            case UUID():
                return UUID(int=0x5EED_0000_0000_4000_8000_0000_0000_0000 + number)
            case str():
                # Private characters, and what stripping or another case would change, which would else pass
                # unseen; the second set has what LIKE would escape.
                return f" \ue0a5aÄß{number}\ue0a6" + ("%_\\ " if self.seed % 2 == 0 else " ")
        raise Refused(f"nothing is made up for {type(like).__name__}")


def like_escaped(text: str) -> str:
    """As Django writes a text into a pattern of LIKE."""
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


@dataclass(frozen=True)
class Slot:
    """A parameter that is a value of the request: its name, and how the value is written there."""

    name: Any
    write: Callable[[Any], Any] | None


def _slots(first: Sequence[Any], second: Sequence[Any], made: tuple[MadeUp, MadeUp]) -> list[Any]:
    """The parameters, a slot in the place of each that is a made-up value."""
    found = []
    for one, other in zip(first, second, strict=True):
        slot = next((slot for name in made[0].values if (slot := _slot(name, one, other, made))), None)
        if slot is None and (type(one) is not type(other) or not _same(one, other)):
            raise Refused(f"{one!r} is made of a value of the request in a way that is not known")
        if slot is None and isinstance(one, date):
            raise Refused(f"{one!r} is a moment of compiling: let the database say what time it is")
        found.append(slot or one)
    return found


def _same(one: Any, other: Any) -> bool:
    plain = getattr(one, "obj", one), getattr(other, "obj", other)  # psycopg wraps JSON
    return bool(plain[0] == plain[1])


def _slot(name: Any, one: Any, other: Any, made: tuple[MadeUp, MadeUp]) -> Slot | None:
    values = made[0].values[name], made[1].values[name]
    if isinstance(values[0], str):
        return _text_slot(name, one, other, values) if isinstance(one, str) else None
    if isinstance(one, str) or one != values[0] or other != values[1]:
        return None
    kind = type(one)
    return Slot(name, _as_wide_as(kind) if isinstance(one, int) and kind is not int else None)


def _as_wide_as(kind: type[int]) -> Callable[[int], int]:
    """Write an integer as wide as its column; psycopg has a type for each width.

    Raises:
        Unusual: when bound to a value that the column cannot hold.
    """
    bits = {Int2: 15, Int4: 31}.get(kind, 63)

    def write(value: int) -> int:
        if not -(2**bits) <= value < 2**bits:
            raise Unusual
        return kind(value)

    return write


def _text_slot(name: Any, one: str, other: str, values: tuple[str, str]) -> Slot | None:
    if values[0] not in one:
        return None
    before, after = one.split(values[0], 1)
    if other == before + values[1] + after:
        return Slot(name, _around(before, after) if before or after else None)
    if other == before + like_escaped(values[1]) + after:
        around = _around(before, after)
        return Slot(name, lambda text: around(like_escaped(text)))
    return None


def _around(before: str, after: str) -> Callable[[str], str]:
    return lambda text: f"{before}{text}{after}"


@dataclass(frozen=True)
class Statement:
    """SQL with parameters. `sql` is None where the database need not be asked: there can be no row.

    `varies`: how much it finds depends on a value, so that PostgreSQL has to know the value to plan it.
    """

    sql: str | None
    parameters: tuple[Any, ...] = ()
    varies: bool = False
    # Texts that were made of this one: they are long, and each keeps the hash that it is looked up by.
    _texts: dict[Any, str] = field(default_factory=dict, init=False, compare=False, repr=False)

    def bind(self, values: dict[Any, Any]) -> list[Any]:
        """The parameters for one request."""
        bound = []
        for parameter in self.parameters:
            if isinstance(parameter, Slot):
                value = values[parameter.name]
                bound.append(value if parameter.write is None else parameter.write(value))
            else:
                bound.append(parameter)
        return bound

    def run(self, values: dict[Any, Any], suffix: str = "", *further: Any) -> list[tuple[Any, ...]]:
        """Ask the database; `suffix` is appended, with its own parameters."""
        if self.sql is None:
            return []
        sql = self._texts.get(suffix) or keep_text(self._texts, suffix, self.sql + suffix)
        return self.ask(sql, [*self.bind(values), *further])

    def run_counted(
        self, values: dict[Any, Any], counting: "Statement", suffix: str
    ) -> list[tuple[Any, ...]]:
        """The same, with the count of another statement as the last value of each row."""
        if self.sql is None or counting.sql is None:
            return []
        sql = self._texts.get((counting.sql, suffix))
        if sql is None:
            sql = f"SELECT page.*, ({counting.sql}) FROM ({self.sql}{suffix}) AS page"  # noqa: S608 - our own text
            keep_text(self._texts, (counting.sql, suffix), sql)
        return self.ask(sql, [*counting.bind(values), *self.bind(values)])

    def ask(self, sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        """The rows of a text that is made of this statement's."""
        own: Any = connections[DEFAULT_DB_ALIAS]  # once: each look through `connection` costs as much
        own.close_if_health_check_failed()
        own.ensure_connection()
        plain: Any = own.connection
        if _is_watched(own) or not direct.can_ask(plain):
            with own.cursor() as cursor:
                cursor.execute(sql, parameters)
                return list(cursor.fetchall())
        with own.wrap_database_errors:
            if own.posted:
                send = partial(direct.ask, plain, sql, parameters, prepare=not self.varies)
                return cast(list[Row], own.with_posted(send))
            return direct.ask(plain, sql, parameters, prepare=not self.varies)

    def post(
        self, then: Callable[[list[tuple[Any, ...]]], None], values: dict[Any, Any] | None = None
    ) -> None:
        """Ask the database together with what it is asked next in this transaction, or with the commit.

        Whatever it refuses is raised there. `then` is given the rows.
        """
        given = values or {}
        own: Any = connections[DEFAULT_DB_ALIAS]
        if self.sql is None or _is_watched(own) or not own.in_atomic_block:
            then(self.run(given))
        else:
            own.posted.append(direct.Posted(self.sql, self.bind(given), not self.varies, then))

    def counting(self) -> "Statement":
        """The statement that counts its rows."""
        if self.sql is None:
            return self
        sql = f"SELECT count(*) FROM ({self.sql}) AS counted"  # noqa: S608 - our own text
        return Statement(sql, self.parameters, self.varies)


def keep_text(texts: dict[Any, str], key: Any, text: str) -> str:
    """Keep a text for the next request like this one, and give it."""
    if len(texts) >= TEXTS:
        texts.clear()
    texts[key] = text
    return text


def _is_watched(own: Any) -> bool:
    """Whether it is to be asked by Django's cursor, which is looked at, or says that all is to be undone."""
    return bool(own.execute_wrappers or own.queries_logged or own.needs_rollback)


def is_in_range(value: Any) -> bool:
    """Whether PostgreSQL can take the value at all."""
    if isinstance(value, int):
        return LEAST <= value <= MOST
    return not (isinstance(value, str) and "\x00" in value)


Build = Callable[[Any], QuerySet[Any]]


def compile_statement(build: Build, values: dict[Any, Any]) -> Statement:
    """Compile a queryset that is built with made-up values, and check it with those of a request.

    Raises:
        Refused: what comes of a value cannot be followed.
        Unusual: a value is none that its column can hold.
    """
    made = MadeUp(1), MadeUp(2)
    with connection.execute_wrapper(_unanswered):
        (sql, first), (second_sql, second) = (_compiled(build(each)) for each in made)
        given_sql, given = _compiled(build(Given(values)))
    if not sql == second_sql == given_sql:
        raise Refused("the statement's text depends on a value of the request")
    parameters = () if sql is None else tuple(_slots(first, second, made))
    varies = any(isinstance(one, Slot) and one.name in made[0].varying for one in parameters)
    statement = Statement(sql, parameters, varies)
    if not all(map(_same, statement.bind(values), given)):
        raise Refused("a parameter depends on a value of the request in a way that is not known")
    return statement


def _unanswered(*_: Any) -> Any:
    raise Refused("the database is asked while compiling: its answer to another request may be another")


def _compiled(rows: QuerySet[Any]) -> tuple[str | None, tuple[Any, ...]]:
    """SQL and parameters; no SQL when there can be no rows."""
    try:
        return rows.query.sql_with_params()
    except EmptyResultSet:
        return None, ()


class Kept:
    """A statement of a selector that is asked all the time, compiled when it is first needed.

    Args:
        build: makes the queryset, asking its argument for each value by name and example: `given("user", 1)`.
    """

    def __init__(self, build: Build) -> None:
        self.build = build
        self._statement: Statement | None = None
        self._counting: Statement | None = None

    def statement(self, **values: Any) -> Statement:
        """The statement."""
        if self._statement is None:
            self._statement = compile_statement(self.build, values)
        return self._statement

    def count(self, **values: Any) -> int:
        """How many rows there are."""
        if self._counting is None:
            self._counting = self.statement(**values).counting()
        [(count,)] = self._counting.run(values) or [(0,)]
        return int(count)
