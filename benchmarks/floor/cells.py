"""The rollup tables as the floor of reports reads them: whose cells, of which dates, and their sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from applications.selectors.portfolios import STILL_OPEN
from servicing.dates import business_date

CENT, RATE, ZERO = Decimal("0.01"), Decimal("0.0001"), Decimal(0)
DAY = timedelta(days=1)
Period = tuple[date, date]


@dataclass(frozen=True)
class Asker:
    """Who asks, by the ids that cells know."""

    role: str
    broker: int = 0
    bd: int = 0
    branch: int = 0
    brokers: tuple[int, ...] = ()  # whose commissions a BDM reads


def asker_of(user: Any) -> Asker:
    """The ids of a user of the book."""
    from brokers.models import Bdm, Broker

    if user.role == "bd":
        bdm = Bdm.objects.get(user=user)
        theirs = tuple(Broker.objects.visible_to(user).values_list("pk", flat=True))
        return Asker("bd", bd=bdm.pk, branch=bdm.branch_id, brokers=theirs)
    return (
        Asker("broker", broker=Broker.objects.get(user=user).pk) if user.role == "broker" else Asker("admin")
    )


# Where the cells of each are: the whole book's, a branch's and the other applications of a BDM, a broker's.
OWN = {
    "admin": ("level = 0 AND broker = 0 AND bd = 0 AND branch = 0",),
    "bd": (
        "level = 1 AND broker = 0 AND bd = 0 AND branch = %(branch)s",
        "level = 2 AND broker = 0 AND bd = %(bd)s AND branch <> %(branch)s",
    ),
    "broker": ("level = 3 AND broker = %(broker)s",),
}
BY_BDM = {
    "admin": ("level = 2 AND broker = 0",),
    "bd": ("level = 2 AND broker = 0 AND branch = %(branch)s", OWN["bd"][1]),
    "broker": ("level = 3 AND broker = %(broker)s",),
}
BY_BROKER = {
    "admin": ("level = 3",),
    "bd": (
        "level = 3 AND branch = %(branch)s",
        "level = 3 AND bd = %(bd)s AND branch <> %(branch)s",
    ),
    "broker": ("level = 3 AND broker = %(broker)s",),
}
# Days of one BDM are kept with their brokers' only.
DAYS_OF = {**OWN, "bd": (OWN["bd"][0], "level = 3 AND bd = %(bd)s AND branch <> %(branch)s")}
OF_BROKERS = {**OWN, "bd": ("level = 3 AND broker = ANY(%(brokers)s)",)}
Cells = Mapping[str, tuple[str, ...]]
MONTHS = "grain = 1 AND day BETWEEN %(month_first)s AND %(month_last)s"
EVER = "grain = 3"
LESS = "less "  # before the condition on cells to be taken off
ENDED = " WHERE label IN ('declined', 'withdrawn')"
SUMS = "sum(count), sum(amount), sum(other), sum(span)"
READ = "label, broker, bd, branch, day, count, amount, other, span"
TAKEN = READ.replace("count", "-count").replace("amount", "-amount").replace("other", "-other")


def twelve(period: Period) -> tuple[str, ...]:
    """Twelve whole months, in as few cells of years and months as there can be."""
    last = period[1].month

    def months(year: int, first: int, to: int, sign: str = "") -> str:
        days = ",".join(f"{year}-{month:02}-01" for month in range(first, to + 1))
        return f"{sign}grain = 1 AND day = ANY('{{{days}}}')"

    def year(number: int) -> str:
        return f"grain = 2 AND day = '{number}-01-01'"

    before, after = period[0].year, period[1].year
    if before == after:
        return (year(after),)
    head = [months(before, last + 1, 12)] if last > 6 else [year(before), months(before, 1, last, LESS)]
    tail = [year(after), months(after, last + 1, 12, LESS)] if last > 6 else [months(after, 1, last)]
    return (*head, *tail)


def _plain(days: str, whose: str) -> str:
    """Of one person, dates that no index has: theirs are few, and the planner would read everybody's."""
    is_one = "broker = %(broker)s" in whose or "AND branch <>" in whose
    return days.replace("day ", "day + 0 ") if is_one else days


def cells(asker: Asker, topic: str, dates: Sequence[str] = (MONTHS,), where: Cells = OWN) -> str:
    """The cells of one topic, as a subquery."""
    parts = [
        f"SELECT {TAKEN.replace('span', '-span') if days.startswith(LESS) else READ} FROM reports_cell "
        f"WHERE topic = '{topic}' AND {_plain(days.removeprefix(LESS), whose)} AND {whose}"
        for days in dates
        for whose in where[asker.role]
    ]
    return f"({' UNION ALL '.join(parts)}) c"


def asked(tag: int, source: str, key: str = "''", also: str = "''") -> str:
    """The sums of a source by up to two keys, marked with what was asked."""
    return (
        f"SELECT {tag}, {key}::text, {also}::text, {SUMS} FROM {source} GROUP BY 2, 3 HAVING sum(count) <> 0"
    )


def money(value: Any) -> str:
    """AUD as replies have it."""
    return str(Decimal(value or 0).quantize(CENT))


def share(part: Any, whole: Any) -> str | None:
    """Percent, half up; None of nothing."""
    return str((Decimal(part) * 100 / whole).quantize(CENT, ROUND_HALF_UP)) if whole else None


def mean(total: Any, count: Any) -> str | None:
    """Half up; None of nothing."""
    return str((Decimal(total) / count).quantize(CENT, ROUND_HALF_UP)) if count else None


Rows = dict[int, list[tuple[str, str, int, Decimal, Decimal, int]]]


def run(cursor: Any, asker: Asker, period: Period, *parts: str, head: str = "") -> Rows:
    """The answers of one statement, by their tags."""
    last, today = period[1], business_date()
    since = today - 90 * DAY
    values = {
        "today": today, "since": since, "month": since.replace(day=1),
        "broker": asker.broker, "bd": asker.bd, "branch": asker.branch, "brokers": list(asker.brokers),
        "first": period[0], "last": last,
        "month_first": period[0], "month_last": last.replace(day=1),
        "still_open": list(STILL_OPEN),
        "before_first": period[0] - (last - period[0]) - DAY, "before_last": period[0] - DAY,
    }  # fmt: skip
    execute_prepared(cursor, head + " UNION ALL ".join(parts), values)
    found: Rows = {number: [] for number in range(len(parts))}
    for tag, *row in cursor.fetchall():
        found[tag].append((row[0], row[1], int(row[2]), row[3] or ZERO, row[4] or ZERO, int(row[5] or 0)))
    return found


def execute_prepared(cursor: Any, sql: str, values: dict[str, Any]) -> None:
    """As who writes a server by hand has it; the settings leave preparing to the product's own way."""
    plain = cursor.connection
    plain.prepare_threshold, before = 0, plain.prepare_threshold
    try:
        cursor.execute(sql, values)
    finally:
        plain.prepare_threshold = before
