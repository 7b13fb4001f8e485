"""Asking for signatures, and the ends that are nobody's signature: cancelled, expired."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from crm_backend.common.errors import Conflict, InvalidInput
from documents.choices import (
    SignatureRequestStatus,
    SignerStatus,
    SigningMailKind,
    VersionStatus,
)
from documents.events import SignatureReminded, SignatureRequested, SignatureRequestEnded
from documents.letters.australian import listed
from documents.models import BUILT_IN, Document, DocumentVersion, SignatureRequest, Signer, SigningMail
from documents.sealing.files import NotSignable, page_sizes
from documents.services.documents import readers_of
from documents.storage import document_storage
from documents.wake import wake_signing
from events.services import emit

PDF = "application/pdf"
MAX_SIGNERS = 10
REMINDED_AGAIN_AFTER = timedelta(hours=1)
EXPIRED_AT_ONCE = 100
# How long a signed file can be read by link; the mail says so as well.
KEPT_FOR_SIGNERS = timedelta(days=30)


class CannotBeSigned(Conflict):
    """The document's current version is not one that can be signed."""

    code = "cannot_be_signed"
    title = "Cannot be signed"
    default_detail = "This version of the document cannot be signed."


class SignatureRequestOver(Conflict):
    """The request is completed, declined, cancelled or expired."""

    code = "signature_request_over"
    title = "Signature request over"
    default_detail = "This request for signatures is over."


def signature_request_create(
    *,
    document: Document,
    actor: Any,
    signers: Sequence[Mapping[str, Any]],
    message: str = "",
    expires_at: datetime | None = None,
    provider: str = BUILT_IN,
    in_order: bool = False,
) -> SignatureRequest:
    """Ask people to sign the current version of a document; call it with the row locked.

    Args:
        document: whose file is a PDF.
        actor: who asks.
        signers: in their order, each with `user`, or with `name` and `email`.
        message: to them.
        expires_at: UTC; after some days of the settings when left out.
        provider: who collects the signatures.
        in_order: whether each is asked only when those before have signed.

    Raises:
        CannotBeSigned: the file is no PDF, cannot be written to, or is in quarantine.
        Conflict: there is an unfinished request already.
        InvalidInput: two signers share an address.
    """
    version = _signable(document)
    if document.signature_requests.filter(pk__in=SignatureRequest.objects.unfinished()).exists():
        raise Conflict("This document waits for signatures already.")
    people = [_person(one) for one in signers]
    addresses = [one["email"] for one in people]
    if len(set(addresses)) != len(addresses):
        raise InvalidInput.field("signers", "Each signer has an address of their own.")
    is_built_in = provider == BUILT_IN
    with transaction.atomic():
        request = SignatureRequest.objects.create(
            document=document,
            version=version,
            status=SignatureRequestStatus.OPEN if is_built_in else SignatureRequestStatus.SENDING,
            message=message,
            in_order=in_order,
            provider=provider,
            created_by=actor,
            expires_at=expires_at or timezone.now() + timedelta(days=settings.SIGNING_LINK_DAYS),
        )
        rows = [
            Signer(request=request, position=position, **person) for position, person in enumerate(people, 1)
        ]
        Signer.objects.bulk_create(rows)
        tell_signers(request, rows[: _asked_at_once(request)], actor=actor, kind=SigningMailKind.INVITATION)
    return request


def signature_request_remind(*, request: SignatureRequest, actor: Any) -> int:
    """Ask those who have not signed once more, each at most once an hour; how many.

    In order, that is the one whose turn it is. Call it with the row locked.

    Raises:
        SignatureRequestOver: nobody can sign any more.
    """
    check_open(request)
    now = timezone.now()
    waiting = request.signers.filter(status=SignerStatus.WAITING)
    rows = [one for one in waiting[: _asked_at_once(request)] if _may_remind(one, now)]
    with transaction.atomic():
        Signer.objects.filter(pk__in=[one.pk for one in rows]).update(reminded_at=now)
        if rows:
            tell_signers(request, rows, actor=actor, kind=SigningMailKind.REMINDER)
    return len(rows)


def signature_request_cancel(*, request: SignatureRequest, actor: Any) -> SignatureRequest:
    """Take a request back; call it with the row locked.

    Raises:
        SignatureRequestOver: it is finished, or all have signed.
    """
    if not request.is_unfinished or request.status == SignatureRequestStatus.SEALING:
        raise SignatureRequestOver()
    with transaction.atomic():
        if request.external_id:
            request.retry_at = timezone.now()  # its provider is to be told
            request.save(update_fields=["retry_at"])
            transaction.on_commit(wake_signing, robust=True)
        request_end(request, SignatureRequestStatus.CANCELLED, actor=actor)
    return request


