"""Reports by hand: one statement over the rollup tables for each, its rows as the reply's members, orjson.

Of twelve months it reads calendar years, less the months outside; of a list of people, who is on it first.
Everything is said of this one period and these three kinds of readers; there are no filters, definitions or
names. What the floor gives has to be equal to the product's reply, as `benchmarks.shown` finds it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson

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
    _execute_prepared(cursor, head + " UNION ALL ".join(parts), values)
    found: Rows = {number: [] for number in range(len(parts))}
    for tag, *row in cursor.fetchall():
        found[tag].append((row[0], row[1], int(row[2]), row[3] or ZERO, row[4] or ZERO, int(row[5] or 0)))
    return found


def _execute_prepared(cursor: Any, sql: str, values: dict[str, Any]) -> None:
    """As who writes a server by hand has it; the settings leave preparing to the product's own way."""
    plain = cursor.connection
    plain.prepare_threshold, before = 0, plain.prepare_threshold
    try:
        cursor.execute(sql, values)
    finally:
        plain.prepare_threshold = before


def volume(cursor: Any, asker: Asker, period: Period) -> dict[str, Any]:
    """Applications opened in a year."""
    rows = run(
        cursor, asker, period,
        asked(0, cells(asker, "opened"), "day"),
        asked(1, cells(asker, "stage", twelve(period)), "label"),
        asked(2, cells(asker, "type", twelve(period)), "label"),
        asked(3, cells(asker, "opened", twelve(period), BY_BDM), "bd"),
    )  # fmt: skip
    count, amount = sum(row[2] for row in rows[0]), sum(row[3] for row in rows[0])
    return {
        "total_applications": count,
        "total_loan_amount": money(amount),
        "average_loan_amount": mean(amount, count),
        "stage_breakdown": {row[0]: row[2] for row in rows[1]},
        "type_breakdown": {row[0]: row[2] for row in rows[2]},
        "time_breakdown": [
            {"period": row[0], "count": row[2], "total_amount": money(row[3])} for row in sorted(rows[0])
        ],
        "bds": sorted([int(row[0]) or None, row[2], money(row[3])] for row in rows[3] if int(row[0])),
    }


def status(cursor: Any, asker: Asker, period: Period) -> dict[str, Any]:
    """Where they stand."""
    rows = run(
        cursor, asker, period,
        asked(0, cells(asker, "stage", twelve(period)), "label"),
        asked(1, cells(asker, "approved", twelve(period))),
        asked(2, cells(asker, "stays", twelve(period)), "label"),
    )  # fmt: skip
    counts = {row[0]: row[2] for row in rows[0]}
    total, approved = sum(counts.values()), sum(row[2] for row in rows[1])
    settled = counts.get("settled", 0) + counts.get("closed", 0)
    return {
        "total_applications": total,
        "total_settled": settled,
        "total_declined": counts.get("declined", 0),
        "avg_time_in_stage": {row[0]: mean(Decimal(row[5]) / 86400, row[2]) for row in rows[2]},
        "inquiry_to_approval_rate": share(approved, total),
        "approval_to_settlement_rate": share(settled, approved),
        "overall_success_rate": share(settled, total),
    }


def _compliance(rows: Sequence[Any]) -> dict[str, Any]:
    counts = dict.fromkeys(("on_time", "late", "unpaid", "given_up"), 0)
    for row in rows:
        counts[row[1]] += row[2]
    total, due, paid = sum(counts.values()), sum(row[3] for row in rows), sum(row[4] for row in rows)
    return {
        "total_repayments": total,
        "paid_on_time": counts["on_time"],
        "paid_late": counts["late"],
        "missed": counts["unpaid"] + counts["given_up"],
        "compliance_rate": share(counts["on_time"], total),
        "average_days_late": mean(sum(row[5] for row in rows), counts["late"]),
        "total_amount_due": money(due),
        "total_amount_paid": money(paid),
        "payment_rate": share(paid, due),
    }


