"""Who may do what with borrowers and guarantors."""

from borrowers.models import Borrower, Guarantor
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
    },
)

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
