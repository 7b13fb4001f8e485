"""Figures of brokers, BDMs and branches over the applications that the reader may see.

Every figure is computed when it is asked for, by grouped queries whose number does not depend on the rows.
Amounts are AUD, rates percent of all applications, days begin at midnight UTC.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import (
    Avg,
    Count,
    DecimalField,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from applications.choices import Stage
from applications.models import Application, StageChange
from applications.stages import ASIDE, OPEN, PATH
from brokers.models import Bdm, Branch, Broker
from crm_backend.common.figures import days, mean, percent
from users.choices import Role
from users.models import User

STILL_OPEN = (*OPEN, Stage.MORE_INFO_REQUIRED)
LENT = (Stage.SETTLED, Stage.CLOSED)
APPROVED = PATH[PATH.index(Stage.FORMAL_APPROVAL) :]
STALE_AFTER = timedelta(days=14)
RECENT = timedelta(days=90)
TOP = 10

DEFINITIONS = {
    "open": "Applications before settlement, those that wait for more information included.",
    "open_amount": "The amounts that the open ones ask for; by_stage has those of each stage.",
    "settled": "Applications that are settled or closed.",
    "settled_amount": "The approved amounts of the settled ones; the loan amount where none was recorded.",
    "approval_rate": "Percent of all that reached formal approval, whatever became of them afterwards.",
    "settlement_rate": "Percent of all that settled.",
    "average_days_to_settlement": "Days from inquiry to settlement, of the settled ones.",
}
PORTFOLIO_DEFINITIONS = {
    **{name: DEFINITIONS[name] for name in ("open", "settled", "settled_amount")},
    "stale": f"Open applications that have been in their stage for {STALE_AFTER.days} days or longer.",
    "settled_periods": "By the moment of settlement, in UTC; the financial year begins on 1 July.",
}

# What was lent: staff may settle older, imported loans that never had an approved amount.
_AMOUNT = Coalesce("approved_amount", "loan_amount")
_ZERO = Value(Decimal("0.00"), DecimalField(max_digits=16, decimal_places=2))


def _sum(expression: Any, condition: Q) -> Coalesce:
    return Coalesce(Sum(expression, filter=condition), _ZERO)


def workload() -> dict[str, Any]:
    """Aggregates over applications: what is open, and what was settled."""
    is_open, is_lent = Q(stage__in=STILL_OPEN), Q(stage__in=LENT)
    return {
        "open_applications": Count("pk", filter=is_open),
        "open_amount": _sum("loan_amount", is_open),
        "settled_applications": Count("pk", filter=is_lent),
        "settled_amount": _sum(_AMOUNT, is_lent),
    }


NO_WORK: Mapping[str, Any] = {
    "open_applications": 0,
    "open_amount": Decimal("0.00"),
    "settled_applications": 0,
    "settled_amount": Decimal("0.00"),
}


# --- by stage -------------------------------------------------------------------------------------


def _by_stage(applications: QuerySet[Any]) -> list[dict[str, Any]]:
    """One row per stage and the stage before it, with what every further figure is added up from."""
    grouped = applications.order_by().values("stage", "came_from")
    return list(
        grouped.annotate(
            count=Count("pk"),
            amount=Sum("loan_amount"),
            lent=Sum(_AMOUNT),
            latest=Max("created_at"),
        )
    )


def _stages(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every stage in its order, with zeros where there is nothing."""
    found = {stage: {"count": 0, "amount": Decimal("0.00")} for stage in (*PATH, *ASIDE)}
    for row in rows:
        total = found[Stage(row["stage"])]
        total["count"] += row["count"]
        total["amount"] += row["amount"]
    return [{"stage": stage.value, "stage_display": stage.label, **total} for stage, total in found.items()]


def _total(rows: Iterable[Mapping[str, Any]], name: str, stages: Iterable[str]) -> Any:
    return sum(
        (row[name] for row in rows if row["stage"] in stages), Decimal("0.00") if name != "count" else 0
    )


def _approved(rows: Iterable[Mapping[str, Any]]) -> int:
    """How many reached formal approval; one in an aside stage counts as where it came from."""
    return sum(
        row["count"]
        for row in rows
        if (row["came_from"] if row["stage"] in ASIDE else row["stage"]) in APPROVED
    )


