"""Notes."""

from django.conf import settings
from django.db import models
from django.db.models import Q

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
    """A remark on an application."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="notes", db_index=False
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(max_length=10_000)
    visibility = models.CharField(
        max_length=16, choices=NoteVisibility.choices, default=NoteVisibility.INTERNAL
    )

    objects = NoteQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(name="note_recent", fields=["application", "-created_at", "-id"])]

    def __str__(self) -> str:
        return f"note {self.pk} on application {self.application_id}"
