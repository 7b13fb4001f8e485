"""Sums of contributions: from the cells, or from the rows where cells cannot tell."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from psycopg import errors

from applications.models import Application
from crm_backend.common.errors import Unavailable
from crm_backend.common.read_engine.statements import Statement
from reports.choices import RULES, Grouping, Outcome, Topic
from reports.registry import Filters
from reports.selectors.contributions import SUMS, contributions
from reports.selectors.reach import Condition, Reach, reach_of
from reports.selectors.sources import Ask, from_cells, from_rows

_UNPAID = (Outcome.UNPAID.value,)
_PERIODS = {
    Grouping.DAY: "day",
    Grouping.WEEK: "date_trunc('week', day::timestamp)::date",
    Grouping.MONTH: "date_trunc('month', day::timestamp)::date",
}
# How long a whole book may be computed from its rows, while the rollups are being rebuilt.
ROWS_MS = 10_000
_GROUPS = {"label": "text", "broker": "bigint", "bd": "bigint", "branch": "bigint"}
_TOTALS = {
    "count": "sum(count)::bigint",
    "amount": "COALESCE(sum(amount), 0)::numeric(24, 2)",
    "other": "COALESCE(sum(other), 0)",
    "span": "COALESCE(sum(span), 0)::bigint",
}
_NONE = {"count": "0::bigint", "amount": "0::numeric(24, 2)", "other": "0::numeric", "span": "0::bigint"}


class ReportsNotReady(Unavailable):
    """The rollups are being rebuilt, and the rows are too many to be asked meanwhile."""

    code = "reports_not_ready"
    title = "Reports not ready"
    default_detail = "Figures are being counted anew, and this book is too large to wait. Try again later."


class Sum(NamedTuple):
    """One row of the answer to a question; what it is not grouped by is None, and what is not added up 0."""

    question: int
    period: date | None
    label: str | None
    broker: int | None
    bd: int | None
    branch: int | None
    count: int  # type: ignore[assignment] # tuples have a method of this name
    amount: Decimal
    other: Decimal
    span: int
    since: datetime | None = None


@dataclass(frozen=True)
class Largest:
    """Who is listed: so many brokers, and so many referral partners, of `people`, with the largest amounts.

    Amounts are those of `of`, or else of `people`; where they are equal, of `then`; then the lower id is
    first. All are asked by broker.
    """

    people: Ask
    most: int
    of: Ask | None = None
    then: Ask | None = None

    def asks(self) -> list[Ask]:
        """What has to be read to find them. `then` is asked of those only for whom it may matter."""
        people = replace(self.people, sums=("count",) if self.of else ("count", "amount"))
        others = (self.of, self.then and replace(self.then, among="crowd"))
        return [people, *(replace(one, sums=("amount",)) for one in others if one)]


@dataclass(frozen=True)
class Answers:
    """The answers in the order of the questions, and what they hold for.

    `people`: how many brokers there are, of whom the largest are listed.
    """

    sums: Sequence[Sequence[Sum]]
    as_of: datetime
    people: int = 0

    def parts(self, *counts: int) -> Iterator["Answers"]:
        """Those to so many questions each, in order."""
        start = 0
        for count in counts:
            yield Answers(self.sums[start : start + count], self.as_of)
            start += count

    def __iter__(self) -> Iterator[Sequence[Sum]]:
        return iter(self.sums)


def ask(reader: Any, filters: Filters, *asks: Ask, largest: Largest | None = None) -> Answers:
    """Answer all in one statement, so that figures of one reply belong together, and each of them once."""
    once = list(dict.fromkeys(asks))
    found = _ask(reader, filters, once, largest)
    if len(once) == len(asks):
        return found
    sums = dict(zip(once, found, strict=True))
    return replace(found, sums=[sums[one] for one in asks])


def _ask(reader: Any, filters: Filters, asks: Sequence[Ask], largest: Largest | None) -> Answers:
    reach = reach_of(reader, filters)
    if filters.application_id is not None:
        return _by_rows(asks, largest, reach, Q(pk=filters.application_id))
    found = _by_cells(asks, largest, reach)
    if found is None:
        with _bounded():
            return _by_rows(asks, largest, reach, Q())
    return found


def _by_rows(asks: Sequence[Ask], largest: Largest | None, reach: Reach, chosen: Q) -> Answers:
    """Answers that are computed from the rows of chosen applications."""
    now = timezone.now()
    tables = [from_rows(one, reach) for one in (*asks, *(largest.asks() if largest else ()))]
    head = contributions(Application.objects.filter(chosen), {one.topic for one in asks}, inlined=True)
    return _answers(_run(asks, largest, tables, head, is_kept=False), asks, now)


def _by_cells(asks: Sequence[Ask], largest: Largest | None, reach: Reach) -> Answers | None:
    """Answers from the cells; None while these are not whole."""
    now = timezone.now()
    tables, head = kept_tables((*asks, *(largest.asks() if largest else ())), reach)
    rows = _run(asks, largest, tables, head, is_kept=True)
    state = next(Sum._make(row) for row in rows if row[0] == _STATE_ROW)
    return _answers(rows, asks, min(state.since or now, now)) if state.count else None


def kept_tables(asks: Sequence[Ask], reach: Reach) -> tuple[list[Condition], Condition | None]:
    """A table of cells for each question, and the named query of those rows that they need as well."""
    of_rows: dict[Topic, list[date]] = {}
    tables = [from_cells(one, reach, of_rows) for one in asks]
    if not of_rows:
        return tables, None
    # Of one person: computed once for all questions, because to plan it for each takes longer.
    days = [day for some in of_rows.values() for day in some]
    chosen = Application.objects.filter(reach.of_person())
    unpaid = all(one.labels == _UNPAID for one in asks if one.topic is Topic.REPAYMENT)
    return tables, contributions(chosen, of_rows, days=(min(days), max(days)), unpaid=unpaid)


def _run(
    asks: Sequence[Ask],
    largest: Largest | None,
    tables: Sequence[Condition],
    contributed: Condition | None,
    *,
    is_kept: bool,
) -> list[Any]:
    """The rows of all answers, each with the number of its question first.

    `is_kept`: of cells, with whether these are whole. A text serves many readers and days: it stays prepared.
    """
    named, params = ([contributed[0]], contributed[1]) if contributed else ([], [])
    answering, ranked = tables[: len(asks)], tables[len(asks) :]
    parts = [
        _part(number, one, table)
        for number, (one, (table, _)) in enumerate(zip(asks, answering, strict=True))
    ]
    values = [value for _, some in answering for value in some]
    if largest:
        named.append(_listed(largest, [table for table, _ in ranked]))
        params = [*params, *(value for _, some in ranked for value in some)]
        parts.append(_PEOPLE)
    sql = (f"WITH {', '.join(named)} " if named else "") + " UNION ALL ".join(parts)
    if is_kept:
        sql += f" UNION ALL {_STATE}"
    # What is read of rows is planned with the values at hand, because they may be many.
    return Statement(sql, varies=not is_kept).ask(sql, [*params, *values])


def _answers(rows: Sequence[Any], asks: Sequence[Ask], as_of: datetime) -> Answers:
    sums: list[list[Sum]] = [[] for _ in asks]
    people, made = 0, Sum._make
    for row in rows:
        if row[0] >= 0:
            sums[row[0]].append(made(row))
        elif row[0] == _PEOPLE_ROW:
            people = made(row).count
    return Answers(sums, as_of, people)


def _part(number: int, one: Ask, table: str) -> str:
    period = _PERIODS[one.grouping] if one.grouping else "NULL::date"
    shown = [period, *(name if name in one.by else f"NULL::{kind}" for name, kind in _GROUPS.items())]
    grouped = [*one.by, *([period] if one.grouping else [])]
    by = f" GROUP BY {', '.join(grouped)}" if grouped else ""
    sums = [*((_TOTALS if name in one.sums else _NONE)[name] for name in SUMS), "NULL::timestamptz"]
    return f"SELECT {number}, {', '.join([*shown, *sums])} FROM {table}{by} HAVING sum(count) <> 0"  # noqa: S608


_BROKERS, _PARTNERS = "broker > 0", "broker < 0"


def _listed(largest: Largest, tables: Sequence[str]) -> str:
    """Named queries: `people` with their amounts, and of them those `listed`."""
    people, *others = tables
    named = [_people(people, others.pop(0) if largest.of else "")]
    rows, order = "people", "amount DESC, abs(broker)"
    if largest.then:
        named += _nearest(largest.most, others[0])
        rows = "nearest n LEFT JOIN further f USING (broker)"
        order = "n.amount DESC, COALESCE(f.amount, 0) DESC, abs(broker)"
    some = [
        f"(SELECT broker FROM {rows} WHERE {kind} ORDER BY {order} LIMIT {largest.most:d})"  # noqa: S608
        for kind in (_BROKERS, _PARTNERS)
    ]
    return ", ".join([*named, f"listed AS MATERIALIZED ({' UNION ALL '.join(some)})"])


def _people(table: str, amounts: str) -> str:
    if amounts:
        # One table of both: to find each broker is half of the work.
        both = f"SELECT broker, NULL::bigint, amount FROM {amounts}"  # noqa: S608
        table = f"(SELECT broker, count, NULL::numeric AS amount FROM {table} UNION ALL {both}) both_of"  # noqa: S608
    return (
        "people AS MATERIALIZED (SELECT broker, COALESCE(sum(amount), 0) AS amount "  # noqa: S608
        f"FROM {table} GROUP BY broker HAVING sum(count) <> 0)"
    )


def _nearest(most: int, amounts: str) -> list[str]:
    """Named queries: those `nearest` to the top, with all who equal the last of them.

    Where these are a `crowd`, `further` tells them apart.
    """
    last = f"SELECT amount FROM people WHERE {{}} ORDER BY amount DESC OFFSET {most - 1:d} LIMIT 1"  # noqa: S608
    some = [
        f"SELECT broker, amount FROM people WHERE {kind} "  # noqa: S608
        f"AND amount >= COALESCE(({last.format(kind)}), '-Infinity')"
        for kind in (_BROKERS, _PARTNERS)
    ]
    return [
        f"nearest AS MATERIALIZED ({' UNION ALL '.join(some)})",
        f"crowd AS MATERIALIZED (SELECT broker FROM nearest WHERE (SELECT count(*) FROM nearest) > {most:d})",  # noqa: S608
        f"further AS MATERIALIZED (SELECT broker, sum(amount) AS amount FROM {amounts} GROUP BY broker)",  # noqa: S608
    ]


_PEOPLE_ROW, _STATE_ROW = -2, -1
_NO_GROUPS = "NULL::date, NULL::text, NULL::bigint, NULL::bigint, NULL::bigint"
_PEOPLE = f"""SELECT {_PEOPLE_ROW}, {_NO_GROUPS}, count(*), 0, 0, 0, NULL::timestamptz
    FROM people WHERE broker > 0"""  # noqa: S608 - our own names
# Whether the cells are whole to this release, and since when something has happened that is not in them yet.
IS_WHOLE = f"""COALESCE(
    (SELECT is_whole AND counted_by = {RULES:d} FROM reports_rollupstate WHERE id = 1), false)"""  # noqa: S608
NOT_IN_THEM_SINCE = """LEAST((SELECT min(since) FROM reports_due),
        (SELECT min(occurred_at) FROM events_event WHERE dispatched_at IS NULL AND projected_at IS NULL),
        (SELECT min(started_at) FROM servicing_nightlyrun WHERE business_date > COALESCE(
            (SELECT nights_to FROM reports_rollupstate WHERE id = 1), '-infinity'::date)))"""
_STATE = f"SELECT {_STATE_ROW}, {_NO_GROUPS}, {IS_WHOLE}::int, 0, 0, 0, {NOT_IN_THEM_SINCE}"


@contextmanager
def _bounded() -> Iterator[None]:
    """Give up in time where a report of a large book has to be computed from the rows."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(ROWS_MS)])
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, errors.QueryCanceled):
            raise ReportsNotReady() from None
        raise
