"""An application with everybody and everything on it, in one transaction: all or nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from applications.models import Application, Security
from applications.services.applications import application_create, broker_profile
from applications.services.funding import funding_calculate
from borrowers.events import BORROWER, GUARANTOR
from borrowers.models import Borrower, Guarantor
from crm_backend.common.batches import draw
from crm_backend.common.errors import InvalidInput
from events.services import emit, together

Fields = Mapping[str, Any]


def application_create_with_cascade(
    *,
    actor: Any,
    application: Fields,
    borrowers: Sequence[Fields] = (),
    company_borrowers: Sequence[Fields] = (),
    guarantors: Sequence[Fields] = (),
    securities: Sequence[Fields] = (),
    funding_calculation_input: Fields | None = None,
) -> Application:
    """Create the parties, then the application with them, then its securities and funding table.

    Borrowers that exist already may be in `application["borrowers"]`; they go first.

    Raises:
        InvalidInput: see `application_create` and `funding_calculate`; nothing is written then.
    """
    with transaction.atomic(savepoint=False), together() as batch:
        people = [Borrower(created_by=actor, **fields) for fields in [*borrowers, *company_borrowers]]
        sureties = [Guarantor(created_by=actor, **fields) for fields in guarantors]
        profile = broker_profile(actor)  # in one trip with the keys
        *keys, key = draw([*map(type, [*people, *sureties]), Application])
        for party, own in zip([*people, *sureties], keys, strict=True):
            party.pk = own
        batch.insert(*people, *sureties)
        for events, parties in ((BORROWER, people), (GUARANTOR, sureties)):
            for party in parties:
                emit(events.created(label=str(party)), actor=actor, subject=party)
        created = application_create(
            actor=actor,
            **{
                **application,
                "id": key,
                "borrowers": [*application.get("borrowers", ()), *people],
                "guarantors": sureties,
                "profile": profile,
            },
        )
        batch.insert(*(Security(application=created, **fields) for fields in securities))
        if funding_calculation_input is not None:
            batch.write()  # it looks at the securities
            _calculate(created, funding_calculation_input, actor)
    return created


def _calculate(application: Application, terms: Fields, actor: Any) -> None:
    try:
        funding_calculate(application=application, terms=terms, actor=actor)
    except InvalidInput as error:
        raise InvalidInput(errors={"funding_calculation_input": error.errors}) from None
