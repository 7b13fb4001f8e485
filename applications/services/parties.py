"""Who is on an application."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from applications.events import PartiesChanged
from applications.models import Application, ApplicationBorrower, ApplicationGuarantor
from borrowers.models import Borrower, Guarantor
from events.services import emit


def application_set_borrowers(*, application: Application, borrowers: Sequence[Borrower], actor: Any) -> None:
    """Put exactly these borrowers on an application, in this order; call it with the row locked."""
    _replace(application, ApplicationBorrower, "borrower", borrowers, "Borrowers", actor)


def application_set_guarantors(
    *, application: Application, guarantors: Sequence[Guarantor], actor: Any
) -> None:
    """Put exactly these guarantors on an application, in this order; call it with the row locked."""
    _replace(application, ApplicationGuarantor, "guarantor", guarantors, "Guarantors", actor)


def _replace(
    application: Application,
    link: type[Any],
    field: str,
    parties: Sequence[Any],
    kind: str,
    actor: Any,
) -> None:
    wanted = [party.pk for party in parties]
    present = list(link.objects.filter(application=application).values_list(f"{field}_id", flat=True))
    if wanted == present:
        return
    with transaction.atomic():
        # First, and in order: whoever renames one of them holds the person and then wants the application.
        list(link._meta.get_field(field).related_model.objects.filter(pk__in={*wanted, *present}).lock())
        link.objects.filter(application=application).delete()
        link.objects.bulk_create(
            link(application=application, position=position, **{f"{field}_id": pk})
            for position, pk in enumerate(wanted)
        )
        emit(
            PartiesChanged(
                reference=application.reference_number,
                kind=kind,
                added=sorted(set(wanted) - set(present)),
                removed=sorted(set(present) - set(wanted)),
            ),
            actor=actor,
            subject=application,
            application_id=application.pk,
        )
