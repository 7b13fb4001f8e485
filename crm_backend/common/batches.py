"""Rows that one change makes and edits, written by one statement.

Django writes rows one after the other and puts every `INSERT` together anew. A batch gathers them and writes
them in one statement of parts (`WITH … INSERT`, `UPDATE`), whose text is made once for each shape and kept
prepared. Values are made ready by the fields themselves, as Django has it; nothing but the way is another.
There are no model signals here, so none are sent.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from psycopg.types.numeric import Int8

from crm_backend.common.read_engine.statements import Statement

Row = models.Model
# Where Django's plain fields are; those of others may write something else.
_DJANGO = {"django.db.models.fields", "django.db.models.fields.related"}
# What a text is known by: per part the model, the names of its columns, how many rows are made (0: one is
# edited), and which values, counted through, the database finds, with the text that finds them.
Found = tuple[tuple[int, str], ...]
Part = tuple[type[Row], tuple[str, ...], int, Found]
# A statement with more values is put together seldom, and not worth keeping prepared.
PREPARED = 400
# A value that was not read with its row is none that was set to null.
_UNREAD = object()
# So many new rows are written at once at most: a statement has no more than 65,535 values.
ROWS = 500


@dataclass(frozen=True)
class Lookup:
    """What stands in a row for a value that the database finds when it writes it, in the same statement.

    It sees nothing of what the batch writes.

    Attributes:
        sql: the expression, with `%s` for each value.
        values: integers, lists of them, or none.
    """

    sql: str
    values: tuple[Any, ...]


class Batch:
    """Gathers new and changed rows; they are there when it was written, in the transaction at hand.

    Keys of new rows that others of the batch refer to are drawn ahead, by `allot`.
    """

    def __init__(self) -> None:
        self._new: list[Row] = []
        self._changed: list[tuple[Row, tuple[str, ...]]] = []
        self.ends: list[Callable[[], None]] = []  # to be done before the change is committed

    def insert(self, *rows: Row) -> None:
        """Make these rows, those of one model in this order."""
        self._new += rows

    def update(self, row: Row, *names: str) -> None:
        """Write these fields of a row that is there; call it with the row locked."""
        if row.pk is None:
            # Of one that was posted the key is known when it was sent.
            cast(Any, connections[DEFAULT_DB_ALIAS]).settle()
        gathered = [*self._new, *(other for other, _ in self._changed)]
        if any(type(other) is type(row) and other.pk == row.pk for other in gathered):
            # One statement sees nothing of what its other parts write.
            self.write()
        self._changed.append((row, names))

    def write(self) -> None:
        """Write what was gathered; afterwards every new row has its key, and the batch is empty.

        Raises:
            IntegrityError: as from `save`; nothing of it is written then.
        """
        _write(*self._taken(), _run)

    def post(self) -> None:
        """Write it together with what is asked next in this transaction, or with its commit.

        What the database refuses is raised there, and until then new rows have no keys but those that were
        drawn ahead.
        """
        _write(*self._taken(), Statement.post)

    def _taken(self) -> tuple[list[Row], list[tuple[Row, tuple[str, ...]]]]:
        """What was gathered, as much as goes into one statement; the rest is written."""
        new, changed = self._new, self._changed
        self._new, self._changed = [], []
        while len(new) > ROWS:
            _write(new[:ROWS], [], _run)
            new = new[ROWS:]
        return new, changed


def _run(statement: Statement, then: Callable[[Any], None]) -> None:
    then(statement.run({}))


def _write(
    new: list[Row],
    changed: list[tuple[Row, tuple[str, ...]]],
    send: Callable[[Statement, Callable[[Any], None]], None],
) -> None:
    """Write rows in one statement."""
    groups: dict[tuple[type[Row], bool], list[Row]] = {}
    for row in new:
        groups.setdefault((type(row), row.pk is None), []).append(row)
    parts: list[Part] = []
    values: list[Any] = []
    for (model, is_keyless), rows in groups.items():
        names, found = _names(model, is_keyless), []
        for number, row in enumerate(rows):
            own, lookups = _values(row, names, add=True)
            values += own
            found += [(number * len(names) + place, sql) for place, sql in lookups]
        parts.append((model, names, len(rows), tuple(found)))
    for row, names in changed:
        own, found = _values(row, names, add=False)
        parts.append((type(row), names, 0, tuple(found)))
        values += [*own, row.pk]
    if not parts:
        return
    varies = len(values) > PREPARED
    text = _text_of(tuple(parts)) if varies else _text(tuple(parts))
    send(Statement(text, tuple(values), varies), partial(_placed, list(groups.values())))


def _placed(groups: list[list[Row]], found: list[tuple[Any, ...]]) -> None:
    """Give new rows their keys."""
    for rows, keys in zip(groups, found[0], strict=False):
        for row, key in zip(rows, keys, strict=True):
            row.pk = key
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def write(*rows: Row) -> None:
    """Make these rows, in one statement."""
    batch = Batch()
    batch.insert(*rows)
    batch.write()


def allot(rows: Iterable[Row]) -> None:
    """Draw keys for new rows from their sequences, in one statement, so that others can refer to them."""
    keyless = [row for row in rows if row.pk is None]
    for row, key in zip(keyless, draw(map(type, keyless)), strict=True):
        row.pk = key


def draw(models_of: Iterable[type[Row]]) -> list[int]:
    """Keys for new rows of these models, in one statement."""
    drawn = tuple(models_of)
    return list(Statement(_drawing(drawn)).run({})[0]) if drawn else []


@lru_cache
def _names(model: type[Row], is_keyless: bool) -> tuple[str, ...]:
    """The fields that a new row fills, its key only when that was drawn."""
    fields = (one for one in model._meta.local_concrete_fields if not one.generated)
    return tuple(one.name for one in fields if not (is_keyless and one.primary_key))


def _values(row: Row, names: tuple[str, ...], *, add: bool) -> tuple[list[Any], list[tuple[int, str]]]:
    """The values of a row, and which of its fields the database finds, by place."""
    # Itself: what stands for that of the thread looks for it again at every touch.
    own, held = connections[DEFAULT_DB_ALIAS], row.__dict__
    values: list[Any] = []
    found = []
    for place, (attribute, as_it_is, field) in enumerate(_ways(type(row), names)):
        value = held.get(attribute, _UNREAD)
        if type(value) is Lookup:
            found.append((place, value.sql))
            # All as wide: each width would be another statement to prepare.
            values += [Int8(one) if isinstance(one, int) else one for one in value.values]
        elif type(value) in as_it_is:
            values.append(value)
        else:
            values.append(field.get_db_prep_save(field.pre_save(row, add), own))
    if any(hasattr(value, "as_sql") for value in values):
        raise TypeError(f"a batch writes values, not expressions: {type(row).__name__}")
    return values, found


@lru_cache(maxsize=500)
def _ways(model: type[Row], names: tuple[str, ...]) -> list[tuple[str, set[type], Any]]:
    """The fields, each with its attribute, and the types of what is written as it stands there."""
    return [(one.attname, _as_it_is(one), one) for one in _fields(model, names)]


def _as_it_is(field: Any) -> set[type]:
    """The types of what Django's own field writes as it is: null, and a text in a field of texts."""
    kind = type(field)
    is_own = kind.pre_save is not models.Field.pre_save or not all(
        getattr(kind, name).__module__ in _DJANGO
        for name in ("get_prep_value", "get_db_prep_value", "get_db_prep_save", "to_python")
    )
    if is_own:
        return set()
    return {type(None), str} if isinstance(field, (models.CharField, models.TextField)) else {type(None)}


