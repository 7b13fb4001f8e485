"""How late the open loans are, today."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from crm_backend.common.figures import percent
from reports.choices import Grouping, Outcome, Topic
from reports.registry import OWNERS, Filters, Report, Result, register
from reports.selectors.sources import Ask
from reports.selectors.sums import Answers, Sum, ask
from reports.shapes import Chart, Column, Kind, Look, Series, Sheet
from servicing.choices import ArrearsBucket
from servicing.dates import business_date

ZERO = Decimal("0.00")
DEFINITIONS = {
    "business_date": "The lender's day, by which lateness is counted.",
    "total_loans": "Open loans: settled, neither paid out nor written off.",
    "total_principal": "AUD of principal that is owed on them.",
    "loans_in_arrears": "Those with a repayment that was due before today and is not paid in full.",
    "principal_in_arrears": "AUD of principal that is owed on loans_in_arrears.",
    "amount_past_due": "AUD that is unpaid of repayments that were due before today.",
    "arrears_rate": "principal_in_arrears in percent of total_principal.",
    "buckets": "By days past due. loans and principal: by the oldest unpaid repayment of the loan. "
    "amount_past_due: by the due date of each repayment. Current: 0 days.",
}
# Days past due, from and to.
_DAYS = {
    ArrearsBucket.DAYS_1_30: (1, 30),
    ArrearsBucket.DAYS_31_60: (31, 60),
    ArrearsBucket.DAYS_61_90: (61, 90),
    ArrearsBucket.OVER_90: (91, None),
}
_BY_DAYS = max(most for _, most in _DAYS.values() if most is not None)
_BUCKETS = {
    late: bucket
    for bucket, (first, most) in _DAYS.items()
    for late in range(first, (most or _BY_DAYS + 1) + 1)
}


def arrears_ageing(reader: Any, filters: Filters) -> Result:
    """Open loans by days past due on today's business date; each figure as `DEFINITIONS` says."""
    today = business_date()
    return ageing_of(ask(reader, filters, *ageing_asks(today)), today)


def ageing_asks(today: date) -> list[Ask]:
    """What has to be known: by days as far back as buckets end, and all that is older."""
    since, yesterday = today - timedelta(days=_BY_DAYS), today - timedelta(days=1)
    loans = Ask(Topic.ARREARS, since, yesterday, grouping=Grouping.DAY, sums=("count", "amount"))
    unpaid = replace(loans, topic=Topic.REPAYMENT, labels=(Outcome.UNPAID.value,), sums=("amount", "other"))
    older = [
        replace(one, first=None, last=since - timedelta(days=1), grouping=None) for one in (loans, unpaid)
    ]
    return [Ask(Topic.LOAN, sums=("count", "amount")), loans, older[0], unpaid, older[1]]


def ageing_of(answers: Answers, today: date) -> Result:
    """The report from the answers."""
    total, *late = answers
    of_loans, of_repayments = ([*recent, *older] for recent, older in (late[:2], late[2:]))
    loans = (sum(row.count for row in total), sum((row.amount for row in total), ZERO))
    in_loans, in_repayments = (_by_bucket(today, sums) for sums in (of_loans, of_repayments))
    buckets = [_late(bucket, in_loans[bucket], in_repayments[bucket]) for bucket in _DAYS]
    count = sum(row["loans"] for row in buckets)
    principal = sum((row["principal"] for row in buckets), ZERO)
    data = {
        "business_date": today,
        "total_loans": loans[0],
        "total_principal": loans[1],
        "loans_in_arrears": count,
        "principal_in_arrears": principal,
        "amount_past_due": sum((row["amount_past_due"] for row in buckets), ZERO),
        "arrears_rate": percent(principal, loans[1]),
        "buckets": [
            _bucket(ArrearsBucket.CURRENT, loans[0] - count, loans[1] - principal, ZERO),
            *buckets,
        ],
    }
    return Result(data, answers.as_of, _sheets, _charts)


def _late(bucket: ArrearsBucket, loans: Sequence[Sum], repayments: Sequence[Sum]) -> dict[str, Any]:
    unpaid = sum((row.amount - row.other for row in repayments), ZERO)
    return _bucket(bucket, sum(row.count for row in loans), sum((row.amount for row in loans), ZERO), unpaid)


def _by_bucket(today: date, sums: Iterable[Sum]) -> Mapping[ArrearsBucket, Sequence[Sum]]:
    """What is older than all days asked for, which has none, is in the last."""
    found: dict[ArrearsBucket, list[Sum]] = {bucket: [] for bucket in _DAYS}
    for row in sums:
        found[_BUCKETS[(today - row.period).days if row.period else _BY_DAYS + 1]].append(row)
    return found


def _bucket(bucket: ArrearsBucket, loans: int, principal: Decimal, unpaid: Decimal) -> dict[str, Any]:
    return {
        "bucket": bucket.value,
        "bucket_display": bucket.label,
        "loans": loans,
        "principal": principal,
        "amount_past_due": unpaid,
    }


def _sheets(data: dict[str, Any]) -> list[Sheet]:
    columns = [
        Column("loans", "Loans", Kind.COUNT),
        Column("principal", "Principal", Kind.MONEY),
        Column("amount_past_due", "Past due", Kind.MONEY),
    ]
    total = [data["total_loans"], data["total_principal"], data["amount_past_due"]]
    rows = [[row["bucket_display"], *(row[column.key] for column in columns)] for row in data["buckets"]]
    return [
        Sheet("summary", "Summary", columns, [total]),
        Sheet("buckets", "By days past due", [Column("bucket", "Bucket", Kind.TEXT), *columns], rows),
    ]


def _charts(data: dict[str, Any]) -> list[Chart]:
    late = data["buckets"][1:]
    return [
        Chart(
            "ageing",
            "Principal of loans in arrears",
            Look.BARS,
            Kind.MONEY,
            [row["bucket_display"] for row in late],
            [Series("Principal", [row["principal"] for row in late])],
        )
    ]


register(
    Report(
        name="arrears-ageing",
        title="Arrears ageing",
        description="The open loans by how late they are today.",
        filters=OWNERS,
        definitions=DEFINITIONS,
        headlines=(),
        run=arrears_ageing,
    )
)
