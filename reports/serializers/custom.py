"""Custom reports: what is asked for, checked against the list of fields, and what comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm_backend.common.serializers import Serializer
from reports.errors import SavedReportOutdated
from reports.periods import PERIODS, Period, period_days
from reports.selectors.custom import CustomResult
from reports.selectors.custom_definitions import MAX_ROWS, Definition, Narrowing
from reports.selectors.custom_fields import Dimension, Source, Takes
from reports.selectors.custom_sources import SOURCES
from reports.shapes import Kind
from servicing.dates import business_date

MAX_DIMENSIONS = 4
MAX_MEASURES = 12
MAX_FILTERS = 20
MAX_VALUES = 200
LARGEST_ID = 2**63 - 1
SOURCE_CHOICES = [(one.name, one.title) for one in SOURCES.values()]


@extend_schema_field({"type": ["string", "integer", "null"]})
class ValueField(serializers.Field[Any, Any, Any, Any]):
    """A code, an id, or null for none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """A text or a whole number."""
        if isinstance(data, bool) or not isinstance(data, str | int):
            raise serializers.ValidationError("Give a text, a whole number or null.")
        return data

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


class FilterSerializer(Serializer):
    """A filter on one field: `values`, or `start` and `end`, both inclusive, or a `period` of a date."""

    field = serializers.CharField(max_length=64)
    values = serializers.ListField(
        child=ValueField(), required=False, min_length=1, max_length=MAX_VALUES, help_text="Any of them."
    )
    start = serializers.CharField(required=False, max_length=32, help_text="A date, or an amount in AUD.")
    end = serializers.CharField(required=False, max_length=32, help_text="A date, or an amount in AUD.")
    period = serializers.ChoiceField(
        choices=PERIODS,
        required=False,
        help_text="Instead of start and end; its days are found when the report runs.",
    )


class DefinitionSerializer(Serializer):
    """A custom report: what of, grouped by what, which figures. `custom/fields/` lists the names."""

    name = serializers.CharField(required=False, max_length=100, help_text="The title of files.")
    source = serializers.ChoiceField(choices=SOURCE_CHOICES)  # type: ignore[assignment]
    dimensions = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=MAX_DIMENSIONS
    )
    measures = serializers.ListField(
        child=serializers.CharField(max_length=64), min_length=1, max_length=MAX_MEASURES
    )
    filters = FilterSerializer(many=True, required=False, max_length=MAX_FILTERS)
    order = serializers.ListField(
        child=serializers.CharField(max_length=65),
        required=False,
        max_length=MAX_DIMENSIONS + MAX_MEASURES,
        help_text="Names of the report's own columns; `-` before one for the greatest first.",
    )
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ROWS)

    def validate(self, attrs: Mapping[str, Any]) -> Any:
        """Look every name up; what is not listed is refused with the list."""
        source = SOURCES[attrs["source"]]
        dimensions = _found("dimensions", attrs.get("dimensions", ()), source.dimensions)
        measures = _found("measures", attrs["measures"], source.measures)
        own = {one.name: one for one in (*dimensions, *measures)}
        order = attrs.get("order", ())
        _found("order", [name.removeprefix("-") for name in order], own)
        filters = []
        for place, one in enumerate(attrs.get("filters", ())):
            try:
                filters.append(_narrowing(source, one))
            except serializers.ValidationError as error:
                raise serializers.ValidationError({"filters": {str(place): error.detail}}) from None
        return {
            "definition": Definition(
                source=source,
                dimensions=dimensions,
                measures=measures,
                filters=filters,
                order=order,
                limit=attrs.get("limit"),
                name=attrs.get("name", ""),
            )
        }


def definition_of(given: Any, *, name: str) -> Definition:
    """A definition that was kept, checked again: the list of fields may have changed.

    Raises:
        SavedReportOutdated: it names what there is not any more.
    """
    serializer = DefinitionSerializer(data=given)
    if not serializer.is_valid():
        raise SavedReportOutdated(errors=serializer.errors)
    definition: Definition = serializer.validated_data["definition"]
    return replace(definition, name=name)


def _found(field: str, names: Sequence[str], known: Mapping[str, Any]) -> list[Any]:
    unknown = sorted({name for name in names if name not in known})
    if unknown:
        allowed = ", ".join(known)
        raise serializers.ValidationError(
            {field: [f"Unknown: {', '.join(unknown)}. Allowed are: {allowed}."]}
        )
    if len(set(names)) < len(names):
        raise serializers.ValidationError({field: ["Each at most once."]})
    return [known[name] for name in names]


def _narrowing(source: Source, given: Mapping[str, Any]) -> Narrowing:
    name = given["field"]
    codes = {key: one for key, one in source.dimensions.items() if one.takes}
    if name in codes:
        if set(given) != {"field", "values"}:
            raise serializers.ValidationError(
                {"values": ["This field is filtered by `values`, and by nothing else."]}
            )
        return Narrowing(name, values=[_value(codes[name], value) for value in given["values"]])
    if name not in source.ranges:
        allowed = ", ".join([*codes, *source.ranges])
        raise serializers.ValidationError({"field": [f"Unknown: {name}. Allowed are: {allowed}."]})
    return _range(name, source.ranges[name].takes, given)


