"""Where books are written to: the database for services, or whatever a bulk writer keeps rows in."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from django.db import models
from django.db.models import Q
from django.utils import timezone

from applications.models import Application
from applications.selectors.applications import people_of
from borrowers.models import Borrower
from brokers.models import Bdm, Broker
from events.registry import Payload
from events.services import emit
from users.choices import Role
from users.models import User


class Told(Enum):
    """Who is told of an event."""

    NOBODY = "nobody"
    EVERYBODY = "everybody"  # who is concerned by the application
    BORROWERS = "borrowers"
    BDM = "bdm"
    BORROWERS_AND_BDM = "borrowers and BDM"
    BROKER = "broker"  # whose commission it is
    BROKER_AND_ADMINS = "broker and administrators"
    OWNER = "owner"  # the BDM who looks after the partnership that referred it
    OWNER_AND_ADMINS = "owner and administrators"


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
        self, payload: Payload, *, actor: Any, subject: models.Model, application: Application, to: Told
    ) -> None:
        """Write an event, and who is told of it."""


class Database:
    """Writes at once, in the transaction at hand."""

    def __init__(self) -> None:
        self._people: dict[Told, set[int]] = {}

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
        self, payload: Payload, *, actor: Any, subject: models.Model, application: Application, to: Told
    ) -> None:
        """Emit."""
        if to not in self._people:
            self._people[to] = set(told_of(application, to))
        recipients = self._people[to]
        emit(payload, actor=actor, subject=subject, application_id=application.pk, recipients=recipients)


def told_of(application: Application, to: Told) -> Iterable[int]:
    """Ids of the users to tell."""
    if to == Told.NOBODY:
        return ()
    if to == Told.EVERYBODY:
        return people_of(application)
    if to in (Told.BROKER, Told.BROKER_AND_ADMINS, Told.OWNER, Told.OWNER_AND_ADMINS):
        concerned = Q(pk__in=_paid_or_owner(application, to))
        if to in (Told.BROKER_AND_ADMINS, Told.OWNER_AND_ADMINS):
            concerned |= Q(role=Role.ADMIN)
        return User.objects.active().filter(concerned).values_list("pk", flat=True)
    borrowers = Borrower.objects.filter(applications=application).values("user")
    bdm = Bdm.objects.filter(applications=application).values("user")
    wanted = {Told.BORROWERS: borrowers, Told.BDM: bdm}.get(to, borrowers.union(bdm))
    return User.objects.active().filter(pk__in=wanted).values_list("pk", flat=True)


def _paid_or_owner(application: Application, to: Told) -> Any:
    """The broker who is paid, or who looks after the partner, as far as the application is theirs to see."""
    if to in (Told.BROKER, Told.BROKER_AND_ADMINS):
        return Broker.objects.filter(loan_commissions__application=application).values("user")
    owner = Bdm.objects.filter(partnerships__applications=application)
    return owner.filter(Q(branch=application.branch_id) | Q(pk=application.bd_id)).values("user")
