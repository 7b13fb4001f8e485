"""The pipeline: how many applications stand at each stage, and for how much."""

from decimal import Decimal
from typing import Any

from django.db.models import Avg, Count, F, Min, QuerySet, Sum
from django.db.models.functions import Now

from applications.choices import Stage
from applications.stages import ASIDE, PATH

_NOTHING = {"count": 0, "total_amount": Decimal("0.00"), "average_days_in_stage": None, "oldest": None}


def pipeline(applications: QuerySet[Any]) -> dict[str, Any]:
    """Counts and sums of loan amounts (AUD) by stage, every stage in its order, and of all together.

    `average_days_in_stage` is how long those that are there now have been there; None without any.
    """
    found = {
        row.pop("stage"): row
        for row in applications.order_by()
        .values("stage")
        .annotate(
            count=Count("pk"),
            total_amount=Sum("loan_amount"),
            waited=Avg(Now() - F("stage_entered_at")),
            oldest=Min("stage_entered_at"),
        )
    }
    stages = [_column(Stage(stage), found.get(stage)) for stage in (*PATH, *ASIDE)]
    return {
        "stages": stages,
        "count": sum(column["count"] for column in stages),
        "total_amount": sum((column["total_amount"] for column in stages), Decimal("0.00")),
    }


def _column(stage: Stage, row: dict[str, Any] | None) -> dict[str, Any]:
    head = {"stage": stage, "stage_display": stage.label}
    if row is None:
        return {**head, **_NOTHING}
    days = Decimal(row.pop("waited").total_seconds()) / 86400
    return {**head, **row, "average_days_in_stage": days.quantize(Decimal("0.1"))}
