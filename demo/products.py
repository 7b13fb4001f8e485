"""What the lender of the demo offers: a product for each type of loan, with limits that its loans keep to."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from applications.choices import (
    UNSECURED_TYPES,
    ApplicationType,
    RepaymentFrequency,
    RepaymentMethod,
    Rounding,
)
from applications.models import Product
from brokers.models import Broker
from demo.details import Fields
from servicing.choices import ClawbackMethod
from servicing.models import CommissionTerms

# The lender's rates, percent, and fees, AUD.
FUNDING_TERMS: Fields = {
    "establishment_fee_rate": Decimal("1.5000"),
    "capped_interest_months": 3,
    "monthly_line_fee_rate": Decimal("0.0500"),
    "brokerage_fee_rate": Decimal("1.0000"),
    "application_fee": Decimal("295.00"),
    "due_diligence_fee": Decimal("0.00"),
    "legal_fee_before_gst": Decimal("180.00"),
    "valuation_fee": Decimal("220.00"),
    "monthly_account_fee": Decimal("10.00"),
    "working_fee": Decimal("0.00"),
}
LATE_FEE, LATE_FEE_AFTER_DAYS = Decimal("25.00"), 5
NAMES = {
    ApplicationType.RESIDENTIAL: ("Home equity", "HOME"),
    ApplicationType.COMMERCIAL: ("Business", "BUSINESS"),
    ApplicationType.CONSTRUCTION: ("Small build", "BUILD"),
    ApplicationType.REFINANCE: ("Refinance", "REFI"),
    ApplicationType.INVESTMENT: ("Rental property", "RENTAL"),
    ApplicationType.SMSF: ("Super fund", "SMSF"),
    ApplicationType.PERSONAL: ("Personal", "PERSONAL"),
    ApplicationType.ASSET_FINANCE: ("Vehicle and equipment", "ASSET"),
}
# What is worth little more than the loan may be lent against in full; property is not.
MOVABLE = {ApplicationType.ASSET_FINANCE, ApplicationType.COMMERCIAL}
ALLOWED = [RepaymentFrequency.WEEKLY, RepaymentFrequency.FORTNIGHTLY, RepaymentFrequency.MONTHLY]


def products() -> list[tuple[ApplicationType, Product]]:
    """One for each type, in the order of the types."""
    return [(kind, Product(**_fields(kind))) for kind in ApplicationType]


def commission_terms(on_offer: Mapping[str, Product], preferred: Broker) -> Iterator[CommissionTerms]:
    """Those for all, for vehicles and equipment without a trail, and better ones for one broker."""
    vehicles = on_offer[ApplicationType.ASSET_FINANCE]
    for broker, product, rates in (
        (None, None, ("0.6500", "0.1500", "20.0000", 18, ClawbackMethod.PRO_RATA)),
        (None, vehicles, ("2.0000", "0.0000", "25.0000", 12, ClawbackMethod.FULL)),
        (preferred, None, ("0.8000", "0.2000", "15.0000", 12, ClawbackMethod.PRO_RATA)),
    ):
        upfront, trail, branch, months, method = rates
        yield CommissionTerms(
            broker=broker,
            product=product,
            upfront_rate=Decimal(upfront),
            trail_rate=Decimal(trail),
            branch_share=Decimal(branch),
            clawback_months=months,
            clawback_percentage=Decimal("100.0000"),
            clawback_method=method.value,
        )


def _fields(kind: ApplicationType) -> dict[str, Any]:
    name, code = NAMES[kind]
    secured = kind not in UNSECURED_TYPES
    return {
        "name": name,
        "code": code,
        "description": f"{kind.label} loans up to 50,000 AUD over three or five years.",
        "is_secured": secured,
        "application_types": [kind.value],
        "repayment_frequencies": [frequency.value for frequency in ALLOWED],
        "min_loan_amount": Decimal("500.00"),
        "max_loan_amount": Decimal("50000.00"),
        "min_loan_term": 12,
        "max_loan_term": 84,
        "min_interest_rate": Decimal("4.0000"),
        "max_interest_rate": Decimal("36.0000"),
        "max_loan_to_value_ratio": _max_lvr(kind) if secured else None,
        "repayment_method": RepaymentMethod.EQUAL_INSTALMENTS.value,
        "rounding": Rounding.HALF_UP.value,
        "late_fee": LATE_FEE,
        "late_fee_after_days": LATE_FEE_AFTER_DAYS,
        **FUNDING_TERMS,
    }


def _max_lvr(kind: ApplicationType) -> Decimal:
    return Decimal("100.00") if kind in MOVABLE else Decimal("80.00")
