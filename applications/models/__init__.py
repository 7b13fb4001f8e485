"""The rows of this app: `products`, `applications`, `securities`, `signatures`."""

from applications.models.applications import (
    Application,
    ApplicationBorrower,
    ApplicationGuarantor,
    FundingCalculation,
    SearchDocument,
    StageChange,
    new_reference,
)
from applications.models.products import Product
from applications.models.securities import Security, loan_to_value
from applications.models.signatures import Signature

__all__ = [
    "Application",
    "ApplicationBorrower",
    "ApplicationGuarantor",
    "FundingCalculation",
    "Product",
    "SearchDocument",
    "Security",
    "Signature",
    "StageChange",
    "loan_to_value",
    "new_reference",
]
