"""What a member of the team has at hand, and what they brought about in a period.

Every figure is computed when it is asked for, in two queries whatever the number of rows. Amounts are AUD,
rates percent, days begin at midnight UTC. What the apps above count of a member is in `workloads`.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Avg, Count, DecimalField, F, Max, Min, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from applications.choices import Stage
from applications.models import StageChange
from applications.selectors import workloads
from applications.selectors.portfolios import APPROVED, LENT, STALE_AFTER, STILL_OPEN
from crm_backend.common.dates import midnight
from crm_backend.common.figures import days, percent

SOON = timedelta(days=30)
_ZERO = Value(Decimal("0.00"), DecimalField(max_digits=16, decimal_places=2))

WORKLOAD_DEFINITIONS = {
    "open": "Applications before settlement, those that wait for more information included.",
    "stale": f"Open applications that have been in their stage for {STALE_AFTER.days} days or longer.",
    "upcoming_settlements": f"Open applications that should settle today or within {SOON.days} days.",
    "overdue_settlements": "Open applications that should have settled before today.",
}
PERFORMANCE_DEFINITIONS = {
    "opened_applications": "Applications that were opened in the period.",
    "approved_applications": "Of those opened in the period, the ones that ever reached formal approval.",
    "approval_rate": "Percent of those opened in the period that ever reached formal approval.",
    "settled_applications": "Applications that settled in the period, whenever they were opened.",
    "settled_amount": "Their approved amounts; the loan amount where none was recorded.",
    "average_days_to_approval": (
        "Days from the first stage to the first move to formal approval or beyond, of applications for "
        "which that move was in the period."
    ),
    "average_days_approval_to_settlement": (
        "Days from that move to settlement, of those settled in the period."
    ),
    "average_days_to_settlement": "Days from the first stage to settlement, of those settled in the period.",
}


def workload(
    applications: QuerySet[Any], *, waiting: Mapping[str, int], now: datetime | None = None
) -> dict[str, Any]:
    """Open applications by stage, those that do not move, those that are to settle, and what else waits."""
    now = now or timezone.now()
    today = now.astimezone(UTC).date()
    is_open = applications.filter(stage__in=STILL_OPEN).order_by()
    asked = {
        "stale": Q(stage_entered_at__lte=now - STALE_AFTER),
        "upcoming_settlements": Q(estimated_settlement_date__range=(today, today + SOON)),
        "overdue_settlements": Q(estimated_settlement_date__lt=today),
    }
    figures = {"all_count": Count("pk"), "all_amount": Coalesce(Sum("loan_amount"), _ZERO)}
    for name, condition in asked.items():
        figures[f"{name}_count"] = Count("pk", filter=condition)
        figures[f"{name}_amount"] = Coalesce(Sum("loan_amount", filter=condition), _ZERO)
    found = is_open.aggregate(**figures)
    by_stage = {
        row["stage"]: row
        for row in is_open.values("stage").annotate(count=Count("pk"), amount=Sum("loan_amount"))
    }
    nothing = {"count": 0, "amount": Decimal("0.00")}
    return {
        "open_applications": found["all_count"],
        "open_amount": found["all_amount"],
        "by_stage": [
            {"stage_display": stage.label, **nothing, **by_stage.get(stage, {}), "stage": stage.value}
            for stage in STILL_OPEN
        ],
        **{name: {"count": found[f"{name}_count"], "amount": found[f"{name}_amount"]} for name in asked},
        **waiting,
        "definitions": {
            **WORKLOAD_DEFINITIONS,
            **{name: workloads.FIGURES[name].definition for name in waiting},
        },
    }


def performance(
    applications: QuerySet[Any], *, date_from: date | None = None, date_to: date | None = None
) -> dict[str, Any]:
    """What became of applications in a period, both days inclusive; open at an end that is left out."""
    opened = applications.filter(_within("created_at", date_from, date_to)).order_by()
    reached = StageChange.objects.filter(application__in=opened.values("pk"), to_stage__in=APPROVED)
    counted = reached.aggregate(approved=Count("application", distinct=True))
    number = opened.count()
    moves = StageChange.objects.filter(application__in=applications.order_by().values("pk")).order_by()
    lives = moves.values("application").annotate(
        stage=F("application__stage"),
        amount=Coalesce("application__approved_amount", "application__loan_amount"),
        opened=Min("changed_at"),
        approved=Min("changed_at", filter=Q(to_stage__in=APPROVED)),
        settled=Max("changed_at", filter=Q(to_stage=Stage.SETTLED)),
        to_approval=F("approved") - F("opened"),
        onwards=F("settled") - F("approved"),
        altogether=F("settled") - F("opened"),
    )
    was_approved = Q(approved__isnull=False) & _within("approved", date_from, date_to)
    was_settled = Q(stage__in=LENT, settled__isnull=False) & _within("settled", date_from, date_to)
    found = lives.aggregate(
        settled_count=Count("application", filter=was_settled),
        settled_sum=Coalesce(Sum("amount", filter=was_settled), _ZERO),
        mean_to_approval=Avg("to_approval", filter=was_approved),
        mean_onwards=Avg("onwards", filter=was_settled),
        mean_altogether=Avg("altogether", filter=was_settled),
    )
    approved = counted["approved"]
    return {
        "date_from": date_from,
        "date_to": date_to,
        "opened_applications": number,
        "approved_applications": approved,
        "settled_applications": found["settled_count"],
        "settled_amount": found["settled_sum"],
        "approval_rate": percent(approved, number),
        "average_days_to_approval": days(found["mean_to_approval"]),
        "average_days_approval_to_settlement": days(found["mean_onwards"]),
        "average_days_to_settlement": days(found["mean_altogether"]),
        "definitions": PERFORMANCE_DEFINITIONS,
    }


def _within(name: str, first: date | None, last: date | None) -> Q:
    condition = Q()
    if first:
        condition &= Q(**{f"{name}__gte": midnight(first)})
    if last and last < date.max:
        condition &= Q(**{f"{name}__lt": midnight(last) + timedelta(days=1)})
    return condition