def compliance(cursor: Any, asker: Asker, period: Period) -> dict[str, Any]:
    """Repayments due in a year."""
    # Of one BDM the planner would take the labels for what is rare, and read everybody's.
    outcomes = " WHERE label || '' IN ('on_time', 'late', 'unpaid', 'given_up')"
    rows = run(cursor, asker, period, asked(0, cells(asker, "repayment") + outcomes, "day", "label"))[0]
    months = sorted({row[0] for row in rows})
    return {
        **_compliance(rows),
        "monthly_breakdown": [
            {"month": month, **_compliance([row for row in rows if row[0] == month])} for month in months
        ],
    }


TOP = " WHERE broker = ANY(ARRAY(SELECT broker FROM top))"
NOBODY = {role: tuple(f"{whose} AND broker = 0" for whose in BY_BROKER[role]) for role in BY_BROKER}


def brokers(cursor: Any, asker: Asker, period: Period) -> dict[str, Any]:
    """By broker, the largest hundred."""

    def of(topic: str, where: Cells = BY_BROKER) -> str:
        return cells(asker, topic, twelve(period), where)

    def by_broker(topic: str) -> str:
        return (
            f"SELECT broker, sum(count) AS count, sum(amount) AS amount FROM {of(topic)} "
            "WHERE broker > 0 GROUP BY broker HAVING sum(count) <> 0"
        )

    head = f"""WITH opened AS MATERIALIZED ({by_broker("opened")}),
        settled AS MATERIALIZED ({by_broker("settled")}),
        top AS MATERIALIZED (SELECT broker FROM opened o LEFT JOIN settled s USING (broker)
            ORDER BY COALESCE(s.amount, 0) DESC, o.amount DESC, broker LIMIT 100) """
    rows = run(
        cursor, asker, period,
        "SELECT 0, count(*)::text, '', sum(count), sum(amount), 0, 0 FROM opened",
        "SELECT 1, '', '', sum(count), sum(amount), 0, 0 FROM settled",
        asked(2, of("approved", OWN)),
        asked(3, of("approved", NOBODY)),
        asked(4, of("stage", OWN) + ENDED, "label"),
        asked(5, of("stage", NOBODY) + ENDED, "label"),
        asked(6, of("opened") + TOP, "broker"),
        asked(7, of("approved") + TOP, "broker"),
        asked(8, of("settled") + TOP, "broker"),
        asked(9, of("stage") + TOP + ENDED.replace("WHERE", "AND"), "broker", "label"),
        head=head,
    )  # fmt: skip

    def counts(tag: int) -> int:
        return sum(row[2] for row in rows[tag])

    ((people, _, count, amount, _, _),), ((_, _, settled, lent, _, _),) = rows[0], rows[1]
    approved, loans = ({row[0]: row for row in rows[tag]} for tag in (7, 8))
    ended = {row[0]: row for row in rows[9] if row[1] == "declined"}
    none = ("", "", 0, ZERO, ZERO, 0)
    order = sorted(rows[6], key=lambda row: (-loans.get(row[0], none)[3], -row[3], int(row[0])))
    return {
        "broker_count": int(people),
        "total_applications": count,
        "total_loan_amount": money(amount),
        "settled_applications": settled,
        "settled_amount": money(lent),
        "declined_applications": counts(4) - counts(5),
        "approval_rate": share(counts(2) - counts(3), count),
        "listed": [
            [
                int(pk), number, money(asked_for), loans.get(pk, none)[2], money(loans.get(pk, none)[3]),
                ended.get(pk, none)[2], share(approved.get(pk, none)[2], number),
                mean(loans.get(pk, none)[5], loans.get(pk, none)[4]),
            ]
            for pk, _, number, asked_for, _, _ in order
        ],
    }  # fmt: skip


def portfolio(cursor: Any, asker: Asker, period: Period) -> dict[str, Any]:
    """Open loans, of all years."""
    parts = ("loan_lvr", "loan_type", "loan_state", "loan_purpose")
    rows = run(
        cursor, asker, period,
        asked(0, cells(asker, "loan", (EVER,))),
        asked(1, cells(asker, "owed", (EVER,)), "label"),
        *(asked(number, cells(asker, topic, (EVER,)), "label") for number, topic in enumerate(parts, 2)),
    )  # fmt: skip
    (_, _, count, principal, weight, _), owed = rows[0][0], {row[0]: row[3] for row in rows[1]}
    total = principal + sum(owed.values())
    return {
        "total_loans": count,
        "principal": money(principal),
        "interest": money(owed.get("interest_receivable", 0)),
        "total_balance": money(total),
        "average_principal": mean(principal, count),
        "weighted_rate": mean(weight, principal),
        "lvr": sorted([row[0], row[2], money(row[3])] for row in rows[2]),
        "type": sorted([row[0], row[2], money(row[3])] for row in rows[3]),
    }


