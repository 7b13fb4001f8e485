"""The open loans as they are now."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from applications.choices import ApplicationType
from crm_backend.common.australia import State
from crm_backend.common.figures import hundredths, mean
from reports.choices import LvrBand, Topic
from reports.registry import OWNERS, PERIOD, Filters, Report, Result, register
from reports.selectors.sources import Ask
from reports.selectors.sums import Answers, Sum, ask
from reports.shapes import Chart, Column, Kind, Look, Series, Sheet
from servicing.choices import Account

ZERO = Decimal("0.00")
PURPOSES = 20
DEFINITIONS = {
    "total_loans": "Open loans now (settled, neither paid out nor written off); with dates, those settled on "
    "business dates from start_date to end_date.",
    "principal": "AUD of principal that is owed on them.",
    "interest": "AUD of interest that has fallen due and is not paid.",
    "fees": "AUD of fees that are not paid.",
    "penalties": "AUD of late fees that are not paid.",
    "held": "AUD that is held for the borrowers.",
    "total_balance": "AUD: principal + interest + fees + penalties - held.",
    "average_principal": "AUD: principal / total_loans.",
    "weighted_rate": "Percent per annum: the rates of the latest schedules, weighted by the principal owed.",
    "by_lvr": "By the principal owed in percent of the values of all securities, valuations first.",
    "by_type": "By the type of the application.",
    "by_purpose": f"By the purpose in the application's words, the largest {PURPOSES}; '' has none.",
    "by_state": "By the state of the most valuable security; '' is not known.",
}
_OWED = {
    "interest": Account.INTEREST_RECEIVABLE,
    "fees": Account.FEES_RECEIVABLE,
    "penalties": Account.PENALTY_RECEIVABLE,
    "held": Account.UNAPPLIED,
}
_BY = {"by_type": "By type", "by_purpose": "By purpose", "by_state": "By state", "by_lvr": "By LVR"}


def loan_portfolio(reader: Any, filters: Filters) -> Result:
    """Open loans as they are now; each figure as `DEFINITIONS` says."""
    return portfolio_of(ask(reader, filters, *portfolio_asks(filters)))


def portfolio_asks(filters: Filters) -> list[Ask]:
    """What has to be known."""
    first, last = filters.start_date, filters.end_date
    topics = (Topic.LOAN_TYPE, Topic.LOAN_PURPOSE, Topic.LOAN_STATE, Topic.LOAN_LVR)
    return [
        Ask(Topic.LOAN, first, last, sums=("count", "amount", "other")),
        Ask(Topic.OWED, first, last, by=("label",), sums=("amount",)),
        *(Ask(topic, first, last, by=("label",), sums=("count", "amount")) for topic in topics),
    ]


def portfolio_of(answers: Answers) -> Result:
    """The report from the answers."""
    loans, owed, types, purposes, states, bands = answers
    count = sum(row.count for row in loans)
    principal = sum((row.amount for row in loans), ZERO)
    weight = sum((row.other for row in loans), ZERO)
    balances = {row.label: row.amount for row in owed}
    besides = {name: balances.get(account, ZERO) for name, account in _OWED.items()}
    # A credit of the ledger: what is held is money that the lender owes.
    besides["held"] = -besides["held"] or ZERO
    data = {
        "total_loans": count,
        "principal": principal,
        **besides,
        "total_balance": principal + sum(besides.values(), ZERO) - 2 * besides["held"],
        "average_principal": mean(principal, count),
        "weighted_rate": hundredths(weight / principal) if principal else None,
        "by_lvr": _in_order(bands, dict(LvrBand.choices)),
        "by_type": _in_order(types, dict(ApplicationType.choices)),
        "by_purpose": _largest(purposes)[:PURPOSES],
        "by_state": _in_order(states, {**dict(State.choices), "": "Not known"}),
    }
    return Result(data, answers.as_of, _sheets, _charts)


def _row(row: Sum, title: str) -> dict[str, Any]:
    return {"key": row.label, "title": title, "count": row.count, "principal": row.amount}


def _in_order(rows: Iterable[Sum], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    found = {row.label: row for row in rows}
    return [_row(found[key], str(title)) for key, title in titles.items() if key in found]


def _largest(rows: Iterable[Sum]) -> list[dict[str, Any]]:
    ordered = sorted(rows, key=lambda row: (-row.amount, str(row.label)))
    return [_row(row, row.label or "None given") for row in ordered]


def _sheets(data: dict[str, Any]) -> list[Sheet]:
    money = ("principal", "interest", "fees", "penalties", "held", "total_balance", "average_principal")
    columns = [Column("total_loans", "Loans", Kind.COUNT)]
    columns += [Column(name, name.replace("_", " ").capitalize(), Kind.MONEY) for name in money]
    columns += [Column("weighted_rate", "Weighted rate", Kind.PERCENT)]
    parts = [
        Sheet(
            name,
            title,
            [
                Column("title", _what(title), Kind.TEXT),
                Column("count", "Loans", Kind.COUNT),
                Column("principal", "Principal", Kind.MONEY),
            ],
            [[row["title"], row["count"], row["principal"]] for row in data[name]],
        )
        for name, title in _BY.items()
    ]
    return [Sheet("summary", "Summary", columns, [[data[column.key] for column in columns]]), *parts]


def _what(title: str) -> str:
    """What a table is by: Type of "By type"; LVR stays LVR."""
    what = title.removeprefix("By ")
    return f"{what[:1].upper()}{what[1:]}"


def _charts(data: dict[str, Any]) -> list[Chart]:
    return [
        Chart(
            name,
            f"Principal {_BY[name][:1].lower()}{_BY[name][1:]}",
            Look.BARS,
            Kind.MONEY,
            [row["title"] for row in data[name]],
            [Series("Principal", [row["principal"] for row in data[name]])],
        )
        for name in ("by_lvr", "by_type", "by_state")
    ]


register(
    Report(
        name="loan-portfolio",
        title="Loan portfolio",
        description="The open loans as they are now: balances, rates, and what they are for and secured by.",
        filters=OWNERS | PERIOD,
        definitions=DEFINITIONS,
        headlines=(),
        run=loan_portfolio,
    )
)
