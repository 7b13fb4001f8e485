"""Requests that an outside provider collects: telling it, hearing from it, and fetching what was signed."""

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from crm_backend.common.errors import Conflict
from documents.choices import SignatureRequestStatus, SignerStatus
from documents.content.errors import UnknownFormat, UnsafeContent
from documents.content.inspection import inspection
from documents.models import BUILT_IN, ProviderDelivery, SignatureRequest
from documents.providers import (
    OutgoingRequest,
    OutgoingSigner,
    Provider,
    ProviderRefused,
    ProviderUnavailable,
)
from documents.providers.http import HttpProvider
from documents.services.files import file_keep
from documents.services.sealing import request_complete
from documents.services.signature_requests import PDF, request_end
from documents.services.signing import decline, record_from_provider
from documents.storage import document_storage

logger = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8
FIRST_DELAY = 30  # seconds; each further one is twice as long
HELD_WHILE_CALLING = timedelta(minutes=2)
AT_ONCE = 50
# Longer than any message may be late: see the webhook's tolerance.
DELIVERIES_KEPT = timedelta(days=7)


class NotKnownYet(Conflict):
    """A message that was faster than the provider's own answer to us: nobody knows yet what it is of."""

    code = "not_known_yet"
    title = "Not known yet"
    default_detail = "This request is not known yet. Send the message again."


def provider() -> Provider | None:
    """The provider that the settings name."""
    if not settings.ESIGN_URL:
        return None
    return HttpProvider(
        url=settings.ESIGN_URL, token=settings.ESIGN_TOKEN, seconds=settings.ESIGN_TIMEOUT_SECONDS
    )


def requests_push() -> int:
    """Tell the provider of new requests, and fetch what was signed with it; how many calls succeeded."""
    found = provider()
    if found is None:
        return 0
    done = 0
    for _ in range(AT_ONCE):
        request = _take()
        if request is None:
            break
        done += _push(found, request)
    return done


def _take() -> SignatureRequest | None:
    """One request whose turn it is, held for as long as a call may take: no second worker calls as well."""
    statuses = (SignatureRequestStatus.SENDING, SignatureRequestStatus.SEALING)
    now = timezone.now()
    with transaction.atomic():
        waiting = SignatureRequest.objects.exclude(provider=BUILT_IN)
        due = waiting.filter(
            Q(status__in=statuses, retry_at=None)
            | Q(status__in=(*statuses, SignatureRequestStatus.CANCELLED), retry_at__lte=now)
        )
        request = due.order_by("attempts", "pk").select_for_update(skip_locked=True, of=("self",)).first()
        if request is None:
            return None
        request.retry_at = now + HELD_WHILE_CALLING
        request.save(update_fields=["retry_at"])
    return request


def _push(to: Provider, request: SignatureRequest) -> bool:
    try:
        if request.status == SignatureRequestStatus.SENDING:
            _sent(request, to.send(_outgoing(request)))
        elif request.status == SignatureRequestStatus.CANCELLED:
            to.cancel(request.external_id)
            SignatureRequest.objects.filter(pk=request.pk).update(retry_at=None)
        else:
            content = to.signed_file(request.external_id)
            inspection.format_of(BytesIO(content), name="signed.pdf", allowed=["pdf"])
            stored = file_keep(content=content, content_type=PDF)
            request_complete(request, stored)
    except ProviderUnavailable as error:
        _postpone(request, error)
        return False
    except ProviderRefused as error:
        _give_up(request, error.message)
        return False
    except (UnknownFormat, UnsafeContent) as error:
        _give_up(request, f"The provider's file is not taken. {error}")
        return False
    return True


def _outgoing(request: SignatureRequest) -> OutgoingRequest:
    file = request.version.file
    parts = document_storage().parts(file.key, 0, file.size)
    return OutgoingRequest(
        key=f"{settings.CACHES['default']['KEY_PREFIX']}-{request.pk}",
        title=request.document.title,
        message=request.message,
        expires_at=request.expires_at.isoformat(),
        file_name=request.version.name,
        sha256=file.sha256,
        content=b"".join(parts),
        signers=tuple(OutgoingSigner(one.position, one.name, one.email) for one in request.signers.all()),
        in_order=request.in_order,
    )


def _sent(request: SignatureRequest, external_id: str) -> None:
    with transaction.atomic():
        found = SignatureRequest.objects.lock().get(pk=request.pk)
        found.external_id, found.attempts, found.retry_at, found.problem = external_id, 0, None, ""
        if found.status == SignatureRequestStatus.SENDING:
            found.status = SignatureRequestStatus.OPEN
        elif found.status == SignatureRequestStatus.CANCELLED:  # meanwhile: it is to be told of that too
            found.retry_at = timezone.now()
        found.save(update_fields=["external_id", "attempts", "retry_at", "problem", "status"])


def _postpone(request: SignatureRequest, error: ProviderUnavailable) -> None:
    logger.warning("signing.provider_unavailable", request=request.pk, error=error.message)
    attempts = request.attempts + 1
    if attempts >= MAX_ATTEMPTS:
        _give_up(request, error.message)
        return
    delay = max(FIRST_DELAY * 2 ** (attempts - 1), error.retry_after or 0)
    SignatureRequest.objects.filter(pk=request.pk).update(
        attempts=attempts, retry_at=timezone.now() + timedelta(seconds=delay), problem=error.message[:300]
    )


def _give_up(request: SignatureRequest, problem: str) -> None:
    with transaction.atomic():
        found = SignatureRequest.objects.select_related("document__application").lock().get(pk=request.pk)
        found.retry_at = None
        found.save(update_fields=["retry_at"])
        if found.is_unfinished:
            request_end(found, SignatureRequestStatus.FAILED, actor=None, problem=problem)


# --- hearing from it --------------------------------------------------------------------------


def delivery_take(*, name: str, delivery_id: str, external_id: str, event: str, data: dict[str, Any]) -> bool:
    """Do what a message of a provider tells; whether it was new. Its signature has been checked.

    A message that comes again does nothing, and one of a request that is over or unknown does nothing either.

    Raises:
        NotKnownYet: it may be of a request that the provider is just being told of.
    """
    with transaction.atomic():
        _, is_new = ProviderDelivery.objects.get_or_create(provider=name, delivery_id=delivery_id)
        if is_new:
            _do(name, external_id, event, data)
    return is_new


def deliveries_forget() -> int:
    """Forget messages that are too old to be sent again; how many."""
    old = ProviderDelivery.objects.filter(received_at__lt=timezone.now() - DELIVERIES_KEPT)
    return old.delete()[0]


def _is_being_told(name: str) -> bool:
    sending = SignatureRequest.objects.filter(provider=name, status=SignatureRequestStatus.SENDING)
    return sending.exists()


def _do(name: str, external_id: str, event: str, data: dict[str, Any]) -> None:
    rows = SignatureRequest.objects.select_related("document__application", "version__file").lock()
    request = rows.filter(provider=name, external_id=external_id).first()
    if request is None and _is_being_told(name):
        raise NotKnownYet()
    if request is None or request.status != SignatureRequestStatus.OPEN:
        return
    if event == "expired":
        request_end(request, SignatureRequestStatus.EXPIRED, actor=None)
        return
    signer = request.signers.filter(position=data.get("signer"), status=SignerStatus.WAITING).first()
    if signer is None:
        return
    if event == "signed":
        at: datetime = data["at"]
        record_from_provider(request, signer, at=at, ip_address=data.get("ip_address"))
    elif event == "declined":
        decline(request, signer, reason=data.get("reason", ""), now=timezone.now())
