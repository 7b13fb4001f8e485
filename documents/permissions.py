"""Who may do what with documents, notes, templates and signatures."""

from typing import Any

from crm_backend.common.policy import ADMIN, ByPeople, Policy, only
from documents.models import Batch, Document, LetterTemplate, Note, NoteComment, SignatureRequest
from users.choices import Role
from users.permissions import EVERYONE


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

WRITERS = (ADMIN, Role.BD, Role.BROKER)


def own_note(user: Any, note: Note) -> str:
    """One's own."""
    return "" if note.author_id == user.pk else "This note is somebody else's."


def own_comment(user: Any, comment: NoteComment) -> str:
    """One's own."""
    return "" if comment.author_id == user.pk else "This comment is somebody else's."


NOTES = Policy(
    "notes",
    Note,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": WRITERS,
        "update": (ADMIN, Role.BD, only(Role.BROKER, own_note)),
        "destroy": (ADMIN, only(Role.BD, own_note), only(Role.BROKER, own_note)),
    },
)

NOTE_COMMENTS = Policy(
    "note-comments",
    NoteComment,
    {
        "list": EVERYONE,
        "create": WRITERS,
        "destroy": (ADMIN, only(Role.BD, own_comment), only(Role.BROKER, own_comment)),
    },
)

STAFF = (ADMIN, Role.BD)

TEMPLATES = Policy(
    "templates",
    LetterTemplate,
    {
        "list": STAFF,
        "retrieve": STAFF,
        "preview": STAFF,
        "source": STAFF,
        "create": (ADMIN,),
        "update": (ADMIN,),
        "destroy": (ADMIN,),
    },
)

# By type; the application that a letter is of is chosen among the visible ones.
LETTERS = Policy("letters", None, dict.fromkeys(["types", "generate", "preview", "source"], STAFF))


def own_request(user: Any, request: SignatureRequest) -> str:
    """One's own."""
    return "" if request.created_by_id == user.pk else "This request for signatures is somebody else's."


def is_signer(user: Any, request: SignatureRequest) -> str:
    """Where one is asked to sign."""
    return "" if request.signers.filter(user=user).exists() else "You are not asked to sign this."


SIGNERS = tuple(only(role, is_signer) for role in EVERYONE)

SIGNATURE_REQUESTS = Policy(
    "signature-requests",
    SignatureRequest,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "file": EVERYONE,
        "verify": EVERYONE,
        "create": WRITERS,
        "cancel": (ADMIN, Role.BD, only(Role.BROKER, own_request)),
        "remind": (ADMIN, Role.BD, only(Role.BROKER, own_request)),
        "sign": SIGNERS,
        "decline": SIGNERS,
    },
    # A signature is a person's own; no program gives it.
    by_people=ByPeople.WRITES,
)
