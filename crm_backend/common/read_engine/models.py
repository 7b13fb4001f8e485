"""Rows as objects of their models, by statements that are compiled once: what a write looks at first.

A queryset of plain rows, with joined ones (`select_related`) if it likes; nothing annotated or prefetched.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from crm_backend.common.read_engine.errors import Refused
from crm_backend.common.read_engine.statements import Build, MadeUp, Statement, compile_statement

Make = Callable[[Any], models.Model]


@dataclass(frozen=True)
class Rows:
    """A compiled queryset: its statement, and what makes objects of the rows that come back."""

    statement: Statement
    converters: dict[int, Any]
    make: Make

    def run(self, values: dict[Any, Any]) -> list[Any]:
        """The objects."""
        return self.made(self.statement.run(values))

    def made(self, rows: list[tuple[Any, ...]]) -> list[Any]:
        """Objects of rows that the statement found."""
        return [self._made(row) for row in rows]

    def _made(self, row: tuple[Any, ...]) -> models.Model:
        if not self.converters:
            return self.make(row)
        found = list(row)
        for place, (converters, expression) in self.converters.items():
            for convert in converters:
                found[place] = convert(found[place], expression, connection)
        return self.make(found)


def compile_rows(build: Build, values: dict[Any, Any]) -> Rows:
    """Compile a queryset; `values` are those of the request at hand.

    Raises:
        Refused: with the reason.
    """
    rows: Any = build(MadeUp(1))
    if rows._prefetch_related_lookups or rows.query.annotations or rows._fields is not None:
        raise Refused("only plain rows are made objects of")
    compiler = rows.query.get_compiler(connection.alias)
    compiler.as_sql()
    select = [expression for expression, *_ in compiler.select]
    return Rows(
        compile_statement(build, values),
        compiler.get_converters(select),
        _maker(compiler.klass_info, select),
    )


def _maker(info: dict[str, Any], select: list[Any]) -> Make:
    """Makes a row of a join an object, and those that belong to it."""
    model, places = info["model"], info["select_fields"]
    names = [select[place].target.attname for place in places]
    key = places[names.index(model._meta.pk.attname)]
    related = [(one, _maker(one, select)) for one in info.get("related_klass_infos", ())]

    def make(row: Any) -> Any:
        if row[key] is None:
            return None
        made = model.from_db(DEFAULT_DB_ALIAS, names, [row[place] for place in places])
        for one, make_related in related:
            other = make_related(row)
            one["local_setter"](made, other)
            if other is not None:
                one["remote_setter"](other, made)
        return made

    return make


class KeptRows:
    """Rows that a selector or service asks all the time, compiled when they are first needed.

    Args:
        build: makes the queryset, asking its argument for each value by name and example: `given("user", 1)`.
    """

    def __init__(self, build: Build) -> None:
        self.build = build
        self._rows: Rows | None = None

    def run(self, **values: Any) -> list[Any]:
        """The objects."""
        return self._compiled(values).run(values)

    def soon(self, **values: Any) -> "Soon":
        """Ask for them together with what is asked next in this transaction."""
        return Soon(self._compiled(values), values)

    def _compiled(self, values: dict[Any, Any]) -> Rows:
        if self._rows is None:
            self._rows = compile_rows(self.build, values)
        return self._rows


class Soon:
    """Rows that are asked for in one trip with the next statement of the transaction."""

    def __init__(self, rows: Rows, values: dict[Any, Any]) -> None:
        self._rows, self._values = rows, values
        self._found: list[tuple[Any, ...]] | None = None
        rows.statement.post(self._came, values)

    def get(self) -> list[Any]:
        """The objects; asked for now, if nothing else was asked since."""
        if self._found is None:
            cast(Any, connections[DEFAULT_DB_ALIAS]).settle()
        # Gone with a part of the transaction that was undone.
        return self._rows.run(self._values) if self._found is None else self._rows.made(self._found)

    def _came(self, rows: list[tuple[Any, ...]]) -> None:
        self._found = rows
