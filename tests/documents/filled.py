"""Rows of everything about documents, for proofs that ask each table."""

from typing import Any

from documents.models import LetterTemplate, ProviderDelivery, SignatureRequest, Signer
from documents.services.sealing import requests_seal
from documents.services.signing import Place, signer_of, signer_sign
from tests.documents import makers, signing
from tests.factories import JobFactory, LetterTemplateFactory, NoteCommentFactory, NoteFactory, Side


def fill(side: Side, admin: Any) -> None:
    """Add rows of one side. The first request for signatures is an open one of an outside provider."""
    application, broker = side.application, side.broker_user
    waiting = signing.request_of(makers.document_of(application, broker), broker, side.client_user)
    SignatureRequest.objects.filter(pk=waiting.pk).update(provider="http", external_id=f"ext-{waiting.pk}")
    Signer.objects.filter(request=waiting).update(token_hash=f"{waiting.pk:064}")
    letter = signing.letter_of(application, broker)
    letter.current.letter.job = JobFactory.create(created_by=broker)  # type: ignore[union-attr]
    letter.current.letter.save()  # type: ignore[union-attr]
    request = signing.request_of(letter, broker, side.client_user)
    signer_sign(
        signer=signer_of(request, side.client_user), place=Place(None, "", by_link=False), typed_name="Bea"
    )
    requests_seal()
    note = NoteFactory.create(application=application, author=broker, remind_date="2026-01-05")
    NoteCommentFactory.create(note=note, author=broker)
    is_first = not LetterTemplate.objects.exists()
    LetterTemplateFactory.create(created_by=admin, is_active=is_first)
    ProviderDelivery.objects.create(provider="http", delivery_id=f"d-{application.pk}")
    makers.batch_of(application, broker)
