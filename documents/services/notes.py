"""Writing notes."""

from typing import Any

from django.db import transaction

from applications.models import Application
from applications.selectors.applications import people_of
from documents.choices import NoteVisibility
from documents.events import BrokerNoteAdded, InternalNoteAdded, NoteAdded
from documents.models import Note
from events.services import emit
from users.choices import Role
from users.models import User

EVENTS = {
    NoteVisibility.INTERNAL: InternalNoteAdded,
    NoteVisibility.BROKER: BrokerNoteAdded,
    NoteVisibility.CLIENT: NoteAdded,
}
READERS = {
    NoteVisibility.INTERNAL: (Role.ADMIN, Role.BD),
    NoteVisibility.BROKER: (Role.ADMIN, Role.BD, Role.BROKER),
    NoteVisibility.CLIENT: tuple(Role),
}


def note_add(*, application: Application, author: Any, text: str, visibility: NoteVisibility) -> Note:
    """Add a note, and tell those on the application who may read it."""
    with transaction.atomic():
        note = Note.objects.create(application=application, author=author, text=text, visibility=visibility)
        readers = User.objects.active().filter(pk__in=people_of(application), role__in=READERS[visibility])
        emit(
            EVENTS[visibility](
                reference=application.reference_number,
                author_name=author.full_name,
                note_id=note.pk,
            ),
            actor=author,
            subject=note,
            application_id=application.pk,
            recipients=readers,
        )
    return note