# Of amounts past due there are no days of people: the last ninety, and the rest of their month, are read from
# the rows of their applications.
BUCKET = """CASE WHEN day < %(since)s THEN 4 WHEN day < %(today)s::date - 60 THEN 3
    WHEN day < %(today)s::date - 30 THEN 2 ELSE 1 END"""
THEIRS = {
    "bd": "a.bd_id = %(bd)s AND a.branch_id IS DISTINCT FROM %(branch)s",
    "broker": "a.broker_id = %(broker)s",
}
UNPAID_ROWS = """SELECT 'unpaid' AS label, r.due_date AS day, 1 AS count, r.amount,
        r.interest_paid + r.principal_paid AS other, 0 AS span
    FROM applications_application a JOIN LATERAL (
        SELECT * FROM servicing_repayment WHERE application_id = a.id AND status NOT IN ('paid', 'superseded')
        AND amount > 0 AND due_date >= %(month)s AND due_date < %(today)s OFFSET 0
    ) r ON true LEFT JOIN servicing_loan l ON l.application_id = a.id
    WHERE l.status IS DISTINCT FROM 'written_off' AND """
OLDER, RECENT = "grain = 1 AND day < %(month)s", "grain = 0 AND day >= %(month)s AND day < %(today)s"


def arrears(cursor: Any, asker: Asker, period: Period) -> dict[str, Any]:
    """Open loans by how late they are."""
    late = [
        f"SELECT label, day, count, amount, other, span FROM {cells(asker, 'arrears', *where)}"
        for where in (((OLDER,),), ((RECENT,), DAYS_OF))
    ]
    whole = {**OWN, "bd": OWN["bd"][:1], "broker": ("false",)}
    unpaid = [
        f"SELECT label, day, count, amount, other, span FROM {cells(asker, 'repayment', *where)} "
        "WHERE label || '' = 'unpaid'"
        for where in (((OLDER,),), ((RECENT,), whole))
    ]
    if asker.role in THEIRS:
        unpaid.append(UNPAID_ROWS + THEIRS[asker.role])
    rows = run(
        cursor, asker, period,
        asked(0, cells(asker, "loan", (EVER,))),
        asked(1, f"({' UNION ALL '.join(late)}) c", BUCKET),
        asked(2, f"({' UNION ALL '.join(unpaid)}) c", BUCKET),
    )  # fmt: skip
    (_, _, count, principal, _, _) = rows[0][0]
    loans, due = ({row[0]: row for row in rows[tag]} for tag in (1, 2))
    none = ("", "", 0, ZERO, ZERO, 0)
    buckets: list[list[Any]] = [
        [loans.get(key, none)[2], loans.get(key, none)[3], due.get(key, none)[3] - due.get(key, none)[4]]
        for key in "1234"
    ]
    number, overdue, past = (sum(row[place] for row in buckets) for place in range(3))
    buckets.insert(0, [count - number, principal - overdue, ZERO])
    return {
        "total_loans": count,
        "total_principal": money(principal),
        "loans_in_arrears": number,
        "principal_in_arrears": money(overdue),
        "amount_past_due": money(past),
        "arrears_rate": share(overdue, principal),
        "buckets": [[row[0], money(row[1]), money(row[2])] for row in buckets],
    }


