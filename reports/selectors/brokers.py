"""What brokers brought, and what became of it."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any

from applications.choices import Stage
from crm_backend.common.figures import mean, percent
from reports.choices import Topic
from reports.registry import DATED, Filters, Report, Result, register
from reports.selectors.contributions import SUMS
from reports.selectors.naming import broker_names
from reports.selectors.sources import Ask
from reports.selectors.sums import Largest, Sum, ask
from reports.shapes import Chart, Column, Kind, Look, Series, Sheet

ZERO = Decimal("0.00")
# As many as a page has at most; who wants all asks for a branch, or for one of them.
LISTED, DRAWN = 100, 10
DEFINITIONS = {
    "broker_count": "Brokers with an application that was opened in the period, on business dates from "
    "start_date to end_date. Figures are of those applications.",
    "total_applications": "How many there are.",
    "total_loan_amount": "AUD that they ask for.",
    "settled_applications": "Those that are settled or closed now.",
    "settled_amount": "AUD lent on them: the approved amount, or the loan amount where there is none.",
    "approval_rate": "Percent of them that reached formal approval, whatever became of them afterwards.",
    "settlement_rate": "Percent of them that are settled or closed now.",
    "average_days_to_settlement": "Days from the business date of opening to that of the move to settled.",
    "brokers": f"By the broker who has them now, the largest settled amount first, {LISTED} at most; "
    "applications without a broker are left out of all figures.",
}
COLUMNS = (
    ("total_applications", "Applications", Kind.COUNT),
    ("total_loan_amount", "Asked for", Kind.MONEY),
    ("settled_applications", "Settled", Kind.COUNT),
    ("settled_amount", "Lent", Kind.MONEY),
    ("declined_applications", "Declined", Kind.COUNT),
    ("withdrawn_applications", "Withdrawn", Kind.COUNT),
    ("approval_rate", "Approval rate", Kind.PERCENT),
    ("settlement_rate", "Settlement rate", Kind.PERCENT),
    ("average_days_to_settlement", "Days to settlement", Kind.DAYS),
)
_ADDED = {
    Topic.OPENED: ("count", "amount"),
    Topic.APPROVED: ("count",),
    Topic.SETTLED: SUMS,
    Topic.STAGE: ("count",),
}
_SUMS = ("count", "amount", "approved", "settled", "lent", "known", "days", "declined", "withdrawn")


def broker_performance(reader: Any, filters: Filters) -> Result:
    """Brokers by the applications opened in a period; each figure as `DEFINITIONS` says."""
    first, last = filters.start_date, filters.end_date
    topics = (Topic.OPENED, Topic.APPROVED, Topic.SETTLED, Topic.STAGE)
    asks = [Ask(one, first, last, ("label",), sums=_ADDED[one]) for one in topics]
    asks[-1] = replace(asks[-1], labels=(Stage.DECLINED.value, Stage.WITHDRAWN.value))
    answers = ask(
        reader,
        filters,
        *(replace(one, known=True) for one in asks),
        *(replace(one, by=("broker", "label"), among="listed") for one in asks),
        largest=Largest(
            people=Ask(Topic.OPENED, first, last, ("broker",)),
            most=LISTED,
            of=Ask(Topic.SETTLED, first, last, ("broker",)),
            then=Ask(Topic.OPENED, first, last, ("broker",)),
        ),
    )
    # Of everybody first, as of a broker without an id.
    found: defaultdict[int | None, dict[str, Any]] = defaultdict(lambda: dict.fromkeys(_SUMS, 0))
    for topic, sums in zip((*topics, *topics), answers, strict=True):
        for row in sums:
            found[row.broker].update(_of(topic, row))
    total = found.pop(None, dict.fromkeys(_SUMS, 0))
    order = sorted(found, key=lambda pk: (-found[pk]["lent"], -found[pk]["amount"], pk))
    names = broker_names(order)
    data = {
        "broker_count": answers.people,
        **_figures(total),
        "brokers": [{"broker_id": pk, "broker_name": names[pk], **_figures(found[pk])} for pk in order],
    }
    return Result(data, answers.as_of, _sheets, _charts)


def _of(topic: Topic, row: Sum) -> dict[str, Any]:
    """What a sum of a topic says."""
    if topic is Topic.OPENED:
        return {"count": row.count, "amount": row.amount}
    if topic is Topic.APPROVED:
        return {"approved": row.count}
    if topic is Topic.SETTLED:
        return {"settled": row.count, "lent": row.amount, "known": row.other, "days": row.span}
    return {str(row.label): row.count}


def _figures(sums: dict[str, Any]) -> dict[str, Any]:
    return {
        "total_applications": sums["count"],
        "total_loan_amount": sums["amount"] or ZERO,
        "settled_applications": sums["settled"],
        "settled_amount": sums["lent"] or ZERO,
        "declined_applications": sums["declined"],
        "withdrawn_applications": sums["withdrawn"],
        "approval_rate": percent(sums["approved"], sums["count"]),
        "settlement_rate": percent(sums["settled"], sums["count"]),
        "average_days_to_settlement": mean(sums["days"], sums["known"]),
    }


def _sheets(data: dict[str, Any]) -> list[Sheet]:
    columns = [Column(*column) for column in COLUMNS]
    return [
        Sheet("summary", "Summary", columns, [[data[column.key] for column in columns]]),
        Sheet(
            "brokers",
            "Brokers",
            [Column("broker_name", "Broker", Kind.TEXT), *columns],
            [[row["broker_name"], *(row[column.key] for column in columns)] for row in data["brokers"]],
        ),
    ]


def _charts(data: dict[str, Any]) -> list[Chart]:
    top = data["brokers"][:DRAWN]
    return [
        Chart(
            "brokers",
            "Lent, by broker",
            Look.BARS,
            Kind.MONEY,
            [row["broker_name"] for row in top],
            [Series("Lent", [row["settled_amount"] for row in top])],
        )
    ]


register(
    Report(
        name="broker-performance",
        title="Broker performance",
        description="What brokers brought in a period, and what became of it.",
        filters=DATED,
        definitions=DEFINITIONS,
        headlines=("broker_count", "total_applications", "total_loan_amount", "settled_amount"),
        run=broker_performance,
    )
)
