"""Signing and declining, by a login or by a link."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from applications.png import Drawing
from crm_backend.common.errors import Conflict, DomainError, NotAllowed
from documents.choices import SignatureRequestStatus, SignerStatus, SigningMethod, VersionStatus
from documents.errors import Quarantined
from documents.events import DocumentSigned, SignatureDeclined
from documents.models import BUILT_IN, SignatureRequest, Signer
from documents.sealing.records import START, record_hash
from documents.services.documents import readers_of
from documents.services.signature_requests import (
    KEPT_FOR_SIGNERS,
    SignatureRequestOver,
    ask_the_next,
    check_open,
    told_of,
)
from documents.wake import wake_signing
from events.services import emit

CONSENT = (
    "I have read this document and agree to sign it electronically. I know that my electronic signature "
    "binds me as one by hand does, and that the time, my IP address and my device are recorded."
)


class SigningLinkUnknown(DomainError):
    """No link has this token: it is mistyped, or a later link took its place."""

    status = 404
    code = "signing_link_unknown"
    title = "Unknown signing link"
    default_detail = "This link is not known. Use the latest one that you were sent."


class NotYourTurn(Conflict):
    """The signatures are collected in order, and somebody before has not signed."""

    code = "not_your_turn"
    title = "Not your turn"
    default_detail = "Others sign before you. You will be asked when it is your turn."


class SigningLinkUsed(Conflict):
    """The signer has signed or declined already."""

    code = "signing_link_used"
    title = "Signing link used"
    default_detail = "You have answered already."


@dataclass(frozen=True)
class Place:
    """Where a signer answers from, as far as the configured proxies can be trusted."""

    ip_address: str | None
    user_agent: str
    by_link: bool


def hash_of(token: str) -> str:
    """What is kept of a link's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def signer_by_token(token: str) -> Signer:
    """Whom a link was sent to.

    Raises:
        SigningLinkUnknown: nobody.
    """
    rows = Signer.objects.select_related(
        "request__document", "request__version__file", "request__signed_version__file", "request__created_by"
    )
    found = rows.filter(token_hash=hash_of(token)).first()
    if found is None:
        raise SigningLinkUnknown()
    return found


def signer_of(request: SignatureRequest, user: Any) -> Signer:
    """A user's place among the signers.

    Raises:
        NotAllowed: they have none.
    """
    found = request.signers.filter(user=user).first()
    if found is None:
        raise NotAllowed("You are not asked to sign this.")
    return found


def check_readable(signer: Signer) -> None:
    """Refuse to show what nobody is to sign any more; a signed file is shown for thirty days.

    Raises:
        SignatureRequestOver: the request ended otherwise, or long ago.
    """
    request, now = signer.request, timezone.now()
    if request.status == SignatureRequestStatus.COMPLETED:
        assert request.finished_at is not None
        is_readable = request.finished_at + KEPT_FOR_SIGNERS > now
    elif request.status == SignatureRequestStatus.OPEN:
        is_readable = request.expires_at > now
    else:
        is_readable = request.status == SignatureRequestStatus.SEALING
    if not is_readable:
        raise SignatureRequestOver()


def seen_by(request: SignatureRequest, user: Any) -> None:
    """Note that a user looked at what they are to sign; nothing where they are not."""
    request.signers.filter(user=user, viewed_at=None).update(viewed_at=timezone.now())


def signer_see(*, signer: Signer) -> None:
    """Note when somebody first looked at what they are to sign."""
    Signer.objects.filter(pk=signer.pk, viewed_at=None).update(viewed_at=timezone.now())


def signer_sign(
    *, signer: Signer, place: Place, drawing: Drawing | None = None, typed_name: str = ""
) -> SignatureRequest:
    """Record a signature; when it is the last one, the signed file is made by a worker.

    The request's row is locked first, so of two who sign at once the second record follows the first.

    Raises:
        SignatureRequestOver: the request is not open any more.
        SigningLinkUsed: they have answered already.
        Quarantined: the scan found something in what they would sign.
        NotYourTurn: somebody before them has not signed.
    """
    image = drawing.image if drawing else None
    with transaction.atomic():
        request, signer = _locked(signer)
        _record(
            request,
            signer,
            method=SigningMethod.DRAWN if drawing else SigningMethod.TYPED,
            image=image,
            typed_name=typed_name,
            place=place,
            now=timezone.now(),
        )
    return request


def signer_decline(*, signer: Signer, reason: str, actor: Any | None = None) -> SignatureRequest:
    """Decline, which ends the request.

    Raises:
        SignatureRequestOver: the request is not open any more.
        SigningLinkUsed: they have answered already.
        Quarantined, NotYourTurn: as for signing.
    """
    with transaction.atomic():
        request, signer = _locked(signer)
        decline(request, signer, reason=reason, now=timezone.now())
    return request