def commission(cursor: Any, asker: Asker, period: Period) -> dict[str, Any]:
    """Commissions of a year."""
    theirs = cells(asker, "commission", twelve(period), {**BY_BROKER, "bd": OF_BROKERS["bd"]})
    rows = run(
        cursor, asker, period,
        asked(0, cells(asker, "commission", where=OF_BROKERS), "day"),
        asked(1, theirs + TOP, "broker", "label"),
        head=f"""WITH top AS MATERIALIZED (SELECT broker FROM {theirs} WHERE broker > 0
            GROUP BY broker HAVING sum(count) <> 0 ORDER BY sum(amount) DESC, broker LIMIT 100) """,
    )  # fmt: skip
    net = sum(row[3] for row in rows[0])
    listed: dict[str, list[Any]] = {}
    for pk, _, count, amount, broker, _ in rows[1]:
        sums = listed.setdefault(pk, [0, ZERO, ZERO])
        listed[pk] = [old + new for old, new in zip(sums, (count, amount, broker), strict=True)]
    order = sorted(listed, key=lambda pk: (-listed[pk][1], int(pk)))
    return {
        "total_commissions": sum(row[2] for row in rows[0]),
        "net": money(net),
        "broker_amount": money(sum(row[4] for row in rows[0])),
        "months": [[row[0], row[2], money(row[3])] for row in sorted(rows[0])],
        "listed": [[int(pk), listed[pk][0], money(listed[pk][1]), money(listed[pk][2])] for pk in order],
    }


DAYS = "grain = 0 AND day BETWEEN %(first)s AND %(last)s"
BEFORE = "grain = 0 AND day BETWEEN %(before_first)s AND %(before_last)s"


def revenue(cursor: Any, asker: Asker, period: Period) -> dict[str, Any]:
    """What the ledger earned in thirty days, and in thirty before."""
    days = asked(0, cells(asker, "ledger", (DAYS,)), "label", "day")
    rows = run(cursor, asker, period, days, asked(1, cells(asker, "ledger", (BEFORE,)), "label"))

    def total(tag: int, account: str) -> Any:
        return sum(row[3] for row in rows[tag] if row[0] == account)

    return {
        "cash_received": [money(total(tag, "cash")) for tag in (0, 1)],
        "interest_income": [money(-total(tag, "interest_income")) for tag in (0, 1)],
        "commissions": [money(total(tag, "commission_expense")) for tag in (0, 1)],
        "series": sorted([row[1], money(row[3])] for row in rows[0] if row[0] == "cash"),
    }


def team(cursor: Any, asker: Asker, period: Period) -> dict[str, Any]:
    """What each BDM has, and brought in thirty days."""
    days: tuple[str, ...] = ("grain = 0 AND day BETWEEN %(first)s AND %(last)s",)
    months: tuple[str, ...] = ()
    if period[0].month != period[1].month:
        # This month, with what is still to come taken off.
        days = (
            "grain = 0 AND day BETWEEN %(first)s AND %(month_last)s::date - 1",
            f"{LESS}grain = 0 AND day > %(last)s AND day < %(month_last)s::date + interval '1 month'",
        )
        months = ("grain = 1 AND day = %(month_last)s",)

    def of(topic: str) -> str:
        wheres = [(days, BY_BROKER), (months, BY_BDM)]
        parts = [cells(asker, topic, dates, where) for dates, where in wheres if dates]
        read = [f"SELECT bd, count, amount, 0 AS other, 0 AS span FROM {part}" for part in parts]
        return f"({' UNION ALL '.join(read)}) c"

    still_open = " WHERE label = ANY(%(still_open)s)"
    rows = run(
        cursor, asker, period,
        asked(0, of("opened"), "bd"),
        asked(1, of("settlement"), "bd"),
        asked(2, cells(asker, "stage", (EVER,), BY_BDM) + still_open, "bd"),
    )  # fmt: skip
    opened, settled, at_hand = ({row[0]: row for row in rows[tag]} for tag in range(3))
    none = ("", "", 0, ZERO, ZERO, 0)
    people = (opened.keys() | settled.keys() | at_hand.keys()) - {"0"}
    return {
        "team": sorted(
            [
                int(pk), opened.get(pk, none)[2],
                settled.get(pk, none)[2], money(settled.get(pk, none)[3]),
                at_hand.get(pk, none)[2], money(at_hand.get(pk, none)[3]),
            ]
            for pk in people
        )
    }  # fmt: skip


