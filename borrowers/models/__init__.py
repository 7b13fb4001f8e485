"""The rows of this app: `parties` (borrowers, guarantors, what they own and owe), `merges` (and pairs)."""

from borrowers.models.merges import BorrowerMerge, DuplicatePair, PairingState
from borrowers.models.parties import (
    Asset,
    Borrower,
    Guarantor,
    Holding,
    Liability,
    Party,
    validate_birth_date,
    validate_not_in_future,
)

__all__ = [
    "Asset",
    "Borrower",
    "BorrowerMerge",
    "DuplicatePair",
    "Guarantor",
    "Holding",
    "Liability",
    "PairingState",
    "Party",
    "validate_birth_date",
    "validate_not_in_future",
]
