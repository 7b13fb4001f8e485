"""Who may do what with leads, interactions, appointments and reviews."""

from typing import Any

from crm_backend.common.policy import ADMIN, Policy, only
from engagement.models import Appointment, Interaction, Lead, OfficeHours, Review
from users.choices import Role
from users.permissions import EVERYONE

# --- leads ------------------------------------------------------------------------------------

PEOPLE = (ADMIN, Role.BD, Role.BROKER)
STAFF = (ADMIN, Role.BD)

LEADS = Policy(
    "leads",
    Lead,
    {
        "list": PEOPLE,
        "retrieve": PEOPLE,
        "create": PEOPLE,
        "update": PEOPLE,
        "destroy": (ADMIN,),
        "set_status": PEOPLE,
        "score": PEOPLE,
        "assign": STAFF,
        "convert": PEOPLE,
        "timeline": PEOPLE,
        "hot": PEOPLE,
        "stats": PEOPLE,
        "bulk_import": PEOPLE,
        "bulk_import_template": PEOPLE,
    },
    takes_submissions=True,
)


# --- appointments, interactions, reviews ---

WORKERS = (ADMIN, Role.BD, Role.BROKER)


def own_appointment(user: Any, appointment: Appointment) -> str:
    """Where one is the host."""
    return "" if appointment.host_id == user.pk else "This appointment is its host's to change."


HOSTS_CHANGE = (ADMIN, Role.BD, only(Role.BROKER, own_appointment))

APPOINTMENTS = Policy(
    "appointments",
    Appointment,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": EVERYONE,
        "availability": EVERYONE,
        "update": HOSTS_CHANGE,
        "destroy": (ADMIN,),
        "complete": HOSTS_CHANGE,
        "cancel": (*HOSTS_CHANGE, Role.CLIENT),
        "reschedule": (*HOSTS_CHANGE, Role.CLIENT),
    },
)


def own_hours(user: Any, hours: OfficeHours) -> str:
    """One's own."""
    return "" if hours.host_id == user.pk else "These are somebody else's office hours."


# Brokers see no others' at all.
OWN_HOURS = (ADMIN, only(Role.BD, own_hours), Role.BROKER)

OFFICE_HOURS = Policy(
    "office-hours",
    OfficeHours,
    {
        "list": WORKERS,
        "retrieve": WORKERS,
        "create": WORKERS,
        "update": OWN_HOURS,
        "destroy": OWN_HOURS,
    },
)


def own_interaction(user: Any, interaction: Interaction) -> str:
    """One's own."""
    return "" if interaction.author_id == user.pk else "Somebody else wrote this."


OWN_INTERACTIONS = (ADMIN, only(Role.BD, own_interaction), only(Role.BROKER, own_interaction))

INTERACTIONS = Policy(
    "interactions",
    Interaction,
    {
        "list": WORKERS,
        "retrieve": WORKERS,
        "create": WORKERS,
        "update": OWN_INTERACTIONS,
        "destroy": OWN_INTERACTIONS,
    },
)

REVIEWS = Policy(
    "reviews",
    Review,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "summary": WORKERS,
        "create": (Role.CLIENT,),
        "update": (Role.CLIENT,),
        "respond": WORKERS,
        "hide": (ADMIN,),
    },
)
