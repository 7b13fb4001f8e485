"""Shapes of figures: thousands of rows in a reply, that are dicts with all of their values already."""

from collections.abc import Callable
from decimal import Decimal
from functools import cached_property
from types import NoneType
from typing import Any, cast

from rest_framework import serializers

from crm_backend.common.serializers import Serializer


class FigureField(serializers.DecimalField):
    """A figure with two decimals, of a value that has no more."""

    def to_representation(self, value: Any) -> str:
        """As DRF writes it, without a context for each."""
        return f"{value if isinstance(value, Decimal) else Decimal(value):.2f}"


def money(**kwargs: Any) -> FigureField:
    """AUD."""
    kwargs.setdefault("help_text", "AUD.")
    return FigureField(max_digits=24, decimal_places=2, **kwargs)


def percents(**kwargs: Any) -> FigureField:
    """Percent; null of nothing."""
    kwargs.setdefault("help_text", "Percent; null of nothing.")
    return FigureField(max_digits=24, decimal_places=2, allow_null=True, **kwargs)


class FigureRows(serializers.ListSerializer[Any]):
    """Rows of one shape, shown a column at a time: each step is one of Python's own loops."""

    def to_representation(self, data: Any) -> list[Any]:
        """The shown rows."""
        rows, fields = list(data), cast(Serializer, self.child).fields
        names = list(fields)
        columns = [_column([row[name] for row in rows], field) for name, field in fields.items()]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


# Fields of values that are these already, as all of sums and names are.
_AS_THEY_ARE = {serializers.IntegerField: int, serializers.CharField: str}


def _column(values: list[Any], field: Any) -> list[Any]:
    kind, types = type(field), {*map(type, values)} - {NoneType}
    if types == {_AS_THEY_ARE.get(kind)}:
        return values
    if kind is FigureField and types == {Decimal}:
        return [None if value is None else f"{value:.2f}" for value in values]
    show = field.to_representation
    return [None if value is None else show(value) for value in values]


class Values(serializers.ListField):
    """As many values of one kind."""

    def to_representation(self, data: Any) -> list[Any]:
        """The shown values."""
        return _column(list(data), self.child)


class Figures(Serializer):
    """A shape to show dicts in, which is not asked for each value where that is."""

    class Meta:
        list_serializer_class = FigureRows

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """The shown values, by their names."""
        return {
            name: None if (value := instance[name]) is None else show(value) for name, show in self._shown
        }

    @cached_property
    def _shown(self) -> list[tuple[str, Callable[[Any], Any]]]:
        return [(name, field.to_representation) for name, field in self.fields.items()]
