"""Where books are written to: the database for services, or whatever a bulk writer keeps rows in."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from django.db import models
from django.utils import timezone

from applications.models import Application
from applications.selectors.applications import people_of
from events.registry import Payload
from events.services import emit


class Store(Protocol):
    """What `services.books` needs of it."""

    def now(self) -> datetime:
        """The moment of what is being done, UTC."""

    def add(self, rows: Sequence[models.Model]) -> None:
        """Keep new rows of one model; they have their keys afterwards."""

    def change(self, rows: Sequence[models.Model], names: Sequence[str]) -> None:
        """Keep changed columns of rows of one model."""

    def remove(self, rows: Sequence[models.Model]) -> None:
        """Forget derived rows of one model."""

    def tell(
        self, payload: Payload, *, actor: Any, subject: models.Model, application: Application, quiet: bool
    ) -> None:
        """Write an event; `quiet` ones are for the log only, the others tell the people concerned."""


class Database:
    """Writes at once, in the transaction at hand."""

    def __init__(self) -> None:
        self._people: set[int] | None = None

    def now(self) -> datetime:
        """The present."""
        return timezone.now()

    def add(self, rows: Sequence[models.Model]) -> None:
        """Insert."""
        if rows:
            type(rows[0])._base_manager.bulk_create(rows)

    def change(self, rows: Sequence[models.Model], names: Sequence[str]) -> None:
        """Update."""
        if rows:
            type(rows[0])._base_manager.bulk_update(rows, names, batch_size=500)

    def remove(self, rows: Sequence[models.Model]) -> None:
        """Delete."""
        if rows:
            type(rows[0])._base_manager.filter(pk__in=[row.pk for row in rows]).delete()

    def tell(
        self, payload: Payload, *, actor: Any, subject: models.Model, application: Application, quiet: bool
    ) -> None:
        """Emit."""
        recipients: Iterable[int] = ()
        if not quiet:
            if self._people is None:
                self._people = people_of(application)
            recipients = self._people
        emit(payload, actor=actor, subject=subject, application_id=application.pk, recipients=recipients)
