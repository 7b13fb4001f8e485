"""Who may do what with branches, BDMs, brokers and partnerships, and with the lender's team."""

from brokers.models import Bdm, Branch, Broker, Partnership
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

# The lender's own matter: brokers are not shown who else brings it loans.
PARTNERSHIPS = Policy(
    "partnerships",
    Partnership,
    {
        "list": (ADMIN, Role.BD),
        "retrieve": (ADMIN, Role.BD),
        "create": (ADMIN, Role.BD),
        "update": (ADMIN, Role.BD),
        "destroy": (ADMIN,),
        "change_status": (ADMIN, Role.BD),
        "referrals": (ADMIN, Role.BD),
        "commission_summary": (ADMIN, Role.BD),
    },
)

# Accounts of staff together with their BDM profiles.
TEAM = Policy(
    "team-members",
    User,
    {
        "list": (ADMIN, Role.BD),
        "retrieve": (ADMIN, Role.BD),
        "workload": (ADMIN, Role.BD),
        "performance": (ADMIN, Role.BD),
        "create": (ADMIN,),
        "update": (ADMIN,),
        "destroy": (ADMIN,),
    },
    by_people=ByPeople.WRITES,
)
