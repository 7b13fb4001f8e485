"""Who may do what with notes."""

from crm_backend.common.policy import ADMIN, Policy
from documents.models import Note
from users.choices import Role
from users.permissions import EVERYONE

NOTES = Policy("notes", Note, {"list": EVERYONE, "create": (ADMIN, Role.BD, Role.BROKER)})
