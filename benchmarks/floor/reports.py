"""Reports by hand: one statement over the rollup tables for each, its rows as the reply's members, orjson.

Of twelve months it reads calendar years, less the months outside; of a list of people, who is on it first.
Everything is said of this one period and these three kinds of readers; there are no filters, definitions or
names. What the floor gives has to be equal to the product's reply, as `benchmarks.shown` finds it there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import orjson

from benchmarks.floor.cells import (
    BY_BDM,
    BY_BROKER,
    DAYS_OF,
    ENDED,
    EVER,
    OF_BROKERS,
    OWN,
    ZERO,
    Asker,
    Cells,
    Period,
    asked,
    cells,
    mean,
    money,
    run,
    share,
    twelve,
)
from benchmarks.floor.dashboards import custom, custom_rows, overview, revenue, team


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
