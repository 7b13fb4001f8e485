"""Who may do what with branches, BDMs and brokers, and with the lender's team."""

from brokers.models import Bdm, Branch, Broker
from crm_backend.common.policy import ADMIN, ByPeople, Policy
from users.choices import Role
from users.models import User
from users.permissions import EVERYONE

BRANCHES = Policy(
    "branches",
    Branch,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": (ADMIN,),
        "update": (ADMIN,),
        "destroy": (ADMIN,),
        "brokers": (ADMIN, Role.BD, Role.BROKER),
        "bdms": (ADMIN, Role.BD, Role.BROKER),
        "team": (ADMIN, Role.BD),
    },
)

BDMS = Policy(
    "bdms",
    Bdm,
    {
        "list": (ADMIN, Role.BD, Role.BROKER),
        "retrieve": (ADMIN, Role.BD, Role.BROKER),
        "create": (ADMIN,),
        "update": (ADMIN,),
        "destroy": (ADMIN,),
        "applications": (ADMIN, Role.BD),
        "portfolio": (ADMIN, Role.BD),
    },
)

BROKERS = Policy(
    "brokers",
    Broker,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": (ADMIN,),
        "update": (ADMIN,),
        "destroy": (ADMIN,),
        "applications": (ADMIN, Role.BD, Role.BROKER),
        "stats": (ADMIN, Role.BD, Role.BROKER),
        "commission_summary": (ADMIN, Role.BD, Role.BROKER),
    },
)

# Accounts of staff together with their BDM profiles.
TEAM = Policy(
    "team-members",
    User,
    {
        "list": (ADMIN, Role.BD),
        "retrieve": (ADMIN, Role.BD),
        "create": (ADMIN,),
        "update": (ADMIN,),
        "destroy": (ADMIN,),
    },
    by_people=ByPeople.WRITES,
)
