"""Who may do what with users."""

from typing import Any

from crm_backend.common.policy import ADMIN, ByPeople, Policy
from events.registry import Audience
from users.choices import Role
from users.models import ApiKey, Session, User

EVERYONE = tuple(Role.values)

# How far timelines trust each role.
READERS: dict[str, Audience] = {
    Role.ADMIN: Audience.STAFF,
    Role.BD: Audience.STAFF,
    Role.BROKER: Audience.PARTNERS,
    Role.CLIENT: Audience.EVERYONE,
}


def reader_of(user: Any) -> Audience:
    """How far a timeline trusts this user, or somebody without a login."""
    return READERS.get(getattr(user, "role", ""), Audience.EVERYONE)


USERS = Policy(
    "users",
    User,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "me": EVERYONE,
        "create": (ADMIN,),
        "update": (ADMIN,),
        "destroy": (ADMIN,),
        "approve": (ADMIN,),
        "activate": (ADMIN,),
        "suspend": (ADMIN,),
        "force_logout": (ADMIN,),
    },
    by_people=ByPeople.WRITES,
)

SESSIONS = Policy(
    "sessions",
    Session,
    {
        "list": (ADMIN,),
        "destroy": (ADMIN,),
    },
    by_people=ByPeople.EVERYTHING,
)

API_KEYS = Policy(
    "api-keys",
    ApiKey,
    {
        "list": (ADMIN,),
        "retrieve": (ADMIN,),
        "create": (ADMIN,),
        "update": (ADMIN,),
        "destroy": (ADMIN,),
        "rotate": (ADMIN,),
    },
    by_people=ByPeople.EVERYTHING,
)
