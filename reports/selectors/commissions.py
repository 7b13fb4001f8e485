"""What brokers and referral partners earned, what was taken back, and what is still to be paid."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from crm_backend.common.figures import hundredths
from reports.choices import Grouping, Topic
from reports.registry import DATED, Filters, Report, Result, register
from reports.selectors.naming import broker_names, partner_names
from reports.selectors.sources import Ask
from reports.selectors.sums import Largest, Sum, ask
from reports.shapes import Chart, Column, Kind, Look, Series, Sheet
from servicing.choices import CommissionKind, CommissionStatus, Payee

ZERO = Decimal("0.00")
LISTED = 100
DEFINITIONS = {
    "total_commissions": "Commissions of brokers and referral partners with a value date from start_date to "
    "end_date, clawbacks included.",
    "upfront": "AUD of upfront commissions: of broker and branch, and of partners.",
    "trail": "AUD of trail commissions; partners have none.",
    "clawed_back": "AUD of clawbacks, less those reversed.",
    "net": "AUD: upfront + trail - clawed_back.",
    "paid": "AUD of net that is marked as paid or recovered.",
    "payable": "AUD: net - paid. Negative: more was clawed back than is still to be paid.",
    "broker_amount": "AUD: the brokers' part of net.",
    "branch_amount": "AUD: the branches' part of net.",
    "partner_amount": "AUD: the referral partners' part of net. net: broker_amount + branch_amount + it.",
    "by_payee": "The same for brokers, with their branches, and for referral partners.",
    "monthly_breakdown": "The same by the month of the value date.",
    "brokers": f"The same by the broker who earned them, the largest net first, {LISTED} at most.",
    "partners": f"The same by the referral partner who earned them, the largest net first, {LISTED} at most. "
    "Brokers are not shown any.",
}
MONEY = (
    *("upfront", "trail", "clawed_back", "net", "paid", "payable"),
    *("broker_amount", "branch_amount", "partner_amount"),
)


def commission(reader: Any, filters: Filters) -> Result:
    """Commissions of a period; each figure as `DEFINITIONS` says."""
    first, last = filters.start_date, filters.end_date
    added = ("count", "amount", "other")
    answers = ask(
        reader,
        filters,
        Ask(Topic.COMMISSION, first, last, ("label",), Grouping.MONTH, sums=added),
        Ask(Topic.COMMISSION, first, last, ("label", "broker"), among="listed", sums=added),
        largest=Largest(Ask(Topic.COMMISSION, first, last, ("broker",)), LISTED),
    )
    by_month, by_broker = answers
    months: defaultdict[date | None, list[Sum]] = defaultdict(list)
    brokers: defaultdict[int, list[Sum]] = defaultdict(list)
    for row in by_month:
        months[row.period].append(row)
    for row in by_broker:
        brokers[row.broker or 0].append(row)
    figures = {pk: _figures(rows) for pk, rows in brokers.items()}
    # Referral partners have ids below zero.
    order = _largest(figures, [pk for pk in figures if pk >= 0])
    partners = _largest(figures, [pk for pk in figures if pk < 0])
    names, partner_name = broker_names(order), partner_names(-pk for pk in partners)
    data = {
        **_figures(by_month),
        "monthly_breakdown": [
            {"month": month, **_figures(rows)}
            for month, rows in sorted(months.items(), key=lambda item: str(item[0]))
        ],
        "by_payee": [
            {"payee": payee.value, "payee_display": payee.label, **_figures(_of_payee(by_month, payee))}
            for payee in Payee
        ],
        "brokers": [{"broker_id": pk, "broker_name": names[pk], **figures[pk]} for pk in order],
        "partners": [
            {"partnership_id": -pk, "partner_name": partner_name[-pk], **figures[pk]} for pk in partners
        ],
    }
    return Result(data, answers.as_of, _sheets, _charts)


def _largest(figures: dict[int, dict[str, Any]], payees: Iterable[int]) -> list[int]:
    return sorted(payees, key=lambda pk: (-figures[pk]["net"], abs(pk)))


def _of_payee(rows: Iterable[Sum], payee: Payee) -> list[Sum]:
    """Those of brokers, or of partners: their label says it."""
    return [row for row in rows if (str(row.label).count(":") == 2) is (payee is Payee.PARTNER)]


def _figures(rows: Iterable[Sum]) -> dict[str, Any]:
    sums: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    count = 0
    for row in rows:
        kind, status, *payee = str(row.label).split(":")
        count += row.count
        sums[kind] += row.amount
        sums["net"] += row.amount
        sums["broker"] += row.other
        if payee:
            sums["partner"] += row.amount
        if status == CommissionStatus.PAID:
            sums["paid"] += row.amount
    # Cents, whatever the scale of the sums.
    broker = hundredths(sums["broker"])
    clawed = -(sums[CommissionKind.CLAWBACK] + sums[CommissionKind.CLAWBACK_REVERSED])
    return {
        "total_commissions": count,
        "upfront": sums[CommissionKind.UPFRONT],
        "trail": sums[CommissionKind.TRAIL],
        "clawed_back": clawed or ZERO,
        "net": sums["net"],
        "paid": sums["paid"],
        "payable": sums["net"] - sums["paid"],
        "broker_amount": broker,
        "branch_amount": sums["net"] - broker - sums["partner"],
        "partner_amount": sums["partner"],
    }


def _sheets(data: dict[str, Any]) -> list[Sheet]:
    columns = [Column("total_commissions", "Commissions", Kind.COUNT)]
    columns += [Column(name, name.replace("_", " ").capitalize(), Kind.MONEY) for name in MONEY]
    names = [column.key for column in columns]
    return [
        Sheet("summary", "Summary", columns, [[data[name] for name in names]]),
        Sheet(
            "monthly_breakdown",
            "By month",
            [Column("month", "Month", Kind.DATE), *columns],
            [[row["month"], *(row[name] for name in names)] for row in data["monthly_breakdown"]],
        ),
        Sheet(
            "brokers",
            "By broker",
            [Column("broker_name", "Broker", Kind.TEXT), *columns],
            [[row["broker_name"], *(row[name] for name in names)] for row in data["brokers"]],
        ),
        Sheet(
            "partners",
            "By referral partner",
            [Column("partner_name", "Referral partner", Kind.TEXT), *columns],
            [[row["partner_name"], *(row[name] for name in names)] for row in data["partners"]],
        ),
    ]


def _charts(data: dict[str, Any]) -> list[Chart]:
    months = data["monthly_breakdown"]
    shown = ("upfront", "trail", "clawed_back")
    return [
        Chart(
            "months",
            "Commissions by month",
            Look.LINE,
            Kind.MONEY,
            [row["month"].isoformat() for row in months],
            [Series(name.replace("_", " ").capitalize(), [row[name] for row in months]) for name in shown],
        )
    ]


register(
    Report(
        name="commission",
        title="Commission",
        description="What brokers and referral partners earned, what was taken back, and what is to be paid.",
        filters=DATED,
        definitions=DEFINITIONS,
        headlines=("total_commissions", *MONEY),
        run=commission,
    )
)
