"""Whether repayments are paid, and when."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from crm_backend.common.figures import mean, percent
from reports.choices import Grouping, Outcome, Topic
from reports.registry import DATED, Filters, Report, Result, register
from reports.selectors.sources import Ask
from reports.selectors.sums import Answers, Sum, ask
from reports.shapes import Chart, Column, Kind, Look, Series, Sheet
from servicing.dates import business_date

ZERO = Decimal("0.00")
_OUTCOMES = tuple(Outcome.values)
DEFINITIONS = {
    "total_repayments": "Repayments due on business dates from start_date to end_date that are paid or "
    "were due before today; without superseded ones and those that ask for nothing.",
    "paid_on_time": "Those of them that were paid in full by their due date.",
    "paid_late": "Those of them that were paid in full after it.",
    "missed": "Those of them that are not paid in full; of a loan that was written off, those due by then.",
    "compliance_rate": "paid_on_time in percent of total_repayments.",
    "average_days_late": "Days from the due date to the last payment, of paid_late.",
    "total_amount_due": "AUD that total_repayments ask for, interest and principal.",
    "total_amount_paid": "AUD that was paid of them, parts of missed ones included.",
    "payment_rate": "total_amount_paid in percent of total_amount_due.",
    "monthly_breakdown": "The same by the month of the due date; months without any are left out.",
}
COLUMNS = (
    ("total_repayments", "Repayments", Kind.COUNT),
    ("paid_on_time", "Paid on time", Kind.COUNT),
    ("paid_late", "Paid late", Kind.COUNT),
    ("missed", "Missed", Kind.COUNT),
    ("compliance_rate", "Compliance", Kind.PERCENT),
    ("average_days_late", "Average days late", Kind.DAYS),
    ("total_amount_due", "Due", Kind.MONEY),
    ("total_amount_paid", "Paid", Kind.MONEY),
    ("payment_rate", "Payment rate", Kind.PERCENT),
)


def repayment_compliance(reader: Any, filters: Filters) -> Result:
    """Repayments due in a period; each figure as `DEFINITIONS` says."""
    return compliance_of(ask(reader, filters, *compliance_asks(filters)))


def compliance_asks(filters: Filters) -> list[Ask]:
    """What has to be known.

    "Missed" is told today: of what is unpaid, only what was due by yesterday is asked for.
    """
    first, last = filters.start_date, filters.end_date
    yesterday = business_date() - timedelta(days=1)
    missed_to = min(last or yesterday, yesterday)
    paid, missed = (Outcome.ON_TIME, Outcome.LATE), (Outcome.UNPAID, Outcome.GIVEN_UP)
    return [
        Ask(Topic.REPAYMENT, first, last, ("label",), Grouping.MONTH, paid),
        Ask(Topic.REPAYMENT, first, missed_to, ("label",), Grouping.MONTH, missed),
    ]


def compliance_of(answers: Answers) -> Result:
    """The report from the answers."""
    rows = [row for sums in answers for row in sums]
    months: defaultdict[date, list[Sum]] = defaultdict(list)
    for row in rows:
        assert row.period is not None
        months[row.period].append(row)
    data = {
        **_figures(rows),
        "monthly_breakdown": [{"month": month, **_figures(months[month])} for month in sorted(months)],
    }
    return Result(data, answers.as_of, _sheets, _charts)


def _figures(rows: Iterable[Sum]) -> dict[str, Any]:
    rows = list(rows)
    counts = dict.fromkeys(_OUTCOMES, 0)
    for row in rows:
        counts[str(row.label)] += row.count
    total = sum(counts.values())
    due, paid = sum((row.amount for row in rows), ZERO), sum((row.other for row in rows), ZERO)
    return {
        "total_repayments": total,
        "paid_on_time": counts[Outcome.ON_TIME],
        "paid_late": counts[Outcome.LATE],
        "missed": counts[Outcome.UNPAID] + counts[Outcome.GIVEN_UP],
        "compliance_rate": percent(counts[Outcome.ON_TIME], total),
        "average_days_late": mean(sum(row.span for row in rows), counts[Outcome.LATE]),
        "total_amount_due": due,
        "total_amount_paid": paid,
        "payment_rate": percent(paid, due),
    }


def _sheets(data: dict[str, Any]) -> list[Sheet]:
    columns = [Column(*column) for column in COLUMNS]
    names = [column.key for column in columns]
    months = data["monthly_breakdown"]
    return [
        Sheet("summary", "Summary", columns, [[data[name] for name in names]]),
        Sheet(
            "monthly_breakdown",
            "By month",
            [Column("month", "Month", Kind.DATE), *columns],
            [[row["month"], *(row[name] for name in names)] for row in months],
        ),
    ]


def _charts(data: dict[str, Any]) -> list[Chart]:
    months = data["monthly_breakdown"]
    labels = [row["month"].isoformat() for row in months]
    shown = [column for column in COLUMNS if column[0] in ("paid_on_time", "paid_late", "missed")]
    return [
        Chart(
            "compliance",
            "Compliance by month",
            Look.LINE,
            Kind.PERCENT,
            labels,
            [Series("Paid on time", [row["compliance_rate"] for row in months])],
        ),
        Chart(
            "outcomes",
            "Repayments by month",
            Look.STACKED,
            Kind.COUNT,
            labels,
            [Series(title, [row[name] for row in months]) for name, title, _ in shown],
        ),
    ]


register(
    Report(
        name="repayment-compliance",
        title="Repayment compliance",
        description="Whether the repayments that fell due were paid, and when.",
        filters=DATED,
        definitions=DEFINITIONS,
        headlines=tuple(name for name, _, _ in COLUMNS),
        run=repayment_compliance,
    )
)
