"""Dashboards and custom reports by hand, as `reports` has those that are always the same."""

from __future__ import annotations

from decimal import ROUND_HALF_UP
from typing import Any

from benchmarks.floor.cells import (
    BY_BDM,
    BY_BROKER,
    EVER,
    LESS,
    RATE,
    ZERO,
    Asker,
    Period,
    asked,
    cells,
    money,
    run,
    share,
)

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
