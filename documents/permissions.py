"""Who may do what with notes and documents."""

from typing import Any

from crm_backend.common.policy import ADMIN, Policy, only
from documents.models import Batch, Document, Note
from users.choices import Role
from users.permissions import EVERYONE

NOTES = Policy("notes", Note, {"list": EVERYONE, "create": (ADMIN, Role.BD, Role.BROKER)})


def own_document(user: Any, document: Document) -> str:
    """One's own uploads."""
    return "" if document.created_by_id == user.pk else "This document is for who uploaded it to change."


DOCUMENTS = Policy(
    "documents",
    Document,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "download": EVERYONE,
        "thumbnail": EVERYONE,
        "versions": EVERYONE,
        "version_download": EVERYONE,
        "create": EVERYONE,
        "create_version": (ADMIN, Role.BD, Role.BROKER, only(Role.CLIENT, own_document)),
        "update": (ADMIN, Role.BD, Role.BROKER),
        "destroy": (ADMIN, Role.BD, only(Role.BROKER, own_document)),
    },
)

BATCHES = Policy(
    "document-batches",
    Batch,
    {"list": EVERYONE, "retrieve": EVERYONE, "create": EVERYONE, "download": EVERYONE},
)
