"""Columns: how a value is selected, what it is in Python, and what a serializer field makes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models import F, Func, TextField
from django.db.models.expressions import Combinable, Subquery
from django.db.models.functions import Cast
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.relations import RelatedField

from crm_backend.common.read_engine.errors import Refused

Convert = Callable[[Any], Any]

# What is selected as text, and how a model instance would hold it.
_AS_TEXT: dict[type[models.Field], Convert] = {
    models.DecimalField: Decimal,
    models.DateTimeField: datetime.fromisoformat,
}
# The same of what JSON has as text.
_NESTED: dict[type[models.Field], Convert] = {
    **_AS_TEXT,
    models.DateField: date.fromisoformat,
    models.UUIDField: UUID,
}
_TEXTS = (models.CharField, models.TextField)
# A DRF field class's way to represent, and the columns whose values it leaves as they are.
_AS_IT_IS: list[tuple[Any, tuple[type[models.Field], ...]]] = [
    (serializers.CharField, _TEXTS),
    (serializers.ChoiceField, _TEXTS),
    (serializers.IntegerField, (models.IntegerField,)),
    (serializers.BigIntegerField, (models.IntegerField,)),
    (serializers.BooleanField, (models.BooleanField,)),
    (serializers.JSONField, (models.JSONField,)),
    (serializers.ReadOnlyField, (*_TEXTS, models.IntegerField, models.BooleanField)),
]
_ZONE = "+00"  # of the connections, which Django sets
_SHORTEST, _LONGEST = len("2026-01-31 09:30:00+00"), len("2026-01-31 09:30:00.123456+00")


def shown_time(text: str) -> str:
    """`2026-01-31 09:30:00.5+00`, as PostgreSQL writes it, as DRF shows it: `2026-01-31T09:30:00.500000Z`.

    Raises:
        ValueError: the connection is not in UTC.
    """
    if text[-3:] != _ZONE:
        raise ValueError(text)
    if len(text) == _LONGEST:
        return f"{text[:10]}T{text[11:26]}Z"
    fraction = f".{text[20:-3]:0<6}" if len(text) > _SHORTEST else ""
    return f"{text[:10]}T{text[11:19]}{fraction}Z"


class JsonArray(Func):
    """One row as a JSON array of its values."""

    function = "json_build_array"
    output_field = TextField()


class JsonRows(Subquery):
    """The rows of a subquery with one column `_row`, in its order, as JSON; `[]` when there are none."""

    template = "(SELECT coalesce(json_agg(_rows._row), '[]') FROM (%(subquery)s) AS _rows)"
    output_field = TextField()


class JsonText(JsonRows):
    """The same as text, for the outermost row: nothing parses it before we do."""

    template = "(SELECT coalesce(json_agg(_rows._row), '[]')::text FROM (%(subquery)s) AS _rows)"


@dataclass(frozen=True)
class Column:
    """One selected value.

    Attributes:
        field: the model's field, or the output field of an annotation.
        nested: whether the value arrives inside JSON, as those of related rows do.
    """

    field: models.Field
    nested: bool

    def expression(self, path: str) -> Combinable:
        """How it is selected.

        Decimals as text: their digits are the column's, and JSON has no decimals. Times as text: most are
        shown and nothing else, which saves making them.
        """
        if isinstance(self.field, tuple(_AS_TEXT)):
            return Cast(F(path), TextField())
        if isinstance(self.field, models.BinaryField):
            raise Refused(f"{path} is binary")
        return F(path)

    @property
    def python(self) -> Convert | None:
        """From what arrives to what a model instance would hold; None where that is the same."""
        if isinstance(self.field, models.JSONField):
            return None if self.nested else orjson.loads
        if hasattr(self.field, "from_db_value") and not isinstance(self.field, ArrayField):
            read = self.field.from_db_value
            return lambda value: read(value, None, connection)
        known = _NESTED if self.nested else _AS_TEXT
        return next((known[kind] for kind in type(self.field).__mro__ if kind in known), None)

    def output(self, field: Any) -> Convert | None:
        """From what arrives to what a serializer field shows; None where that is the same."""
        python, represent = self.python, field.to_representation
        if _is(field, serializers.PrimaryKeyRelatedField):
            return python if field.pk_field is None else field.pk_field.to_representation
        if self._is_decimal_of(field) or self._shows_date(field):
            return None
        if isinstance(self.field, models.DateTimeField) and _is(field, serializers.DateTimeField):
            return shown_time if _is_plain(field) else lambda value: represent(datetime.fromisoformat(value))
        if not getattr(field, "coerce_to_string", False):  # of an integer too long for some readers
            for kind, columns in _AS_IT_IS:
                if _is(field, kind) and isinstance(self.field, columns):
                    return python
        if python is None:
            return represent
        return lambda value: represent(python(value))

    def _is_decimal_of(self, field: Any) -> bool:
        """Whether the field shows the digits that the column has."""
        return (
            isinstance(self.field, models.DecimalField)
            and _is(field, serializers.DecimalField)
            and field.decimal_places == self.field.decimal_places
            and not (field.localize or field.normalize_output)
        )

    def _shows_date(self, field: Any) -> bool:
        """Whether the field shows a date as it arrives: one, or inside JSON its text."""
        is_date = isinstance(self.field, models.DateField) and not isinstance(
            self.field, models.DateTimeField
        )
        return is_date and _is(field, serializers.DateField) and _is_plain(field)


def _is(field: Any, kind: Any) -> bool:
    """Whether a field represents as a class of DRF does, subclasses with rules of their own for input too."""
    return type(field).to_representation is kind.to_representation


def _is_plain(field: Any) -> bool:
    """Whether a date or time is shown in the format and time zone of all."""
    return not {"format", "timezone"} & vars(field).keys()


def needs_row(field: Any) -> bool:
    """Whether a field looks at more of a row than the value of its source."""
    found = type(field).get_attribute
    if isinstance(field, RelatedField):
        return found is not RelatedField.get_attribute or not field.use_pk_only_optimization()
    return found is not serializers.Field.get_attribute


def without_parent(field: Any, path: str) -> Any:
    """What DRF shows when a row on the way to the value is missing.

    Raises:
        Refused: it would leave the field out, and so the shape of the reply would vary by row.
    """
    if field.default is not empty:
        if callable(field.default):
            raise Refused(f"{path} has a computed default")
        return field.default
    if field.allow_null:
        return None
    raise Refused(f"{path} would be left out where a row on the way is missing: give it allow_null")
