"""The one list of reports.

A report is a function in `selectors/` from a reader and filters to a `Result`, and a call of `register` under
it::

    register(
        Report(
            name="application-volume",
            title="Application volume",
            description="How many applications were opened, and for how much.",
            filters=DATED,
            definitions=DEFINITIONS,
            headlines=("total_applications", …),
            run=application_volume,
        )
    )

The module goes into `MODULES`, which the app imports; the shape of its data is a serializer in
`serializers/reports.py`, by the same name. Its address, files and place in the documents follow.
`compute` runs a report, with the comparison that the filters ask for; it is what addresses, files and
schedules call.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property, partial
from importlib import import_module
from typing import Any

from crm_backend.common.figures import percent
from reports.choices import Grouping
from reports.shapes import Chart, Column, Kind, Sheet

MODULES = ("volume", "status", "compliance", "brokers", "portfolio", "arrears", "commissions")
OWNERS = frozenset({"application_id", "broker_id", "bd_id", "branch_id"})
PERIOD = frozenset({"start_date", "end_date", "period"})
DATED = OWNERS | PERIOD | {"compare"}
GROUPED = DATED | {"grouping"}


@dataclass(frozen=True)
class Filters:
    """What a report is asked for. Dates are business dates, both inclusive; ids are of visible rows."""

    start_date: date | None = None
    end_date: date | None = None
    application_id: int | None = None
    broker_id: int | None = None
    bd_id: int | None = None
    branch_id: int | None = None
    grouping: Grouping = Grouping.MONTH
    compare: bool = False

    def before(self) -> "Filters":
        """The same of the period of the same length just before; both dates have to be given."""
        assert self.start_date is not None
        assert self.end_date is not None
        days = (self.end_date - self.start_date).days + 1
        last = self.start_date - timedelta(days=1)
        return replace(self, start_date=self.start_date - timedelta(days=days), end_date=last, compare=False)


@dataclass(frozen=True)
class Result:
    """A report's data, by the names of its reply, and the same as tables and pictures.

    `as_of`: everything that happened before this moment is counted.
    """

    data: dict[str, Any]
    as_of: datetime
    sheets_of: Callable[[dict[str, Any]], Sequence[Sheet]]
    charts_of: Callable[[dict[str, Any]], Sequence[Chart]]
    definitions: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def sheets(self) -> Sequence[Sheet]:
        """The tables; most who ask for a report never do for these."""
        return self.sheets_of(self.data)

    @cached_property
    def charts(self) -> Sequence[Chart]:
        """The pictures."""
        return self.charts_of(self.data)


@dataclass(frozen=True)
class Report:
    """One report.

    Attributes:
        filters: the names of what it may be asked for. A `period` is read as its two dates.
        headlines: the figures that are compared with the period before.
        run: the selector; called by `compute` only.
    """

    name: str
    title: str
    description: str
    filters: frozenset[str]
    definitions: Mapping[str, str]
    headlines: tuple[str, ...]
    run: Callable[[Any, Filters], Result]


REPORTS: dict[str, Report] = {}


def register(report: Report) -> None:
    """Add a report to the list."""
    if REPORTS.setdefault(report.name, report) is not report:
        raise ValueError(f"report {report.name!r} is declared twice")


def load() -> None:
    """Import every report, so that the list is complete; again does nothing more."""
    for module in MODULES:
        import_module(f"reports.selectors.{module}")


def compute(report: Report, reader: Any, filters: Filters) -> Result:
    """Run a report for a reader, and compare it with the period before where that is asked for."""
    result = report.run(reader, filters)
    comparison, sheets_of = None, result.sheets_of
    if filters.compare:
        before = filters.before()
        previous = report.run(reader, before).data
        comparison = _comparison(report, before, result.data, previous)
        sheets_of = partial(_compared, filters, before, result.sheets_of, comparison["figures"])
    data = dict(result.data)
    if "period" in report.filters:
        data |= {"start_date": filters.start_date, "end_date": filters.end_date}
    if "compare" in report.filters:
        data["comparison"] = comparison
    return replace(result, data=data, sheets_of=sheets_of, definitions=report.definitions)


def _comparison(
    report: Report, before: Filters, data: dict[str, Any], previous: dict[str, Any]
) -> dict[str, Any]:
    figures = []
    for name in report.headlines:
        now, then = data[name], previous[name]
        known = now is not None and then is not None
        figures.append(
            {
                "figure": name,
                "value": now,
                "previous": then,
                "change": now - then if known else None,
                "change_percent": percent(now - then, abs(then)) if known else None,
            }
        )
    return {"start_date": before.start_date, "end_date": before.end_date, "figures": figures}


def _compared(
    filters: Filters,
    before: Filters,
    sheets_of: Callable[[dict[str, Any]], Sequence[Sheet]],
    figures: Sequence[dict[str, Any]],
    data: dict[str, Any],
) -> Sequence[Sheet]:
    """The tables, with the comparison as one; a figure that the summary does not have is a count."""
    summary, *others = sheets_of(data)
    known = {column.key: column for column in summary.columns}
    names = [one["figure"] for one in figures]
    columns = [known.get(name) or Column(name, title_of(name), Kind.COUNT) for name in names]
    rows = [
        [f"{filters.start_date} to {filters.end_date}", *(one["value"] for one in figures)],
        [f"{before.start_date} to {before.end_date}", *(one["previous"] for one in figures)],
        ["Change", *(one["change"] for one in figures)],
    ]
    period = Column("period", "Period", Kind.TEXT)
    return [summary, Sheet("comparison", "Beside the period before", [period, *columns], rows), *others]


def title_of(name: str) -> str:
    """The name of a figure as people read it."""
    return name.replace("_", " ").capitalize()
