"""Writing notes and comments, and reminding of them."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from applications.models import Application
from applications.selectors.applications import people_of
from crm_backend.common.errors import InvalidInput
from crm_backend.common.models import save_changes
from documents.choices import NoteVisibility
from documents.events import (
    BrokerNoteAdded,
    BrokerNoteCommented,
    InternalNoteAdded,
    InternalNoteCommented,
    NoteAdded,
    NoteAssigned,
    NoteCommentDeleted,
    NoteCommented,
    NoteDeleted,
    NoteReminderDue,
    NoteUpdated,
)
from documents.models import Note, NoteComment
from events.services import emit
from users.choices import Role
from users.models import User

ADDED = {
    NoteVisibility.INTERNAL: InternalNoteAdded,
    NoteVisibility.BROKER: BrokerNoteAdded,
    NoteVisibility.CLIENT: NoteAdded,
}
COMMENTED = {
    NoteVisibility.INTERNAL: InternalNoteCommented,
    NoteVisibility.BROKER: BrokerNoteCommented,
    NoteVisibility.CLIENT: NoteCommented,
}
READERS = {
    NoteVisibility.INTERNAL: (Role.ADMIN, Role.BD),
    NoteVisibility.BROKER: (Role.ADMIN, Role.BD, Role.BROKER),
    NoteVisibility.CLIENT: tuple(Role),
}
REMINDED_AT_ONCE = 200


def note_add(
    *,
    application: Application,
    author: Any,
    text: str,
    visibility: NoteVisibility,
    assigned_to: User | None = None,
    remind_date: date | None = None,
) -> Note:
    """Add a note, and tell those on the application who may read it.

    Raises:
        InvalidInput: it is assigned to somebody who does not see it.
    """
    with transaction.atomic():
        note = Note.objects.create(
            application=application,
            author=author,
            text=text,
            visibility=visibility,
            assigned_to=assigned_to,
            remind_date=remind_date,
        )
        _check_assignee(note)
        readers = User.objects.active().filter(pk__in=people_of(application), role__in=READERS[visibility])
        emit(
            ADDED[visibility](
                reference=application.reference_number,
                author_name=author.full_name,
                note_id=note.pk,
            ),
            actor=author,
            subject=note,
            application_id=application.pk,
            recipients=readers,
        )
        if assigned_to is not None:
            _tell_assignee(note, author)
    return note


def note_update(*, note: Note, actor: Any, **fields: Any) -> Note:
    """Edit a note; call it with the row locked. A date that is moved is reminded of again.

    Raises:
        InvalidInput: it would be assigned to somebody who does not see it.
    """
    before = note.assigned_to_id
    if "remind_date" in fields and fields["remind_date"] != note.remind_date:
        fields["reminded_at"] = None
    with transaction.atomic():
        if changed := save_changes(note, fields):
            _check_assignee(note)
            names = ", ".join(name for name in changed if name != "reminded_at")
            payload = NoteUpdated(
                reference=note.application.reference_number, note_id=note.pk, field_names=names
            )
            emit(payload, actor=actor, subject=note, application_id=note.application_id)
            if note.assigned_to_id not in (before, None):
                _tell_assignee(note, actor)
    return note


def note_delete(*, note: Note, actor: Any) -> None:
    """Delete a note with the comments on it; call it with the row locked."""
    with transaction.atomic():
        payload = NoteDeleted(reference=note.application.reference_number, note_id=note.pk)
        emit(payload, actor=actor, subject=note, application_id=note.application_id)
        note.delete()


def comment_add(*, note: Note, author: Any, text: str) -> NoteComment:
    """Reply to a note, and tell its author, its assignee and those who replied before."""
    with transaction.atomic():
        comment = NoteComment.objects.create(note=note, author=author, text=text)
        concerned = {note.author_id, note.assigned_to_id}
        concerned.update(note.comments.values_list("author", flat=True))
        emit(
            COMMENTED[NoteVisibility(note.visibility)](
                reference=note.application.reference_number,
                author_name=author.full_name,
                note_id=note.pk,
                comment_id=comment.pk,
            ),
            actor=author,
            subject=note,
            application_id=note.application_id,
            recipients=_readers_among(note, concerned),
        )
    return comment


def comment_delete(*, comment: NoteComment, actor: Any) -> None:
    """Delete a reply."""
    note = comment.note
    with transaction.atomic():
        payload = NoteCommentDeleted(
            reference=note.application.reference_number, note_id=note.pk, comment_id=comment.pk
        )
        emit(payload, actor=actor, subject=note, application_id=note.application_id)
        comment.delete()


def notes_remind(today: date) -> int:
    """Remind author and assignee of every note whose day has come and who were not reminded; how many notes.

    Each is marked in the transaction of its event: a run that is repeated, killed or late tells once.
    """
    told = 0
    while True:
        with transaction.atomic():
            due = Note.objects.filter(remind_date__lte=today, reminded_at=None)
            chosen = due.order_by("remind_date", "pk").select_for_update(skip_locked=True, of=("self",))
            notes = list(chosen.select_related("application")[:REMINDED_AT_ONCE])
            for note in notes:
                _remind(note)
        told += len(notes)
        if len(notes) < REMINDED_AT_ONCE:
            return told


def _remind(note: Note) -> None:
    assert note.remind_date is not None
    Note.objects.filter(pk=note.pk).update(reminded_at=timezone.now())
    emit(
        NoteReminderDue(
            reference=note.application.reference_number,
            note_id=note.pk,
            remind_date=note.remind_date.isoformat(),
        ),
        actor=None,
        subject=note,
        application_id=note.application_id,
        recipients=_readers_among(note, {note.author_id, note.assigned_to_id}),
    )


def _readers_among(note: Note, ids: Iterable[int | None]) -> list[User]:
    """Those of some users who see the note still."""
    users = User.objects.active().filter(pk__in=[pk for pk in ids if pk is not None])
    return [user for user in users if Note.objects.visible_to(user).filter(pk=note.pk).exists()]


def _check_assignee(note: Note) -> None:
    if note.assigned_to_id is not None and not _readers_among(note, [note.assigned_to_id]):
        raise InvalidInput.field("assigned_to", "This person does not see the note.")


def _tell_assignee(note: Note, actor: Any) -> None:
    assert note.assigned_to is not None
    emit(
        NoteAssigned(
            reference=note.application.reference_number,
            note_id=note.pk,
            assignee_name=note.assigned_to.full_name,
            actor_name=actor.full_name,
        ),
        actor=actor,
        subject=note,
        application_id=note.application_id,
        recipients=[note.assigned_to],
    )
