"""Who may do what with borrowers, what they own and owe, and guarantors."""

from borrowers.models import Asset, Borrower, BorrowerMerge, DuplicatePair, Guarantor, Liability
from crm_backend.common.policy import ADMIN, Policy
from users.choices import Role
from users.permissions import EVERYONE

STAFF_AND_BROKERS = (ADMIN, Role.BD, Role.BROKER)

BORROWERS = Policy(
    "borrowers",
    Borrower,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": STAFF_AND_BROKERS,
        "company": STAFF_AND_BROKERS,
        # A client's own profile: contact data only, by the serializer.
        "update": EVERYONE,
        "destroy": (ADMIN,),
        "guarantors": EVERYONE,
        "applications": EVERYONE,
        "financial_summary": EVERYONE,
        "timeline": EVERYONE,
        "duplicates": STAFF_AND_BROKERS,
        # Within that, who does not see all applications of the two leaves it to an administrator.
        "merge": (ADMIN, Role.BD),
    },
)

MERGES = Policy(
    "borrower-merges",
    BorrowerMerge,
    {"list": (ADMIN, Role.BD), "retrieve": (ADMIN, Role.BD), "undo": (ADMIN, Role.BD)},
)

PAIRS = Policy(
    "duplicate-pairs",
    DuplicatePair,
    dict.fromkeys(["list", "retrieve", "dismiss", "reopen"], (ADMIN, Role.BD)),
)

_HOLDING_ACTIONS = {
    "list": EVERYONE,
    "retrieve": EVERYONE,
    "create": STAFF_AND_BROKERS,
    "update": STAFF_AND_BROKERS,
    "destroy": STAFF_AND_BROKERS,
}
ASSETS = Policy("assets", Asset, _HOLDING_ACTIONS)
LIABILITIES = Policy("liabilities", Liability, _HOLDING_ACTIONS)

GUARANTORS = Policy(
    "guarantors",
    Guarantor,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": STAFF_AND_BROKERS,
        "update": STAFF_AND_BROKERS,
        "destroy": (ADMIN,),
        "guaranteed_applications": EVERYONE,
    },
)