def record_from_provider(
    request: SignatureRequest, signer: Signer, *, at: datetime, ip_address: str | None
) -> None:
    """Record a signature that an outside provider collected; call it with the request locked."""
    if signer.status == SignerStatus.WAITING:
        place = Place(ip_address, "", by_link=False)
        _record(
            request, signer, method=SigningMethod.PROVIDER, image=None, typed_name="", place=place, now=at
        )


def decline(request: SignatureRequest, signer: Signer, *, reason: str, now: datetime) -> None:
    """Write that somebody declined; call it with the request locked."""
    with transaction.atomic():
        signer.status, signer.acted_at, signer.reason = SignerStatus.DECLINED, now, reason[:500]
        signer.save(update_fields=["status", "acted_at", "reason"])
        request.status, request.finished_at = SignatureRequestStatus.DECLINED, timezone.now()
        request.save(update_fields=["status", "finished_at"])
        _tell(request, signer, SignatureDeclined(**told_of(request), name=signer.name, reason=signer.reason))


def _locked(signer: Signer) -> tuple[SignatureRequest, Signer]:
    """The request and the signer as they are now; refused if nothing can be signed."""
    requests = SignatureRequest.objects.select_related("document__application", "version__file", "created_by")
    request = requests.lock().get(pk=signer.request_id)
    signer = Signer.objects.get(pk=signer.pk)
    if signer.status != SignerStatus.WAITING:
        raise SigningLinkUsed()
    check_open(request)
    if request.version.status == VersionStatus.QUARANTINED:
        raise Quarantined()
    before = request.signers.filter(status=SignerStatus.WAITING, position__lt=signer.position)
    if request.in_order and before.exists():
        raise NotYourTurn()
    if request.provider != BUILT_IN:
        raise SignatureRequestOver("An outside provider collects these signatures.")
    return request, signer


def _record(
    request: SignatureRequest,
    signer: Signer,
    *,
    method: SigningMethod,
    image: bytes | None,
    typed_name: str,
    place: Place,
    now: datetime,
) -> None:
    signer.record = {
        "request": request.pk,
        "document": request.document_id,
        "version": request.version.number,
        "document_sha256": request.version.file.sha256,
        "signer": signer.position,
        "name": signer.name,
        "email": signer.email,
        "user": signer.user_id,
        "identified_by": _identified_by(request, place),
        "method": method.value,
        "typed_name": typed_name,
        "image_sha256": hashlib.sha256(image).hexdigest() if image else "",
        "consent": "" if method == SigningMethod.PROVIDER else CONSENT,
        "signed_at": now.astimezone(UTC).isoformat(),
        "ip_address": place.ip_address or "",
        "user_agent": place.user_agent[:200],
        "previous": last_hash(request.signers.all()),
    }
    signer.record_sha256 = record_hash(signer.record)
    signer.status, signer.acted_at = SignerStatus.SIGNED, timezone.now()
    signer.method, signer.image = method, image
    signer.save(update_fields=["record", "record_sha256", "status", "acted_at", "method", "image"])
    told = DocumentSigned(**told_of(request), name=signer.name, record_sha256=signer.record_sha256)
    _tell(request, signer, told)
    if not request.signers.exclude(status=SignerStatus.SIGNED).exists():
        request.status = SignatureRequestStatus.SEALING
        request.save(update_fields=["status"])
        transaction.on_commit(partial(wake_signing), robust=True)
    else:
        ask_the_next(request)


def last_hash(signers: Iterable[Signer]) -> str:
    """The hash of the record that no other one follows yet."""
    signed = in_chain(signers)
    return signed[-1].record_sha256 if signed else START


def in_chain(signers: Iterable[Signer]) -> list[Signer]:
    """Those who signed, each after the one whose record theirs follows; last, those who follow nobody."""
    by_previous = {one.record["previous"]: one for one in signers if one.record is not None}
    chain, at = [], START
    while (one := by_previous.pop(at, None)) is not None:
        chain.append(one)
        at = one.record_sha256
    return [*chain, *by_previous.values()]


def _identified_by(request: SignatureRequest, place: Place) -> str:
    if request.provider != BUILT_IN:
        return request.provider
    return "link" if place.by_link else "login"


def _tell(request: SignatureRequest, signer: Signer, payload: DocumentSigned | SignatureDeclined) -> None:
    readers = readers_of(request.document).filter(pk=request.created_by_id)
    emit(
        payload,
        actor=signer.user,
        subject=request,
        application_id=request.document.application_id,
        recipients=readers,
    )
