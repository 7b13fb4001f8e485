"""Light rows: as much of a model instance as a computed value declares to read, and no database behind it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import FunctionType, MethodType
from typing import Any

from django.db import models

from crm_backend.common.read_engine.errors import Undeclared
from crm_backend.common.read_engine.sources import Source

Convert = Callable[[Any], Any]


class Row:
    """Values of some columns, with the model's own properties and methods on top of them."""

    model: type[models.Model]

    def __getattr__(self, name: str) -> Any:
        member = getattr(self.model, name, None)
        if isinstance(member, property) and member.fget is not None and name != "pk":
            return member.fget(self)
        if isinstance(member, FunctionType):
            return MethodType(member, self)
        raise Undeclared(f"{self.model.__name__}.{name} was read, which no `reads` of this value names.")

    def __str__(self) -> str:
        return str(self.model.__str__(self))


class Rows(list[Row]):
    """Related rows, asked for as a manager would be."""

    def all(self) -> "Rows":
        """Return them."""
        return self


@cache
def row_class(model: type[models.Model]) -> type[Row]:
    """The class of a model's light rows."""
    return type(f"{model.__name__}Row", (Row,), {"model": model})


@dataclass
class RowMaker:
    """Makes light rows of one model out of a tuple of selected values.

    Attributes:
        model: whose rows.
        columns: attribute, place in the tuple, and how to read the value.
        ones: attribute, place of the key that is NULL when there is no such row, and its maker.
        many: attribute, place of the list of tuples, how to read it, and the maker of each.
    """

    model: type[models.Model]
    columns: list[tuple[str, int, Convert | None]] = field(default_factory=list)
    ones: list[tuple[str, int, "RowMaker"]] = field(default_factory=list)
    many: list[tuple[str, int, Convert | None, "RowMaker"]] = field(default_factory=list)

    def __call__(self, values: Sequence[Any]) -> Row:
        """Make one."""
        return self.make(values)

    @cached_property
    def make(self) -> Callable[[Sequence[Any]], Row]:
        """The function that makes one."""
        source = Source()
        lines = [f"row = {source.name(row_class(self.model))}()"]
        for name, place, convert in self.columns:
            value = f"s[{place}]"
            value = value if convert is None else source.unless_null(value, convert)
            lines.append(f"row.{name} = {value}")
        for name, place, maker in self.ones:
            lines.append(f"row.{name} = None if s[{place}] is None else {source.name(maker.make)}(s)")
        for name, place, convert, maker in self.many:
            items = f"s[{place}]" if convert is None else f"{source.name(convert)}(s[{place}])"
            lines.append(f"row.{name} = {source.name(Rows)}(map({source.name(maker.make)}, {items}))")
        return source.function(*lines, "return row")