def overview(cursor: Any, asker: Asker, period: Period) -> dict[str, Any]:
    """The tiles of the dashboard."""
    yesterday = (
        " WHERE label IN ('on_time', 'late') OR day < %(today)s::date AND label IN ('unpaid', 'given_up')"
    )
    rows = run(
        cursor, asker, period,
        *(
            part
            for number, days in enumerate((DAYS, BEFORE))
            for part in (
                asked(3 * number, cells(asker, "opened", (days,)), "day"),
                asked(3 * number + 1, cells(asker, "stage", (days,)), "label"),
                asked(3 * number + 2, cells(asker, "repayment", (days,)) + yesterday, "label"),
            )
        ),
        asked(6, cells(asker, "loan", (EVER,))),
        asked(7, cells(asker, "owed", (EVER,))),
        asked(8, cells(asker, "arrears", ("grain = 0 AND day < %(today)s::date",))),
    )  # fmt: skip

    def counts(tag: int, *labels: str) -> int:
        return sum(row[2] for row in rows[tag] if not labels or row[0] in labels)

    return {
        "total_applications": [f"{counts(tag)}.00" for tag in (0, 3)],
        "total_loan_amount": [money(sum(row[3] for row in rows[tag])) for tag in (0, 3)],
        "overall_success_rate": [share(counts(tag, "settled", "closed"), counts(tag)) for tag in (1, 4)],
        "compliance_rate": [share(counts(tag, "on_time"), counts(tag)) for tag in (2, 5)],
        "total_balance": money(rows[6][0][3] + (rows[7][0][3] if rows[7] else 0)),
        "loans_in_arrears": f"{counts(8)}.00",
    }


def custom(cursor: Any, asker: Asker, period: Period) -> dict[str, Any]:
    """By stage and month of creation."""
    rows = run(cursor, asker, period, asked(0, cells(asker, "stage"), "label", "day"))[0]
    return {
        "groups": sorted(
            [
                row[0],
                row[1],
                row[2],
                money(row[3]),
                str((row[4] * 100 / row[5]).quantize(RATE, ROUND_HALF_UP)),
            ]
            for row in rows
        )
    }


def custom_rows(cursor: Any, asker: Asker, period: Period) -> dict[str, Any]:
    """The same over rows, with what no rollup has."""
    whose = {
        "admin": "true", "bd": "(branch_id = %(branch)s OR bd_id = %(bd)s)",
        "broker": "broker_id = %(broker)s",
    }[asker.role]  # fmt: skip
    values = {
        "branch": asker.branch,
        "bd": asker.bd,
        "broker": asker.broker,
        "first": period[0],
        "last": period[1],
    }
    cursor.execute(
        f"""SELECT stage, date_trunc('month', created_at AT TIME ZONE 'Australia/Sydney')::date, count(*),
            sum(loan_amount)
        FROM applications_application WHERE {whose}
        AND created_at >= %(first)s::timestamp AT TIME ZONE 'Australia/Sydney'
        AND created_at < (%(last)s::date + 1)::timestamp AT TIME ZONE 'Australia/Sydney'
        GROUP BY 1, 2""",
        values,
    )
    rows = sorted(cursor.fetchall())
    return {"groups": [[stage, str(month), count, money(amount)] for stage, month, count, amount in rows]}


FLOORS: dict[str, Callable[[Any, Asker, Period], dict[str, Any]]] = {
    "application-volume": volume,
    "application-status": status,
    "repayment-compliance": compliance,
    "broker-performance": brokers,
    "loan-portfolio": portfolio,
    "arrears-ageing": arrears,
    "commission": commission,
    "dashboard": overview,
    "revenue": revenue,
    "team": team,
    "custom": custom,
    "custom-rows": custom_rows,
}


def has_one(name: str, asker: Asker) -> bool:
    """Whether there is a floor; a dashboard, which reads days, has one for the whole book only."""
    return name in FLOORS and (asker.role == "admin" or name not in ("dashboard", "revenue"))


def answer(cursor: Any, name: str, asker: Asker, period: Period) -> bytes:
    """The figures of one report."""
    return orjson.dumps(FLOORS[name](cursor, asker, period))
