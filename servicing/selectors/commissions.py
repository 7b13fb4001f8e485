"""Which commission terms apply, and what the commissions of a broker or a partner come to."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from applications.models import Application
from brokers.models import Broker, Partnership
from servicing.allocation import ZERO
from servicing.choices import CommissionKind, CommissionStatus
from servicing.models import Commission, CommissionTerms

CLAWBACKS = (CommissionKind.CLAWBACK, CommissionKind.CLAWBACK_REVERSED)
# What each figure is, told with the figures.
DEFINITIONS = {
    "accrued": "Upfront and trail commissions, paid or not, in the month of their value date.",
    "clawed_back": "Clawbacks less those reversed, paid or not, in the month of their value date.",
    "paid": "Commissions marked as paid less clawbacks marked as recovered, in the month of the payment.",
    "payable": "accrued - clawed_back - paid. Negative: more was clawed back than is still to be paid.",
}


def commission_terms_for(application: Application) -> CommissionTerms | None:
    """The terms for a broker and product, else the broker's, else the product's, else those for all."""
    if application.broker_id is None:
        return None
    rows = CommissionTerms.objects.filter(
        Q(broker=application.broker_id) | Q(broker=None), Q(product=application.product_id) | Q(product=None)
    )
    return rows.order_by(F("broker").asc(nulls_last=True), F("product").asc(nulls_last=True)).first()


def commission_summary(broker: Broker) -> dict[str, Any]:
    """The figures of a broker as `DEFINITIONS` says, the broker's and the branch's parts apart, AUD."""
    return {"broker": broker.pk, **_summary(Commission.objects.filter(broker=broker), ("broker", "branch"))}


def partner_commission_summary(partnership: Partnership) -> dict[str, Any]:
    """The figures of a referral partner as `DEFINITIONS` says, AUD."""
    rows = Commission.objects.filter(partnership=partnership)
    return {"partnership": partnership.pk, **_summary(rows, ("partner",))}


def _summary(rows: QuerySet[Any], parts: tuple[str, ...]) -> dict[str, Any]:
    """Sums of the amounts of these parts, in all and by month."""
    months: defaultdict[date, dict[str, dict[str, Decimal]]]
    months = defaultdict(lambda: {part: _zeros() for part in parts})
    clawed = Q(kind__in=CLAWBACKS)
    accrued: dict[str, Any] = {}
    paid: dict[str, Any] = {}
    for part in parts:
        amount = f"{part}_amount"
        accrued[f"{part}_accrued"] = Sum(amount, filter=~clawed, default=ZERO)
        accrued[f"{part}_clawed_back"] = -Sum(amount, filter=clawed, default=ZERO)
        paid[f"{part}_paid"] = Sum(amount)
    rows = rows.order_by()
    for row in rows.annotate(in_month=TruncMonth("accrued_on")).values("in_month").annotate(**accrued):
        _put(months[row.pop("in_month")], row)
    of_paid = rows.filter(status=CommissionStatus.PAID).annotate(in_month=TruncMonth("paid_on"))
    for row in of_paid.values("in_month").annotate(**paid):
        _put(months[row.pop("in_month")], row)
    return {
        **{f"as_{part}": _total([figures[part] for figures in months.values()]) for part in parts},
        "by_month": [
            {"month": month, **{f"as_{part}": months[month][part] for part in parts}}
            for month in sorted(months)
        ],
        "definitions": DEFINITIONS,
    }


def _zeros() -> dict[str, Decimal]:
    return {"accrued": ZERO, "clawed_back": ZERO, "paid": ZERO}


def _put(parts: dict[str, dict[str, Decimal]], row: dict[str, Decimal]) -> None:
    """Sort sums such as `broker_paid` by part and figure."""
    for name, amount in row.items():
        part, figure = name.split("_", 1)
        parts[part][figure] = amount


def _total(parts: list[dict[str, Decimal]]) -> dict[str, Decimal]:
    total = {name: sum((part[name] for part in parts), ZERO) for name in _zeros()}
    return {**total, "payable": total["accrued"] - total["clawed_back"] - total["paid"]}