@lru_cache(maxsize=500)
def _fields(model: type[Row], names: tuple[str, ...]) -> list[Any]:
    return [model._meta.get_field(name) for name in names]


def _text_of(parts: tuple[Part, ...]) -> str:
    """The statement of a shape; it gives the keys of each group of new rows."""
    named = {f"part_{number}": part for number, part in enumerate(parts)}
    bodies = ", ".join(f"{name} AS ({_part(*part)})" for name, part in named.items())
    keys = [f"ARRAY(SELECT key FROM {name})" for name, part in named.items() if part[2]]  # noqa: S608
    return f"WITH {bodies} SELECT {', '.join(keys) or '1'}"


_text = lru_cache(maxsize=500)(_text_of)


def _part(model: type[Row], names: tuple[str, ...], count: int, found: Found) -> str:
    fields = _fields(model, names)
    quote, pk = connection.ops.quote_name, cast(Any, model._meta.pk)
    table, key = quote(model._meta.db_table), quote(pk.column)
    columns, slots = [quote(one.column) for one in fields], [*map(_slot, fields)] * max(1, count)
    for place, sql in found:
        slots[place] = sql
    if not count:
        pairs = ", ".join(f"{column} = {slot}" for column, slot in zip(columns, slots, strict=True))
        return f"UPDATE {table} SET {pairs} WHERE {key} = %s"  # noqa: S608 - names of our own models
    starts = range(0, len(slots), len(fields))
    rows = ", ".join(f"({', '.join(slots[start : start + len(fields)])})" for start in starts)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {rows} RETURNING {key} AS key"  # noqa: S608


def _slot(field: Any) -> str:
    """Where a value goes, with its type, which PostgreSQL would look for in vain in a list of rows.

    Without its length: a cast would cut off what is too long, where the column refuses it.
    """
    return f"%s::{re.sub(r'[(].*?[)]', '', field.db_type(connection))}"


@lru_cache(maxsize=200)
def _drawing(drawn: tuple[type[Row], ...]) -> str:
    quote = connection.ops.quote_name
    keys = (f"nextval('{quote(sequence_of(one))}'::regclass)" for one in drawn)
    return f"SELECT {', '.join(keys)}"


def sequence_of(model: type[Row]) -> str:
    """The sequence of a model's keys, as PostgreSQL names that of an identity column."""
    return f"{model._meta.db_table}_{model._meta.pk.column}_seq"
