"""Shapes: `parties` (borrowers, guarantors), their `parts`, `holdings`, `finances`, `duplicates`, `timeline`.

Named here is what other apps nest in theirs.
"""

from borrowers.serializers.parties import (
    BorrowerSerializer,
    BorrowerSummarySerializer,
    CompanyBorrowerSerializer,
    GuarantorSerializer,
    GuarantorSummarySerializer,
)

__all__ = [
    "BorrowerSerializer",
    "BorrowerSummarySerializer",
    "CompanyBorrowerSerializer",
    "GuarantorSerializer",
    "GuarantorSummarySerializer",
]
