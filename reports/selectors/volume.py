"""How many applications were opened, and for how much."""

from decimal import Decimal
from typing import Any

from applications.choices import ApplicationType, Stage
from crm_backend.common.figures import mean
from reports.choices import Topic
from reports.registry import GROUPED, Filters, Report, Result, register
from reports.selectors.naming import bdm_names
from reports.selectors.sources import Ask
from reports.selectors.sums import Answers, ask
from reports.shapes import Chart, Column, Kind, Look, Series, Sheet

ZERO = Decimal("0.00")
DEFINITIONS = {
    "total_applications": "Applications opened in the period: on business dates from start_date to end_date.",
    "total_loan_amount": "AUD: the sum of the loan amounts that they ask for, as they are now.",
    "average_loan_amount": "AUD: total_loan_amount / total_applications.",
    "stage_breakdown": "How many of them are in each stage now.",
    "time_breakdown": "By the day, week (its Monday) or month they were opened in, without empty periods.",
    "bd_breakdown": "By the BDM who is responsible now; null: nobody. The largest amount first.",
    "type_breakdown": "How many of them are of each type.",
}


def application_volume(reader: Any, filters: Filters) -> Result:
    """Applications opened in a period; each figure as `DEFINITIONS` says."""
    return volume_of(ask(reader, filters, *volume_asks(filters)))


def volume_asks(filters: Filters, *, by_bdm: bool = True) -> list[Ask]:
    """What has to be known. By BDM may be left out."""
    first, last, added = filters.start_date, filters.end_date, ("count", "amount")
    return [
        Ask(Topic.STAGE, first, last, by=("label",), sums=("count",)),
        Ask(Topic.TYPE, first, last, by=("label",), sums=("count",)),
        Ask(Topic.OPENED, first, last, grouping=filters.grouping, sums=added),
        *([Ask(Topic.OPENED, first, last, by=("bd",), sums=added)] if by_bdm else []),
    ]


def volume_of(answers: Answers) -> Result:
    """The report from the answers."""
    stages, types, times, *rest = answers
    bds = rest[0] if rest else ()
    count = sum(row.count for row in times)
    amount = sum((row.amount for row in times), ZERO)
    names = bdm_names(row.bd for row in bds)
    by_stage, by_type = ({row.label: row.count for row in rows} for rows in (stages, types))
    data = {
        "total_applications": count,
        "total_loan_amount": amount,
        "average_loan_amount": mean(amount, count),
        "stage_breakdown": {stage: by_stage[stage] for stage in Stage.values if stage in by_stage},
        "type_breakdown": {kind: by_type[kind] for kind in ApplicationType.values if kind in by_type},
        "time_breakdown": [
            {"period": row.period, "count": row.count, "total_amount": row.amount}
            for row in sorted(times, key=lambda row: str(row.period))
        ],
        "bd_breakdown": [
            {
                "bd_id": row.bd or None,
                "bd_name": names[row.bd],
                "count": row.count,
                "total_amount": row.amount,
            }
            for row in sorted(bds, key=lambda row: (-row.amount, row.bd or 0))
        ],
    }
    return Result(data, answers.as_of, _sheets, _charts)


def _sheets(data: dict[str, Any]) -> list[Sheet]:
    count, amount = Column("count", "Applications", Kind.COUNT), Column("total_amount", "Amount", Kind.MONEY)
    totals = [
        Column("total_applications", "Applications", Kind.COUNT),
        Column("total_loan_amount", "Amount", Kind.MONEY),
        Column("average_loan_amount", "Average amount", Kind.MONEY),
    ]
    return [
        Sheet("summary", "Summary", totals, [[data[column.key] for column in totals]]),
        Sheet(
            "time_breakdown",
            "Over time",
            [Column("period", "Period from", Kind.DATE), count, amount],
            [[row["period"], row["count"], row["total_amount"]] for row in data["time_breakdown"]],
        ),
        Sheet(
            "stage_breakdown",
            "By stage",
            [Column("stage", "Stage", Kind.TEXT), count],
            [[Stage(stage).label, number] for stage, number in data["stage_breakdown"].items()],
        ),
        Sheet(
            "type_breakdown",
            "By type",
            [Column("type", "Type", Kind.TEXT), count],
            [[ApplicationType(kind).label, number] for kind, number in data["type_breakdown"].items()],
        ),
        Sheet(
            "bd_breakdown",
            "By BDM",
            [Column("bd_name", "BDM", Kind.TEXT), count, amount],
            [[row["bd_name"], row["count"], row["total_amount"]] for row in data["bd_breakdown"]],
        ),
    ]


def _charts(data: dict[str, Any]) -> list[Chart]:
    times, stages = data["time_breakdown"], data["stage_breakdown"]
    periods = [row["period"].isoformat() for row in times]
    return [
        Chart(
            "over_time",
            "Amount over time",
            Look.LINE,
            Kind.MONEY,
            periods,
            [Series("Amount", [row["total_amount"] for row in times])],
        ),
        Chart(
            "stages",
            "Applications by stage",
            Look.FUNNEL,
            Kind.COUNT,
            [Stage(stage).label for stage in stages],
            [Series("Applications", list(stages.values()))],
        ),
    ]


register(
    Report(
        name="application-volume",
        title="Application volume",
        description="How many applications were opened, and for how much.",
        filters=GROUPED,
        definitions=DEFINITIONS,
        headlines=("total_applications", "total_loan_amount", "average_loan_amount"),
        run=application_volume,
    )
)
