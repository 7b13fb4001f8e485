"""Who may do what with notes, comments, templates and signatures."""

from typing import Any

from crm_backend.common.policy import ADMIN, Policy, only
from documents.models import LetterTemplate, Note, NoteComment
from users.choices import Role
from users.permissions import EVERYONE

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
