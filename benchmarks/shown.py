"""Where a reply of the product has what the floor of reports calls by a name of its own."""

from collections.abc import Callable
from typing import Any


def _tile(name: str, *, both: bool = True) -> Callable[[Any], Any]:
    def find(body: Any) -> Any:
        (tile,) = (tile for tile in body["tiles"] if tile["key"] == name)
        return [tile["value"], tile["previous"]] if both else tile["value"]

    return find


def _rows(name: str, *members: str) -> Callable[[Any], Any]:
    return lambda body: sorted(
        [row[member] for member in members] for row in body[name] if row[members[0]] is not None
    )


def _brokers(*members: str) -> Callable[[Any], Any]:
    return lambda body: [[row["broker_id"], *(row[member] for member in members)] for row in body["brokers"]]


SHOWN: dict[str, Callable[[Any], Any]] = {
    "application-volume.bds": _rows("bd_breakdown", "bd_id", "count", "total_amount"),
    "broker-performance.listed": _brokers(
        "total_applications", "total_loan_amount", "settled_applications", "settled_amount",
        "declined_applications", "approval_rate", "average_days_to_settlement",
    ),
    "arrears-ageing.buckets": lambda body: [
        [row[member] for member in ("loans", "principal", "amount_past_due")] for row in body["buckets"]
    ],
    "commission.listed": _brokers("total_commissions", "net", "broker_amount"),
    "commission.months": _rows("monthly_breakdown", "month", "total_commissions", "net"),
    "loan-portfolio.lvr": _rows("by_lvr", "key", "count", "principal"),
    "loan-portfolio.type": _rows("by_type", "key", "count", "principal"),
    "team.team": _rows(
        "team", "bd_id", "opened", "settled", "settled_amount", "open_applications", "open_amount"
    ),
    "custom.groups": _rows(
        "rows", "stage", "created_month", "count", "total_loan_amount", "weighted_rate"
    ),
    "custom-rows.groups": _rows("rows", "stage", "created_month", "count", "total_loan_amount"),
    "revenue.series": lambda body: [
        [point["date"], point["value"]]
        for tile in body["tiles"] if tile["key"] == "cash_received"
        for point in tile["series"] if point["value"] != "0.00"
    ],
    **{f"revenue.{name}": _tile(name) for name in ("cash_received", "interest_income", "commissions")},
    **{
        f"dashboard.{name}": _tile(name)
        for name in ("total_applications", "total_loan_amount", "overall_success_rate", "compliance_rate")
    },
    **{f"dashboard.{name}": _tile(name, both=False) for name in ("total_balance", "loans_in_arrears")},
}  # fmt: skip


def differences(name: str, body: Any, found: dict[str, Any]) -> list[str]:
    """In what a reply is not what the floor found."""
    wrong = []
    for key, value in found.items():
        shown = SHOWN.get(f"{name}.{key}", lambda body, key=key: body.get(key))(body)
        if shown != value:
            wrong.append(f"{key}: floor {str(value)[:200]}, product {str(shown)[:200]}")
    return wrong