# --- a broker -------------------------------------------------------------------------------------


def broker_stats(applications: QuerySet[Any]) -> dict[str, Any]:
    """What a broker's applications came to; see `DEFINITIONS`. Two queries."""
    rows = _by_stage(applications)
    total, settled = _total(rows, "count", Stage), _total(rows, "count", LENT)
    amount = _total(rows, "amount", Stage)
    return {
        "total_applications": total,
        "open_applications": _total(rows, "count", STILL_OPEN),
        "open_amount": _total(rows, "amount", STILL_OPEN),
        "settled_applications": settled,
        "declined_applications": _total(rows, "count", {Stage.DECLINED}),
        "withdrawn_applications": _total(rows, "count", {Stage.WITHDRAWN}),
        "total_loan_amount": amount,
        "average_loan_amount": mean(amount, total),
        "settled_amount": _total(rows, "lent", LENT),
        "approval_rate": percent(_approved(rows), total),
        "settlement_rate": percent(settled, total),
        "average_days_to_settlement": _days_to_settlement(applications) if settled else None,
        "last_application_at": max((row["latest"] for row in rows), default=None),
        "by_stage": _stages(rows),
        "definitions": DEFINITIONS,
    }


def _days_to_settlement(applications: QuerySet[Any]) -> Decimal | None:
    """Mean of the days between the first stage change and the one to settled."""
    moves = StageChange.objects.filter(application__in=applications.filter(stage__in=LENT).values("pk"))
    spans = (
        moves.order_by()
        .values("application")
        .annotate(
            settled=Max("changed_at", filter=Q(to_stage=Stage.SETTLED)),
            span=F("settled") - Min("changed_at"),
        )
    )
    return days(spans.aggregate(mean=Avg("span"))["mean"])


# --- a BDM ----------------------------------------------------------------------------------------


def bdm_portfolio(applications: QuerySet[Any], *, now: datetime | None = None) -> dict[str, Any]:
    """A BDM's applications by stage, broker, age and settlement; see `PORTFOLIO_DEFINITIONS`."""
    now = now or timezone.now()
    rows = _by_stage(applications)
    brokers = list(_by_broker(applications))
    stale = applications.filter(stage__in=STILL_OPEN, stage_entered_at__lte=now - STALE_AFTER)
    return {
        "total_applications": _total(rows, "count", Stage),
        "open_applications": _total(rows, "count", STILL_OPEN),
        "open_amount": _total(rows, "amount", STILL_OPEN),
        "by_stage": _stages(rows),
        "broker_count": len(brokers),
        "top_brokers": brokers[:TOP],
        "stale": {
            **stale.aggregate(count=Count("pk"), amount=Coalesce(Sum("loan_amount"), _ZERO)),
            "applications": [_stale_row(row, now) for row in stale.order_by("stage_entered_at", "id")[:TOP]],
        },
        "settled": _settled_by_period(applications, now),
        "definitions": PORTFOLIO_DEFINITIONS,
    }


def _by_broker(applications: QuerySet[Any]) -> QuerySet[Any]:
    """The brokers of these applications with their workload, those with the most open money first."""
    grouped = applications.exclude(broker=None).order_by().values("broker")
    return grouped.annotate(
        id=F("broker"),
        first_name=F("broker__first_name"),
        last_name=F("broker__last_name"),
        company_name=F("broker__company_name"),
        applications=Count("pk"),
        **workload(),
    ).order_by("-open_amount", "-settled_amount", "broker")


def _stale_row(application: Any, now: datetime) -> dict[str, Any]:
    return {
        "id": application.pk,
        "reference_number": application.reference_number,
        "stage": application.stage,
        "stage_display": application.get_stage_display(),
        "loan_amount": application.loan_amount,
        "stage_entered_at": application.stage_entered_at,
        "days_in_stage": (now - application.stage_entered_at).days,
    }


