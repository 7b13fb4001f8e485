"""Reports on paper, in their reader's own time."""

from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from reports.paper import Paper
from reports.registry import OWNERS, Filters, Report, Result, title_of
from reports.selectors.custom import CustomResult


def custom_paper(result: CustomResult, reader: Any) -> Paper:
    """A custom report on paper."""
    wanted = result.definition
    titles = {one.name: one.title for one in wanted.columns} | {"rows": "Rows"}
    return Paper(
        title=wanted.name or f"Report on {wanted.source.title.lower()}",
        subtitle=result.narrowed,
        sheets=[result.sheet, result.totals_sheet],
        charts=result.charts,
        made_for=reader.full_name,
        made_at=timezone.now().astimezone(ZoneInfo(reader.timezone)),
        definitions={titles[name]: words for name, words in result.definitions.items()},
    )


def report_paper(report: Report, result: Result, filters: Filters, reader: Any) -> Paper:
    """One of the seven on paper."""
    first, last = filters.start_date, filters.end_date
    period = {
        (True, True): f"{first} to {last}",
        (True, False): f"from {first}",
        (False, True): f"up to {last}",
        (False, False): "",
    }[first is not None, last is not None]
    narrowed = sorted(name for name in OWNERS if getattr(filters, name) is not None)
    # By the titles of the tables, so that each is found.
    titles = {sheet.key: sheet.title for sheet in result.sheets}
    titles |= {column.key: column.title for column in result.sheets[0].columns}
    of_whom = [f"{name.removesuffix('_id')} {getattr(filters, name)}" for name in narrowed]
    return Paper(
        title=report.title,
        subtitle=" · ".join(part for part in (period, *of_whom) if part),
        sheets=result.sheets,
        charts=result.charts,
        made_for=reader.full_name,
        made_at=timezone.now().astimezone(ZoneInfo(reader.timezone)),
        definitions={titles.get(name) or title_of(name): text for name, text in result.definitions.items()},
    )
