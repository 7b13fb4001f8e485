"""Signing an application."""

import hashlib
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from applications.events import ApplicationSigned
from applications.models import Application, Signature
from applications.png import Drawing
from applications.selectors.applications import people_of
from crm_backend.common.errors import Conflict, InvalidInput
from events.services import emit

LEEWAY = timedelta(days=1)  # where it was signed, the day may have been another one


def application_sign(
    *,
    application: Application,
    actor: Any,
    drawing: Drawing,
    name: str,
    signature_date: date,
    ip_address: str | None,
    user_agent: str,
) -> Signature:
    """Keep a signature with what it agrees to; call it with the row locked. Earlier ones stay.

    Raises:
        InvalidInput: it is dated before the application.
        Conflict: the application is settled, closed, declined or withdrawn.
    """
    if signature_date < application.created_at.date() - LEEWAY:
        raise InvalidInput.field("signature_date", "The application was opened later.")
    if not application.is_open:
        raise Conflict(f"An application that is {application.get_stage_display().lower()} is not signed.")
    with transaction.atomic():
        signature = Signature.objects.create(
            application=application,
            name=name,
            signature_date=signature_date,
            image=drawing.image,
            width=drawing.width,
            height=drawing.height,
            sha256=hashlib.sha256(drawing.image).hexdigest(),
            terms=terms_of(application),
            signed_by=actor,
            ip_address=ip_address,
            user_agent=user_agent[:200],
        )
        emit(
            ApplicationSigned(
                reference=application.reference_number,
                name=name,
                signature_id=signature.pk,
                sha256=signature.sha256,
            ),
            actor=actor,
            subject=application,
            application_id=application.pk,
            recipients=people_of(application),
        )
    return signature


def terms_of(application: Application) -> dict[str, Any]:
    """What a signer agrees to, as it stands: amounts in AUD, the rate in percent per annum, months."""
    borrowers = application.borrower_links.select_related("borrower")
    return {
        "reference_number": application.reference_number,
        "application_type": application.application_type,
        "product": application.product.name if application.product else None,
        "loan_amount": str(application.loan_amount),
        "loan_term": application.loan_term,
        "interest_rate": str(application.interest_rate),
        "repayment_frequency": application.repayment_frequency,
        "borrowers": [link.borrower.display_name for link in borrowers],
    }
