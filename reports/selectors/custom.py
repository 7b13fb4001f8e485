"""Running a custom report: a definition from the list of fields, compiled to a query over the reader's rows.

It is answered from the rollups where they have all of it (`custom_cells`), else from the rows. Grouping is
by ids and codes; names come after, for the groups that are shown. Totals are those of all rows that match,
and not of the groups, so that means stay means and a limit cuts nothing from them. A query may take ten
seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, cast

from django.db import OperationalError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from psycopg import errors

from crm_backend.common.errors import DomainError
from crm_backend.common.read_engine.statements import Statement
from reports.selectors.custom_cells import from_cells
from reports.selectors.custom_definitions import (
    MAX_ROWS,
    Definition,
    Figures,
    Narrowing,
    most_groups,
    order_of,
)
from reports.selectors.custom_fields import Dimension, Measure, Source
from reports.shapes import Cell, Chart, Column, Kind, Look, Series, Sheet

TIMEOUT_MS = 10_000
NONE_LABEL = "None"
# What a chart can show and still be read.
MAX_POINTS, MAX_BARS = 36, 16


class ReportTooLarge(DomainError):
    """The report has more rows than are shown."""

    status = 422
    code = "report_too_large"
    title = "Report too large"
    default_detail = f"There are more than {MAX_ROWS} groups. Group by less, filter more, or set a limit."


class ReportTooSlow(DomainError):
    """The report takes longer than it may."""

    status = 422
    code = "report_too_slow"
    title = "Report too slow"
    default_detail = "This takes longer than 10 seconds. Filter by a shorter period."


@dataclass(frozen=True)
class CustomResult:
    """Rows by the names of their columns; a dimension has its value and, under `<name>_label`, its words.

    `as_of`: everything that happened before this moment is counted.
    """

    definition: Definition
    rows: Sequence[Mapping[str, Any]]
    totals: Mapping[str, Any]
    is_cut: bool
    as_of: datetime
    definitions: Mapping[str, str] = field(default_factory=dict)

    @property
    def sheet(self) -> Sheet:
        """The same as a table for people: words instead of ids and codes."""
        wanted = self.definition
        columns = [Column(one.name, one.title, one.kind) for one in wanted.columns]
        return Sheet(
            "report", wanted.name or wanted.source.title, columns, [self._cells(row) for row in self.rows]
        )

    @property
    def totals_sheet(self) -> Sheet:
        """The measures over all rows that match."""
        measures = self.definition.measures
        columns = [
            Column("figure", "All rows", Kind.TEXT),
            *(Column(m.name, m.title, m.kind) for m in measures),
        ]
        return Sheet("totals", "Total", columns, [["Total", *(self.totals[m.name] for m in measures)]])

    @property
    def narrowed(self) -> str:
        """The filters in words."""
        return "; ".join(self._words(one) for one in self.definition.filters)

    def _words(self, one: Narrowing) -> str:
        source = self.definition.source
        if one.values is None:
            edges = [("from", one.start), ("to", one.end)]
            told = " ".join(f"{word} {edge}" for word, edge in edges if edge is not None)
            return f"{source.ranges[one.field].title} {told}"
        dimension = source.dimensions[one.field]
        if dimension.is_id:
            # Not by name: whoever asks for an id need not be one who may know whose it is.
            return f"{dimension.title}: {len(one.values)} chosen"
        labels = dimension.choices or {}
        return f"{dimension.title}: {', '.join(_label(dimension, value, labels) for value in one.values)}"

    @property
    def charts(self) -> Sequence[Chart]:
        """The first measure by the first dimension, where that is all that rows are grouped by."""
        dimensions, measure = self.definition.dimensions, self.definition.measures[0]
        if len(dimensions) != 1 or not self.rows:
            return ()
        by, rows = dimensions[0], self.rows
        if by.date_format:
            dated = [row for row in rows if row[by.name]]
            rows = sorted(dated, key=lambda row: row[by.name])[-MAX_POINTS:]
        else:
            rows = rows[:MAX_BARS]
        chart = Chart(
            "report",
            f"{measure.title} by {by.title}",
            Look.LINE if by.date_format else Look.BARS,
            measure.kind,
            [row[f"{by.name}_label"] for row in rows],
            [Series(measure.title, [row[measure.name] for row in rows])],
        )
        return (chart,)

    def _cells(self, row: Mapping[str, Any]) -> Sequence[Cell]:
        dimensions = [
            row[one.name] if one.date_format else row[f"{one.name}_label"]
            for one in self.definition.dimensions
        ]
        return [*dimensions, *(row[one.name] for one in self.definition.measures)]


def custom_report(definition: Definition, *, reader: Any) -> CustomResult:
    """Run a report over what its reader may see.

    Raises:
        ReportTooLarge: it has more than 10,000 groups, and no limit.
        ReportTooSlow: it takes longer than ten seconds.
    """
    try:
        with transaction.atomic():
            _limit_time()
            found = from_cells(definition, reader) or _from_rows(definition, reader)
            labels = _labels(definition, found.groups)
    except OperationalError as error:
        if isinstance(error.__cause__, errors.QueryCanceled):
            raise ReportTooSlow() from None
        raise
    most = definition.limit or MAX_ROWS
    is_cut = len(found.groups) > most
    if is_cut and definition.limit is None:
        raise ReportTooLarge()
    return CustomResult(
        definition,
        [_row(definition, group, labels) for group in found.groups[:most]],
        {one.name: _shown(one, found.totals[f"m_{one.name}"]) for one in definition.measures},
        is_cut,
        found.as_of,
        {"rows": definition.source.definition, **{one.name: one.definition for one in definition.columns}},
    )


def _limit_time() -> None:
    """For the statements of this transaction, undone with its end; a savepoint that is kept keeps it."""
    limit = "SELECT set_config('statement_timeout', %s, true)"
    Statement(limit).ask(limit, [str(TIMEOUT_MS)])


def _from_rows(definition: Definition, reader: Any) -> Figures:
    now = timezone.now()
    rows = _matching(definition, reader)
    return Figures(_groups(definition, rows), rows.aggregate(**_aggregates(definition)), now)


def _matching(definition: Definition, reader: Any) -> QuerySet[Any]:
    rows = cast(Any, definition.source.rows()).visible_to(reader)
    for place, one in enumerate(definition.filters):
        rows = _narrowed(definition.source, rows, one, f"f_{place}")
    return cast("QuerySet[Any]", rows)


def _narrowed(source: Source, rows: Any, one: Narrowing, name: str) -> Any:
    if one.values is not None:
        rows = rows.alias(**{name: source.dimensions[one.field].expression()})
        given = [value for value in one.values if value is not None]
        found = rows.filter(**{f"{name}__in": given})
        return found if len(given) == len(one.values) else found | rows.filter(**{f"{name}__isnull": True})
    rows = rows.alias(**{name: source.ranges[one.field].expression()})
    if one.start is not None:
        rows = rows.filter(**{f"{name}__gte": one.start})
    return rows if one.end is None else rows.filter(**{f"{name}__lte": one.end})


def _aggregates(definition: Definition) -> dict[str, Any]:
    # Names of their own, which no column of the model has.
    return {f"m_{one.name}": one.aggregate() for one in definition.measures}


def _groups(definition: Definition, rows: QuerySet[Any]) -> list[dict[str, Any]]:
    if not definition.dimensions:
        return []
    keys = {f"d_{one.name}": one.expression() for one in definition.dimensions}
    grouped = rows.annotate(**keys).values(*keys).annotate(**_aggregates(definition))
    return list(grouped.order_by(*_order(definition))[: most_groups(definition)])


def _order(definition: Definition) -> list[Any]:
    """None is last, either way."""
    return [
        F(column).desc(nulls_last=True) if is_down else F(column).asc(nulls_last=True)
        for column, is_down in order_of(definition)
    ]


def _labels(definition: Definition, groups: Sequence[Any]) -> dict[str, Mapping[Any, str]]:
    labels: dict[str, Mapping[Any, str]] = {}
    for one in definition.dimensions:
        if one.names is not None:
            ids = {group[f"d_{one.name}"] for group in groups} - {None}
            labels[one.name] = one.names(sorted(ids)) if ids else {}
        else:
            labels[one.name] = one.choices or {}
    return labels


def _row(
    definition: Definition, group: Mapping[str, Any], labels: Mapping[str, Mapping[Any, str]]
) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for one in definition.dimensions:
        # No code, which is how a column of text says that there is none, is none as well.
        value = group[f"d_{one.name}"]
        row[one.name] = None if value == "" else value
        row[f"{one.name}_label"] = _label(one, row[one.name], labels[one.name])
    return row | {one.name: _shown(one, group[f"m_{one.name}"]) for one in definition.measures}


def _label(dimension: Dimension, value: Any, labels: Mapping[Any, str]) -> str:
    if value is None:
        return NONE_LABEL
    if isinstance(value, date):
        if dimension.date_format == "Q":
            return f"Q{(value.month + 2) // 3} {value.year}"
        return value.strftime(dimension.date_format)
    return labels.get(value, str(value))


def _shown(measure: Measure, value: Any) -> Any:
    """Rounded half up, once."""
    if value is None or isinstance(value, int):
        return value
    places = Decimal(1).scaleb(-measure.places)
    return Decimal(value).quantize(places, ROUND_HALF_UP)
