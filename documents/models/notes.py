"""Notes, and comments on them."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from applications.models import Application
from crm_backend.common.models import TimestampedModel
from crm_backend.common.scoping import EVERYTHING, Scope, ScopedQuerySet, through
from documents.choices import NoteVisibility
from users.choices import Role


def marked(label: str, *levels: NoteVisibility) -> Scope:
    """Notes on visible applications that are meant for such a reader."""
    parent = through("application")
    return Scope(label, lambda notes, user: parent.rows(notes, user) & Q(visibility__in=levels))


class NoteQuerySet(ScopedQuerySet):
    """Notes, by who may see which."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: through("application"),
        Role.BROKER: marked(
            "those on visible applications, but not the staff's internal ones",
            NoteVisibility.BROKER,
            NoteVisibility.CLIENT,
        ),
        Role.CLIENT: marked("those on own applications marked for the client", NoteVisibility.CLIENT),
    }


class Note(TimestampedModel):
    """A remark on an application, maybe for somebody to act on.

    On `remind_date`, a business date, author and assignee are reminded once; `reminded_at` is when that was
    done, and is empty again when the date is moved.
    """

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="notes", db_index=False
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    text = models.TextField(max_length=10_000)
    visibility = models.CharField(
        max_length=16, choices=NoteVisibility.choices, default=NoteVisibility.INTERNAL
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    remind_date = models.DateField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)

    objects = NoteQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="note_reminded_of_a_date", condition=Q(reminded_at=None) | Q(remind_date__isnull=False)
            )
        ]
        indexes = [
            models.Index(name="note_recent", fields=["application", "-created_at", "-id"]),
            models.Index(name="note_newest", fields=["-created_at", "-id"]),
            models.Index(name="note_of_author", fields=["author", "-created_at", "-id"]),
            models.Index(name="note_of_assignee", fields=["assigned_to", "-created_at", "-id"]),
            models.Index(name="note_remind_date", fields=["remind_date", "id"]),
            models.Index(
                name="note_to_remind_of",
                fields=["remind_date", "id"],
                condition=Q(remind_date__isnull=False, reminded_at=None),
            ),
            GinIndex(OpClass(Upper("text"), "gin_trgm_ops"), name="note_search"),
        ]

    def __str__(self) -> str:
        return f"note {self.pk} on application {self.application_id}"


class NoteCommentQuerySet(ScopedQuerySet):
    """Comments follow their note."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: through("note"),
        Role.BROKER: through("note"),
        Role.CLIENT: through("note"),
    }


class NoteComment(models.Model):
    """A reply to a note, for the note's readers."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="comments", db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(max_length=5_000)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = NoteCommentQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(name="note_comment_of_note", fields=["note", "id"])]

    def __str__(self) -> str:
        return f"comment {self.pk} on note {self.note_id}"