def _range(name: str, takes: Takes, given: Mapping[str, Any]) -> Narrowing:
    if "values" in given:
        raise serializers.ValidationError({"values": ["This field is filtered by `start` and `end`."]})
    if "period" in given:
        if takes is not Takes.DATES or "start" in given or "end" in given:
            raise serializers.ValidationError({"period": ["Only for a date, and without `start` and `end`."]})
        start, end = period_days(Period(given["period"]), business_date())
        return Narrowing(name, start=start, end=end)
    field: Any = (
        serializers.DateField()
        if takes is Takes.DATES
        else serializers.DecimalField(max_digits=14, decimal_places=2)
    )
    edges: dict[str, Any] = {}
    for edge in ("start", "end"):
        if edge in given:
            try:
                edges[edge] = field.run_validation(given[edge])
            except serializers.ValidationError as error:
                raise serializers.ValidationError({edge: error.detail}) from None
    if not edges:
        raise serializers.ValidationError({"start": ["Give `start`, `end`, or both."]})
    if len(edges) == 2 and edges["start"] > edges["end"]:
        raise serializers.ValidationError({"end": ["This is before `start`."]})
    return Narrowing(name, **edges)


def _value(dimension: Dimension, value: Any) -> Any:
    if value is None:
        return None
    if dimension.choices is None:
        if not isinstance(value, int) or not 1 <= value <= LARGEST_ID:
            raise serializers.ValidationError({"values": ["Give ids."]})
        return value
    if value not in dimension.choices:
        allowed = ", ".join(dimension.choices)
        raise serializers.ValidationError({"values": [f"Unknown: {value}. Allowed are: {allowed}."]})
    return value


# --- Replies ------------------------------------------------------------------------------------

KINDS = [(kind.value, kind.value) for kind in Kind]


class ColumnSerializer(Serializer):
    """A column of the rows; a dimension has its words under `<name>_label`."""

    name = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS, help_text="Money is AUD.")
    is_measure = serializers.BooleanField()


CELLS = {"type": "object", "additionalProperties": {"type": ["string", "integer", "null"]}}


@extend_schema_field(CELLS)
class CellsField(serializers.Field[Any, Any, Any, Any]):
    """Values by the names of columns; amounts and rates are decimal texts, as everywhere."""

    def to_representation(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Decimals and dates as text."""
        return {
            name: cell if cell is None or isinstance(cell, int) else str(cell) for name, cell in value.items()
        }


class CustomReportSerializer(Serializer):
    """A custom report: its rows, and the same measures over all rows that match."""

    name = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    columns = ColumnSerializer(many=True)
    rows = serializers.ListField(child=CellsField())
    totals = CellsField()
    as_of = serializers.DateTimeField(help_text="Everything that happened before this moment is counted.")
    is_cut = serializers.BooleanField(help_text="Whether `limit` left rows out; totals are of all of them.")
    definitions = serializers.DictField(child=serializers.CharField(), help_text="What each column is.")


def custom_reply(result: CustomResult) -> dict[str, Any]:
    """The reply for a report."""
    wanted = result.definition
    columns = [
        {"name": one.name, "title": one.title, "kind": one.kind, "is_measure": one in wanted.measures}
        for one in wanted.columns
    ]
    reply = {
        "name": wanted.name,
        "source": wanted.source.name,
        "columns": columns,
        "rows": result.rows,
        "totals": result.totals,
        "as_of": result.as_of,
        "is_cut": result.is_cut,
        "definitions": result.definitions,
    }
    return CustomReportSerializer(reply).data


class ChoiceSerializer(Serializer):
    """A code and its words."""

    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class DimensionSerializer(Serializer):
    """Something to group by; `is_id` where its values are ids of rows."""

    name = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS)
    definition = serializers.CharField()
    is_id = serializers.BooleanField()
    choices = ChoiceSerializer(many=True)


class MeasureSerializer(Serializer):
    """A figure."""

    name = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=KINDS)
    definition = serializers.CharField()


class FilterFieldSerializer(Serializer):
    """Something to filter by, and what such a filter takes."""

    name = serializers.CharField()
    title = serializers.CharField()
    takes = serializers.ChoiceField(choices=[(one.value, one.value) for one in Takes])
    definition = serializers.CharField()


class SourceSerializer(Serializer):
    """Rows that a report can be over."""

    name = serializers.CharField()
    title = serializers.CharField()
    definition = serializers.CharField()
    dimensions = DimensionSerializer(many=True)
    measures = MeasureSerializer(many=True)
    filters = FilterFieldSerializer(many=True)


class FieldsSerializer(Serializer):
    """Everything that a form for custom reports offers."""

    sources = SourceSerializer(many=True)
    periods = serializers.ListField(child=serializers.CharField())


def fields_reply() -> dict[str, Any]:
    """The list of fields."""
    return FieldsSerializer(
        {"sources": [_source(one) for one in SOURCES.values()], "periods": [one.value for one in Period]}
    ).data


def _source(source: Source) -> dict[str, Any]:
    filters: list[Any] = [one for one in source.dimensions.values() if one.takes]
    return {
        "name": source.name,
        "title": source.title,
        "definition": source.definition,
        "dimensions": [
            {
                "name": one.name,
                "title": one.title,
                "kind": one.kind,
                "definition": one.definition,
                "is_id": one.is_id,
                "choices": [{"value": value, "label": label} for value, label in (one.choices or {}).items()],
            }
            for one in source.dimensions.values()
        ],
        "measures": list(source.measures.values()),
        "filters": [*filters, *source.ranges.values()],
    }