def requests_expire() -> int:
    """End requests whose time is over; how many."""
    open_ones = (SignatureRequestStatus.SENDING, SignatureRequestStatus.OPEN)
    with transaction.atomic():
        over = SignatureRequest.objects.filter(status__in=open_ones, expires_at__lte=timezone.now())
        rows = list(over.order_by("pk").select_for_update(skip_locked=True)[:EXPIRED_AT_ONCE])
        for request in rows:
            request_end(request, SignatureRequestStatus.EXPIRED, actor=None)
    return len(rows)


def request_end(
    request: SignatureRequest, status: SignatureRequestStatus, *, actor: Any | None, problem: str = ""
) -> None:
    """End a request without a signed file, and tell who asked; call it with the row locked."""
    with transaction.atomic():
        request.status, request.finished_at, request.problem = status, timezone.now(), problem[:300]
        request.save(update_fields=["status", "finished_at", "problem"])
        document = request.document
        emit(
            SignatureRequestEnded(
                **told_of(request), status=str(status.label).lower(), problem=request.problem
            ),
            actor=actor,
            subject=request,
            application_id=document.application_id,
            recipients=_still_readers(request),
        )


def check_open(request: SignatureRequest) -> None:
    """Refuse what only an open request can have.

    Raises:
        SignatureRequestOver: it is not open, or its time is over.
    """
    if request.status != SignatureRequestStatus.OPEN or request.expires_at <= timezone.now():
        raise SignatureRequestOver()


def told_of(request: SignatureRequest) -> dict[str, Any]:
    """What every event of a request says."""
    document = request.document
    return {
        "reference": document.application.reference_number,
        "request_id": request.pk,
        "document_id": document.pk,
        "title": document.title,
    }


def tell_signers(
    request: SignatureRequest, rows: Sequence[Signer], *, actor: Any, kind: SigningMailKind
) -> None:
    """Owe each a mail, and notify those with a login; an outside provider writes its own mail."""
    if request.provider == BUILT_IN:
        SigningMail.objects.bulk_create([SigningMail(signer=one, kind=kind) for one in rows])
    payload = SignatureReminded if kind == SigningMailKind.REMINDER else SignatureRequested
    emit(
        payload(
            **told_of(request),
            signer_names=listed([one.name for one in rows]),
            actor_name=actor.full_name,
        ),
        actor=actor,
        subject=request,
        application_id=request.document.application_id,
        recipients=[one.user_id for one in rows if one.user_id],
    )
    transaction.on_commit(partial(wake_signing), robust=True)


def ask_the_next(request: SignatureRequest) -> None:
    """One has signed: ask whose turn it is now, if they were not asked; call it with the row locked."""
    if not request.in_order or request.provider != BUILT_IN:
        return
    following = request.signers.filter(status=SignerStatus.WAITING).first()
    if following is not None:
        tell_signers(request, [following], actor=request.created_by, kind=SigningMailKind.INVITATION)


def _asked_at_once(request: SignatureRequest) -> int:
    """How many of those who wait are asked; an outside provider keeps the order itself."""
    return 1 if request.in_order and request.provider == BUILT_IN else MAX_SIGNERS


def _still_readers(request: SignatureRequest) -> list[int]:
    """Who asked, if they may read the document still."""
    readers = readers_of(request.document).filter(pk=request.created_by_id)
    return list(readers.values_list("pk", flat=True))


def _signable(document: Document) -> DocumentVersion:
    """The current version, if it can be signed."""
    version = document.current
    if version is None or version.status == VersionStatus.QUARANTINED:
        raise CannotBeSigned("This document is in quarantine.")
    if version.file.content_type != PDF:
        raise CannotBeSigned("Only PDF files can be signed.")
    try:
        with document_storage().open(version.file.key) as file:
            page_sizes(cast(Any, file))
    except NotSignable as error:
        raise CannotBeSigned(str(error)) from None
    return version


def _person(given: Mapping[str, Any]) -> dict[str, Any]:
    user = given.get("user")
    if user is None:
        return {"name": given["name"], "email": given["email"].strip().lower()}
    return {"user": user, "name": given.get("name") or user.full_name, "email": user.email}


def _may_remind(signer: Signer, now: datetime) -> bool:
    return signer.reminded_at is None or signer.reminded_at <= now - REMINDED_AGAIN_AFTER
