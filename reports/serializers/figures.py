"""Shapes of figures: thousands of rows in a reply, that are dicts with all of their values already."""

from collections.abc import Callable
from decimal import Decimal
from functools import cached_property
from typing import Any

from rest_framework import serializers

from crm_backend.common.serializers import Serializer


class FigureField(serializers.DecimalField):
    """A figure with two decimals, of a value that has no more."""

    def to_representation(self, value: Any) -> str:
        """As DRF writes it, without a context for each."""
        return format(value if isinstance(value, Decimal) else Decimal(value), ".2f")


def money(**kwargs: Any) -> FigureField:
    """AUD."""
    kwargs.setdefault("help_text", "AUD.")
    return FigureField(max_digits=24, decimal_places=2, **kwargs)


def percents(**kwargs: Any) -> FigureField:
    """Percent; null of nothing."""
    kwargs.setdefault("help_text", "Percent; null of nothing.")
    return FigureField(max_digits=24, decimal_places=2, allow_null=True, **kwargs)


class Figures(Serializer):
    """A shape to show dicts in, which is not asked for each value where that is."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """The shown values, by their names."""
        return {
            name: None if (value := instance[name]) is None else show(value) for name, show in self._shown
        }

    @cached_property
    def _shown(self) -> list[tuple[str, Callable[[Any], Any]]]:
        return [(name, field.to_representation) for name, field in self.fields.items()]
