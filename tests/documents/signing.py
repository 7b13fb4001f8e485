"""Documents to be signed, and people who sign them."""

import re
from typing import Any

from django.core import mail

from applications.models import Application
from documents.choices import DocumentKind, LetterFormat, LetterType
from documents.facts.letters import LetterOptions
from documents.letters.press import Form, press
from documents.models import Document, SignatureRequest
from documents.services.documents import document_create
from documents.services.files import file_keep
from documents.services.letters import letter_print
from documents.services.signature_requests import signature_request_create
from documents.services.signing import hash_of
from documents.tasks import go_on_with_signatures
from servicing.dates import business_date

PDF = "application/pdf"


def printed(text: str = "Hello") -> bytes:
    return press.print(Form.PDF, f"#set page(height: 200pt)\n{text}".encode(), {}).content


def document_of(
    application: Application, actor: Any, content: bytes | None = None, **fields: Any
) -> Document:
    """A PDF on an application."""
    file = file_keep(content=content or printed(), content_type=fields.pop("content_type", PDF))
    given = {"name": "Agreement.pdf", "title": "Agreement", "kind": DocumentKind.AGREEMENT, **fields}
    return document_create(application=application, actor=actor, file=file, **given)


def letter_of(application: Application, actor: Any) -> Document:
    """A letter with lines to sign on."""
    content, letter = letter_print(
        application=application,
        letter_type=LetterType.INDICATIVE,
        form=LetterFormat.PDF,
        options=LetterOptions(dated=business_date()),
    )
    document = document_of(application, actor, content.content)
    assert document.current is not None
    letter.version = document.current
    letter.save()
    return document


def request_of(document: Document, actor: Any, *signers: Any, **fields: Any) -> SignatureRequest:
    """Users, or addresses of others, asked to sign."""
    people = [
        {"name": f"Nia of {one}", "email": one} if isinstance(one, str) else {"user": one} for one in signers
    ]
    return signature_request_create(
        document=Document.objects.get(pk=document.pk), actor=actor, signers=people, **fields
    )


def token_for(address: str) -> str:
    """The token of the latest link that was sent to an address."""
    go_on_with_signatures()
    texts = [str(one.body) for one in mail.outbox if one.to == [address]]
    return re.search(r"/sign#token=(\S+)", texts[-1])[1]


def link_of(application: Application, actor: Any) -> str:
    """The token of a link that nobody was sent."""
    request = request_of(document_of(application, actor), actor, "olga@example.org")
    token = f"token-{request.pk}"
    request.signers.update(token_hash=hash_of(token))
    return token