def _settled_by_period(applications: QuerySet[Any], now: datetime) -> dict[str, Any]:
    """Count and amount of what was settled in the running month, quarter and financial year, and ever."""
    moves = StageChange.objects.filter(
        to_stage=Stage.SETTLED, application__in=applications.filter(stage__in=LENT).values("pk")
    )
    amount = Coalesce("application__approved_amount", "application__loan_amount")
    figures: dict[str, Any] = {}
    for name, start in _periods(now).items():
        since = Q() if start is None else Q(changed_at__gte=start)
        figures[f"{name}_count"] = Count("pk", filter=since) if start else Count("pk")
        figures[f"{name}_amount"] = _sum(amount, since) if start else Coalesce(Sum(amount), _ZERO)
    found = moves.aggregate(**figures)
    return {
        name: {"count": found[f"{name}_count"], "amount": found[f"{name}_amount"]} for name in _periods(now)
    }


def _periods(now: datetime) -> dict[str, datetime | None]:
    """When the running periods began; None for all time."""
    today = now.astimezone(UTC).date()
    quarter = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    year = date(today.year if today.month >= 7 else today.year - 1, 7, 1)
    starts = {"this_month": today.replace(day=1), "this_quarter": quarter, "this_financial_year": year}
    return {
        **{name: datetime.combine(day, datetime.min.time(), UTC) for name, day in starts.items()},
        "all_time": None,
    }


# --- a branch -------------------------------------------------------------------------------------


def branch_team(branch: Branch, *, reader: User) -> dict[str, Any]:
    """The BDMs of a branch, and its brokers as far as the reader sees them, each with their workload.

    All the BDMs: a reader who sees the branch sees its team (`UserQuerySet`), if not their BDM profiles.
    """
    visible = Application.objects.all().visible_to(reader)
    bdms = Bdm.objects.filter(branch=branch).select_related("user").order_by("user__last_name", "id")
    brokers = Broker.objects.visible_to(reader).filter(branch=branch).order_by("last_name", "id")
    return {
        "bdms": _with_work(bdms, visible, "bd"),
        "brokers": _with_work(brokers, visible, "broker"),
    }


def _with_work(people: QuerySet[Any], applications: QuerySet[Any], relation: str) -> list[dict[str, Any]]:
    grouped = applications.filter(**{f"{relation}__in": people.order_by().values("pk")})
    rows = grouped.order_by().values(relation).annotate(**workload())
    work = {row.pop(relation): row for row in rows}
    return [{"person": person, **work.get(person.pk, NO_WORK)} for person in people]


# --- the team -------------------------------------------------------------------------------------


def with_performance(users: QuerySet[Any], *, reader: User) -> QuerySet[Any]:
    """Staff with their workload, and with what they settled in the last 90 days, as far as the reader sees.

    Subqueries, so that the list can be ordered and paged by them; there are few staff.
    """
    visible = Application.objects.all().visible_to(reader).filter(bd__user=OuterRef("pk"))
    lately = StageChange.objects.filter(
        to_stage=Stage.SETTLED, changed_at__gte=Now() - RECENT, application__stage__in=LENT
    )
    recent = visible.filter(pk__in=lately.values("application"))
    is_open = visible.filter(stage__in=STILL_OPEN)
    return users.select_related("bdm__branch").annotate(
        open_applications=_count_of(is_open),
        open_amount=_sum_of(is_open, F("loan_amount")),
        settled_applications_90_days=_count_of(recent),
        settled_amount_90_days=_sum_of(recent, _AMOUNT),
    )


def _count_of(applications: QuerySet[Any]) -> Coalesce:
    return Coalesce(_grouped(applications, Count("pk")), 0)


def _sum_of(applications: QuerySet[Any], amount: Any) -> Coalesce:
    return Coalesce(_grouped(applications, Sum(amount)), _ZERO)


def _grouped(applications: QuerySet[Any], figure: Any) -> Subquery:
    """One figure of a correlated set of applications."""
    return Subquery(applications.order_by().values("bd__user").annotate(figure=figure).values("figure"))


def staff(users: QuerySet[Any]) -> QuerySet[Any]:
    """The lender's own people: administrators and BDMs."""
    return users.filter(role__in=(Role.ADMIN, Role.BD))
