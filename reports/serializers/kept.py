"""Reports of both kinds that were kept, read again for somebody: what they reply, and what is on paper.

A definition is the body of `custom/`, or the parameters of `export/`: a `report` and its filters. It was
checked when it was saved and is checked again, by the same serializers, whenever somebody runs it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any, Protocol

from rest_framework import serializers

from reports.errors import SavedReportOutdated
from reports.models import SavedReport
from reports.paper import Paper
from reports.registry import REPORTS, Filters, Report, Result, compute
from reports.selectors.custom import custom_report
from reports.selectors.custom_definitions import Definition
from reports.selectors.papers import custom_paper, report_paper
from reports.serializers.custom import custom_reply, definition_of
from reports.serializers.filters import filters_of
from reports.serializers.reports import SHAPES


class Reading(Protocol):
    """A report that is ready to run, for its reader."""

    def reply(self) -> dict[str, Any]:
        """What its own address would answer."""

    def paper(self) -> Paper:
        """The same as tables and pictures."""


@dataclass(frozen=True)
class CustomReading:
    """A custom report."""

    definition: Definition
    reader: Any

    def reply(self) -> dict[str, Any]:
        """As `custom/`."""
        return custom_reply(custom_report(self.definition, reader=self.reader))

    def paper(self) -> Paper:
        """As `custom/export/`."""
        return custom_paper(custom_report(self.definition, reader=self.reader), self.reader)


@dataclass(frozen=True)
class StandardReading:
    """One of the seven, under a name of its own."""

    report: Report
    filters: Filters
    reader: Any
    name: str

    def reply(self) -> dict[str, Any]:
        """As the report's own address."""
        return report_reply(self.report, compute(self.report, self.reader, self.filters))

    def paper(self) -> Paper:
        """As `export/`, with the name as its title."""
        result = compute(self.report, self.reader, self.filters)
        paper = report_paper(self.report, result, self.filters, self.reader)
        return replace(paper, title=self.name or paper.title)


def reading_of(report: SavedReport, reader: Any) -> Reading:
    """A saved report for a reader.

    Raises:
        SavedReportOutdated: it names what there is not any more, or what the reader does not see.
    """
    return reading_from(report.definition, name=report.name, reader=reader)


def reading_from(given: Any, *, name: str, reader: Any) -> Reading:
    """A definition for a reader, checked anew.

    Raises:
        SavedReportOutdated: it names what there is not any more, or what the reader does not see.
    """
    if not is_standard(given):
        return CustomReading(definition_of(given, name=name), reader)
    try:
        report, filters = standard_of(given, {"request": SimpleNamespace(user=reader)})
    except serializers.ValidationError as error:
        refused: Any = error.detail
        raise SavedReportOutdated(errors=refused) from None
    return StandardReading(report, filters, reader, name)


def is_standard(given: Any) -> bool:
    """Whether a definition is of one of the seven."""
    return isinstance(given, Mapping) and "report" in given


def standard_of(given: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[Report, Filters]:
    """The report and the filters of a definition; `context` has the request whose caller is asking.

    Raises:
        ValidationError: there is no such report, or its own address would refuse the filters.
    """
    rest = dict(given)
    name = rest.pop("report")
    report = REPORTS.get(name) if isinstance(name, str) else None
    if report is None:
        raise serializers.ValidationError({"report": [f"Choose one of {', '.join(REPORTS)}."]})
    return report, filters_of(report, rest, context)


def report_reply(report: Report, result: Result) -> dict[str, Any]:
    """The reply of one of the seven."""
    shown = {**result.data, "as_of": result.as_of, "definitions": result.definitions}
    return _shape(report.name).to_representation(shown)


@cache
def _shape(name: str) -> Any:
    """It keeps nothing of what it shows."""
    return SHAPES[name]()
