"""Where applications stand, how long stages took, and how many came through."""

from decimal import Decimal
from typing import Any

from applications.choices import Stage
from applications.selectors.portfolios import LENT, STILL_OPEN
from applications.stages import ASIDE, PATH
from crm_backend.common.figures import mean, percent
from reports.choices import Topic
from reports.registry import DATED, Filters, Report, Result, register
from reports.selectors.sources import Ask
from reports.selectors.sums import Answers, ask
from reports.shapes import Chart, Column, Kind, Look, Series, Sheet

SECONDS_OF_A_DAY = 86400
DEFINITIONS = {
    "total_applications": "Those opened in the period, on business dates from start_date to end_date.",
    "total_active": "Those of them that are before settlement now, waiting for more information included.",
    "total_settled": "Those of them that are settled or closed now.",
    "total_declined": "Those of them that are declined now.",
    "total_withdrawn": "Those of them that are withdrawn now.",
    "active_by_stage": "total_active by stage.",
    "avg_time_in_stage": "Days (of 24 hours) that they spent in a stage before they left it: the mean "
    "of all stays that ended, from the stage history.",
    "inquiry_to_approval_rate": "Percent of total_applications that reached formal approval, whatever became "
    "of them afterwards.",
    "approval_to_settlement_rate": "total_settled in percent of those that reached formal approval.",
    "overall_success_rate": "total_settled in percent of total_applications.",
}


def application_status(reader: Any, filters: Filters) -> Result:
    """Applications opened in a period, by what became of them; each figure as `DEFINITIONS` says."""
    return status_of(ask(reader, filters, *status_asks(filters)))


def status_asks(filters: Filters) -> list[Ask]:
    """What has to be known."""
    first, last = filters.start_date, filters.end_date
    return [
        Ask(Topic.STAGE, first, last, by=("label",), sums=("count",)),
        Ask(Topic.APPROVED, first, last, sums=("count",)),
        Ask(Topic.STAYS, first, last, by=("label",), sums=("count", "span")),
    ]


def status_of(answers: Answers) -> Result:
    """The report from the answers."""
    by_stage, reached, stays = answers
    counts = {row.label: row.count for row in by_stage}
    total, approved = sum(counts.values()), sum(row.count for row in reached)
    settled = sum(counts.get(stage, 0) for stage in LENT)
    active = {stage.value: counts[stage] for stage in STILL_OPEN if stage in counts}
    times = {row.label: mean(Decimal(row.span) / SECONDS_OF_A_DAY, row.count) for row in stays}
    data = {
        "total_applications": total,
        "total_active": sum(active.values()),
        "total_settled": settled,
        "total_declined": counts.get(Stage.DECLINED, 0),
        "total_withdrawn": counts.get(Stage.WITHDRAWN, 0),
        "active_by_stage": active,
        "avg_time_in_stage": {stage.value: times[stage] for stage in (*PATH, *ASIDE) if stage in times},
        "inquiry_to_approval_rate": percent(approved, total),
        "approval_to_settlement_rate": percent(settled, approved),
        "overall_success_rate": percent(settled, total),
    }
    return Result(data, answers.as_of, _sheets, _charts)


def _sheets(data: dict[str, Any]) -> list[Sheet]:
    counts = ("total_applications", "total_active", "total_settled", "total_declined", "total_withdrawn")
    rates = ("inquiry_to_approval_rate", "approval_to_settlement_rate", "overall_success_rate")
    columns = [Column(name, _title(name), Kind.COUNT) for name in counts]
    columns += [Column(name, _title(name), Kind.PERCENT) for name in rates]
    stage = Column("stage", "Stage", Kind.TEXT)
    return [
        Sheet("summary", "Summary", columns, [[data[name] for name in (*counts, *rates)]]),
        Sheet(
            "active_by_stage",
            "Active by stage",
            [stage, Column("count", "Applications", Kind.COUNT)],
            [[Stage(name).label, number] for name, number in data["active_by_stage"].items()],
        ),
        Sheet(
            "avg_time_in_stage",
            "Time in stages",
            [stage, Column("days", "Days", Kind.DAYS)],
            [[Stage(name).label, days] for name, days in data["avg_time_in_stage"].items()],
        ),
    ]


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _charts(data: dict[str, Any]) -> list[Chart]:
    active = data["active_by_stage"]
    # Beside a year in settlement, days on the way there would not be seen.
    waits = {name: days for name, days in data["avg_time_in_stage"].items() if name in STILL_OPEN}
    return [
        Chart(
            "active",
            "Active applications by stage",
            Look.FUNNEL,
            Kind.COUNT,
            [Stage(name).label for name in active],
            [Series("Applications", list(active.values()))],
        ),
        Chart(
            "times",
            "Days in stages before settlement",
            Look.BARS,
            Kind.DAYS,
            [Stage(name).label for name in waits],
            [Series("Days", list(waits.values()))],
        ),
    ]


register(
    Report(
        name="application-status",
        title="Application status",
        description="What became of the applications that were opened, and how long their stages took.",
        filters=DATED,
        definitions=DEFINITIONS,
        headlines=("total_applications", "total_settled", "total_declined", "total_withdrawn"),
        run=application_status,
    )
)
