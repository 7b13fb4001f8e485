"""Dashboards: tiles with a series and what changed, and charts, over what a reader sees.

What reports define is taken from them, the rest is defined here; all but leads is read from the rollups.
Days are business days.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.utils import timezone

from applications.selectors.portfolios import STILL_OPEN
from crm_backend.common.figures import percent
from engagement.choices import LeadSource, LeadStatus
from reports.choices import Grouping, Topic
from reports.registry import REPORTS, Filters, Result
from reports.selectors.arrears import ageing_asks, ageing_of
from reports.selectors.compliance import compliance_asks, compliance_of
from reports.selectors.lead_figures import lead_figures
from reports.selectors.naming import bdm_names
from reports.selectors.portfolio import portfolio_asks, portfolio_of
from reports.selectors.sources import Ask
from reports.selectors.status import status_asks, status_of
from reports.selectors.sums import Sum, ask
from reports.selectors.volume import volume_asks, volume_of
from reports.shapes import Chart, Kind, Look, Series
from servicing.choices import Account
from servicing.dates import business_date

ZERO = Decimal("0.00")
DAY = timedelta(days=1)
# Up to so many days a series goes by days, up to so many by weeks; beyond, by months.
BY_DAYS, BY_WEEKS = 62, 200

INCOME = {
    "interest_income": Account.INTEREST_INCOME,
    "fee_income": Account.FEE_INCOME,
    "penalty_income": Account.PENALTY_INCOME,
}
REVENUE_DEFINITIONS = {
    "income": "AUD: interest, fees and penalties earned, less reversed ones, by the value date of entries.",
    "interest_income": "AUD: credits less debits of interest income in the ledger.",
    "fee_income": "AUD: credits less debits of fee income in the ledger.",
    "penalty_income": "AUD: credits less debits of penalty income in the ledger.",
    "cash_received": "AUD: payments received, less reversed ones, by the value date of their entries.",
    "commissions": "AUD: commission expense in the ledger: accrued less clawed back.",
}
LEAD_DEFINITIONS = {
    "new_leads": "Visible leads that came in on the days asked for.",
    "converted": "Those of them that became an application, whatever came of it.",
    "conversion_rate": "Percent: converted / new_leads; null where there are none.",
    "win_rate": "Percent: won / (won + lost), of the new leads; null where there are neither.",
    "average_days_to_convert": "Days of 24 hours from coming in to the conversion; null without any.",
}
TEAM_DEFINITIONS = {
    "opened": "Applications opened in the period, by the BDM who is responsible now; null: nobody.",
    "settled": "Applications that were moved to settled in the period, by the BDM who is responsible now.",
    "settled_amount": "AUD: their approved amounts; the loan amount where none was recorded.",
    "open_applications": "Applications before settlement now, those that wait for more information included.",
    "open_amount": "AUD: their loan amounts.",
}


_OVERVIEW = (
    *("application-volume", "application-status", "repayment-compliance"),
    *("loan-portfolio", "arrears-ageing"),
)


@dataclass(frozen=True)
class Days:
    """A period, both days inclusive, and how a series divides it."""

    first: date
    last: date

    @cached_property
    def grouping(self) -> Grouping:
        """The steps of a series."""
        count = (self.last - self.first).days + 1
        if count <= BY_DAYS:
            return Grouping.DAY
        return Grouping.WEEK if count <= BY_WEEKS else Grouping.MONTH

    def before(self) -> "Days":
        """As many days, just before."""
        return Days(self.first - (self.last - self.first) - DAY, self.first - DAY)

    def filters(self) -> Filters:
        """The same for a report."""
        return Filters(start_date=self.first, end_date=self.last, grouping=self.grouping)

    def start_of(self, day: date) -> date:
        """The first day of the step that a day is in: it may lie before the period."""
        if self.grouping is Grouping.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.grouping is Grouping.MONTH else day

    @cached_property
    def steps(self) -> list[date]:
        """All steps, those included in which nothing happened."""
        days = [self.first + DAY * n for n in range((self.last - self.first).days + 1)]
        return days if self.grouping is Grouping.DAY else list(dict.fromkeys(map(self.start_of, days)))


@dataclass(frozen=True)
class Tile:
    """One figure, the same of the period before, and its way there."""

    key: str
    title: str
    kind: Kind
    value: Decimal | int | None
    previous: Decimal | int | None = None
    series: Sequence[tuple[date, Decimal | int]] = ()

    @property
    def change(self) -> Decimal | int | None:
        """Value - previous."""
        return None if self.value is None or self.previous is None else self.value - self.previous

    @property
    def change_percent(self) -> Decimal | None:
        """The change in percent of what was before; None from nothing."""
        change, previous = self.change, self.previous
        return None if change is None or previous is None else percent(change, abs(Decimal(previous)))


@dataclass(frozen=True)
class Dashboard:
    """Tiles and charts. `as_of`: everything that happened before this moment is counted."""

    as_of: datetime
    days: Days
    tiles: Sequence[Tile]
    charts: Sequence[Chart]
    definitions: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]] = field(default_factory=list)


def overview(reader: Any, days: Days) -> Dashboard:
    """The book at a glance, from the reports."""
    today, both = business_date(), (days.filters(), days.before().filters())
    asks = [
        # Without the list of BDMs, who may be thousands.
        *(volume_asks(one, by_bdm=False) for one in both),
        *(status_asks(one) for one in both),
        *(compliance_asks(one) for one in both),
        portfolio_asks(Filters()),
        ageing_asks(today),
    ]
    answers = ask(reader, Filters(), *(one for some in asks for one in some))
    parts = answers.parts(*map(len, asks))
    volume, status, compliance = (
        [report(next(parts)) for _ in both] for report in (volume_of, status_of, compliance_of)
    )
    portfolio, ageing = portfolio_of(next(parts)), ageing_of(next(parts), today)
    over_time = volume[0].data["time_breakdown"]

    def tile(name: str, title: str, kind: Kind, results: Sequence[Result], of: str = "") -> Tile:
        now, then = (result.data[name] for result in results)
        series = _filled(days, ((row["period"], row[of]) for row in over_time)) if of else ()
        return Tile(name, title, kind, now, then, series)

    tiles = [
        tile("total_applications", "New applications", Kind.COUNT, volume, "count"),
        tile("total_loan_amount", "Amount asked for", Kind.MONEY, volume, "total_amount"),
        tile("average_loan_amount", "Average amount", Kind.MONEY, volume),
        tile("overall_success_rate", "Settled of those opened", Kind.PERCENT, status),
        tile("compliance_rate", "Repayments on time", Kind.PERCENT, compliance),
        Tile("total_balance", "Owed now", Kind.MONEY, portfolio.data["total_balance"]),
        Tile("loans_in_arrears", "Loans in arrears", Kind.COUNT, ageing.data["loans_in_arrears"]),
        Tile("amount_past_due", "Past due", Kind.MONEY, ageing.data["amount_past_due"]),
    ]
    results = (volume[0], status[0], compliance[0], portfolio, ageing)
    said = {key: words for name in _OVERVIEW for key, words in REPORTS[name].definitions.items()}
    return Dashboard(
        as_of=answers.as_of,
        days=days,
        tiles=tiles,
        # Two reports may have a chart of one key.
        charts=[
            replace(chart, key=f"{name}.{chart.key}")
            for name, result in zip(
                ("volume", "status", "compliance", "portfolio", "ageing"), results, strict=True
            )
            for chart in result.charts
        ],
        definitions={one.key: said[one.key] for one in tiles},
    )


def leads(reader: Any, days: Days) -> Dashboard:
    """How leads come in and what becomes of them."""
    now, then = lead_figures(reader, days.before().first, days.first, days.last)
    series = _filled(days, now.by_day.items())
    tiles = [
        Tile(name, title, kind, now.figures[name], then.figures[name], series if name == "new_leads" else ())
        for name, title, kind in (
            ("new_leads", "New leads", Kind.COUNT),
            ("converted", "Converted", Kind.COUNT),
            ("conversion_rate", "Conversion rate", Kind.PERCENT),
            ("win_rate", "Win rate", Kind.PERCENT),
            ("average_days_to_convert", "Days to convert", Kind.DAYS),
        )
    ]
    sources = [(one, now.by_source[one]) for one in LeadSource.values if one in now.by_source]
    charts = [
        _line("new_leads", "New leads", Kind.COUNT, {"New leads": series}),
        Chart(
            "statuses",
            "Leads by status",
            Look.FUNNEL,
            Kind.COUNT,
            [status.label for status in LeadStatus],
            [Series("Leads", [now.by_status.get(status, 0) for status in LeadStatus])],
        ),
        Chart(
            "sources",
            "Leads by source",
            Look.BARS,
            Kind.COUNT,
            [LeadSource(source).label for source, _ in sources],
            [
                Series(name, [counts[place] for _, counts in sources])
                for place, name in enumerate(("All", "Converted"))
            ],
        ),
    ]
    return Dashboard(timezone.now(), days, tiles, charts, LEAD_DEFINITIONS)


def revenue(reader: Any, days: Days) -> Dashboard:
    """What loans earn, what came in, and what was spent on commissions, from the ledger."""
    before = days.before()
    answers = ask(
        reader,
        Filters(),
        Ask(Topic.LEDGER, days.first, days.last, ("label",), days.grouping, sums=("amount",)),
        Ask(Topic.LEDGER, before.first, before.last, ("label",), sums=("amount",)),
    )
    steps, totals = (_ledger(sums) for sums in answers)

    def tile(name: str, title: str) -> Tile:
        now, then = (sum((amount for _, amount in found[name]), ZERO) for found in (steps, totals))
        series = _filled(days, ((step, amount) for step, amount in steps[name] if step is not None))
        return Tile(name, title, Kind.MONEY, now, then, series)

    tiles = [
        tile("income", "Income"),
        tile("interest_income", "Interest"),
        tile("fee_income", "Fees"),
        tile("penalty_income", "Penalties"),
        tile("cash_received", "Received"),
        tile("commissions", "Commissions"),
    ]
    parts = {one.title: one.series for one in tiles if one.key in INCOME}
    charts = [
        replace(_line("income", "Income", Kind.MONEY, parts), look=Look.STACKED),
        _line("cash_received", "Received", Kind.MONEY, {"Received": tiles[4].series}),
    ]
    return Dashboard(answers.as_of, days, tiles, charts, REVENUE_DEFINITIONS)


def team(reader: Any, days: Days) -> Dashboard:
    """What each BDM has at hand, and brought about in the period."""
    before, added = days.before(), ("count", "amount")
    answers = ask(
        reader,
        Filters(),
        Ask(Topic.OPENED, days.first, days.last, ("bd",), sums=("count",)),
        Ask(Topic.SETTLEMENT, days.first, days.last, ("bd",), sums=added),
        Ask(Topic.STAGE, by=("bd",), labels=STILL_OPEN, sums=added),
        Ask(Topic.OPENED, before.first, before.last, sums=("count",)),
        Ask(Topic.SETTLEMENT, before.first, before.last, sums=added),
    )
    opened, settled, at_hand = ({row.bd or None: row for row in sums} for sums in answers.sums[:3])
    before_opened, before_settled = answers.sums[3:]
    people = at_hand.keys() | settled.keys() | opened.keys()
    names = bdm_names(people)
    none = Sum(0, None, None, None, None, None, 0, ZERO, ZERO, 0)
    rows: list[dict[str, Any]] = []
    for pk in people:
        done, open_now = settled.get(pk, none), at_hand.get(pk, none)
        rows.append(
            {
                "bd_id": pk,
                "bd_name": names[pk or 0],
                "opened": opened.get(pk, none).count,
                "settled": done.count,
                "settled_amount": done.amount,
                "open_applications": open_now.count,
                "open_amount": open_now.amount,
            }
        )
    rows.sort(key=lambda row: (-row["settled_amount"], -row["open_applications"], row["bd_id"] or 0))

    def total(name: str, start: Decimal | int) -> Decimal | int:
        return sum((row[name] for row in rows), start)

    tiles = [
        Tile("opened", "Opened", Kind.COUNT, total("opened", 0), sum(row.count for row in before_opened)),
        Tile("settled", "Settled", Kind.COUNT, total("settled", 0), sum(row.count for row in before_settled)),
        Tile(
            "settled_amount",
            "Settled amount",
            Kind.MONEY,
            total("settled_amount", ZERO),
            sum((row.amount for row in before_settled), ZERO),
        ),
        Tile("open_applications", "Open now", Kind.COUNT, total("open_applications", 0)),
        Tile("open_amount", "Open amount", Kind.MONEY, total("open_amount", ZERO)),
    ]
    who = [row["bd_name"] for row in rows]
    charts = [
        Chart(key, title, Look.BARS, kind, who, [Series(title, [row[key] for row in rows])])
        for key, title, kind in (
            ("settled_amount", "Settled amount", Kind.MONEY),
            ("open_applications", "Open now", Kind.COUNT),
        )
    ]
    return Dashboard(answers.as_of, days, tiles, charts, TEAM_DEFINITIONS, rows)


def _filled(days: Days, rows: Iterable[tuple[date, Decimal | int]]) -> list[tuple[date, Decimal | int]]:
    """A series with all steps of a period, from rows of days or steps in any order."""
    series: dict[date, Decimal | int] = dict.fromkeys(days.steps, 0)
    is_by_days = days.grouping is Grouping.DAY
    for day, value in rows:
        series[day if is_by_days else days.start_of(day)] += value
    return list(series.items())


def _line(key: str, title: str, kind: Kind, lines: Mapping[str, Sequence[tuple[date, Any]]]) -> Chart:
    labels = [day.isoformat() for day, _ in next(iter(lines.values()))]
    series = [Series(name, [value for _, value in line]) for name, line in lines.items()]
    return Chart(key, title, Look.LINE, kind, labels, series)


def _ledger(rows: Iterable[Sum]) -> dict[str, list[tuple[date | None, Decimal]]]:
    """By figure, amounts by step."""
    figures = {
        "income": (tuple(INCOME.values()), -1),
        **{name: ((account,), -1) for name, account in INCOME.items()},
        "cash_received": ((Account.CASH,), 1),
        "commissions": ((Account.COMMISSION_EXPENSE,), 1),
    }
    return {
        name: [(row.period, sign * row.amount) for row in rows if row.label in accounts]
        for name, (accounts, sign) in figures.items()
    }
