"""Which commission terms apply, and what a broker's commissions come to."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, Sum
from django.db.models.functions import TruncMonth

from applications.models import Application
from brokers.models import Broker
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
    months: defaultdict[date, dict[str, dict[str, Decimal]]]
    months = defaultdict(lambda: {"broker": _zeros(), "branch": _zeros()})
    clawed = Q(kind__in=CLAWBACKS)
    rows = Commission.objects.filter(broker=broker).order_by()
    accrued = rows.annotate(in_month=TruncMonth("accrued_on")).values("in_month")
    for row in accrued.annotate(
        broker_accrued=Sum("broker_amount", filter=~clawed, default=ZERO),
        branch_accrued=Sum("branch_amount", filter=~clawed, default=ZERO),
        broker_clawed_back=-Sum("broker_amount", filter=clawed, default=ZERO),
        branch_clawed_back=-Sum("branch_amount", filter=clawed, default=ZERO),
    ):
        _put(months[row.pop("in_month")], row)
    paid = rows.filter(status=CommissionStatus.PAID).annotate(in_month=TruncMonth("paid_on"))
    for row in paid.values("in_month").annotate(
        broker_paid=Sum("broker_amount"), branch_paid=Sum("branch_amount")
    ):
        _put(months[row.pop("in_month")], row)
    return {
        "broker": broker.pk,
        "as_broker": _total([parts["broker"] for parts in months.values()]),
        "as_branch": _total([parts["branch"] for parts in months.values()]),
        "by_month": [
            {"month": month, "as_broker": months[month]["broker"], "as_branch": months[month]["branch"]}
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
