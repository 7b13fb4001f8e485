"""Making the signed file, and looking later whether everything is as it was."""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from documents.choices import SignatureRequestStatus, SigningMailKind, SigningMethod
from documents.events import SignaturesCompleted
from documents.facts import parties
from documents.letters.australian import listed, long_date, moment
from documents.letters.press import Form, TemplateFault, press
from documents.letters.sheets import CERTIFICATE, OVERLAY
from documents.models import BUILT_IN, GeneratedLetter, SignatureRequest, Signer, SigningMail, StoredFile
from documents.sealing.files import NotSignable, beginning_hash, look_at, page_sizes, seal
from documents.sealing.keys import Seal
from documents.sealing.records import broken_links
from documents.services.documents import readers_of, version_add
from documents.services.files import file_keep
from documents.services.seal_keys import seal_of_settings
from documents.services.signature_requests import PDF, request_end, told_of
from documents.services.signing import in_chain
from documents.storage import document_storage
from documents.wake import wake_signing
from events.services import emit

logger = structlog.get_logger(__name__)

METHODS = {
    SigningMethod.DRAWN: "drawn by hand",
    SigningMethod.TYPED: "typed",
    SigningMethod.PROVIDER: "by an outside provider",
}
IDENTIFIED = {"login": "a login of this system", "link": "a single-use link sent to this address"}
# How far above a line to sign on a signature is drawn, points.
ABOVE_LINE = 1.0
SEALED_AT_ONCE = 100


def requests_seal() -> int:
    """Make the signed files that are owed; how many were made."""
    waiting = SignatureRequest.objects.filter(status=SignatureRequestStatus.SEALING, provider=BUILT_IN)
    return sum(
        _seal_or_fail(pk) for pk in waiting.order_by("pk").values_list("pk", flat=True)[:SEALED_AT_ONCE]
    )


def _seal_or_fail(request_id: int) -> bool:
    """Make a signed file; one that cannot be made ends its request, and holds up no other."""
    try:
        return request_seal(request_id)
    except (NotSignable, TemplateFault) as error:
        problem = str(error)
    except OSError as error:  # the storage is away: the next sweep tries again
        logger.warning("signing.seal_failed", request=request_id, error=type(error).__name__)
        return False
    with transaction.atomic():
        rows = SignatureRequest.objects.select_related("document__application").lock()
        found = rows.filter(pk=request_id, status=SignatureRequestStatus.SEALING).first()
        if found is not None:
            request_end(found, SignatureRequestStatus.FAILED, actor=None, problem=problem)
    return False


def request_seal(request_id: int) -> bool:
    """Make the signed file of a request that all have signed; whether this call made it.

    The file is kept before the transaction that adds it: two workers may both make one, and the later one
    finds the request completed and leaves its file to the clean-up.
    """
    request = _for_sealing(request_id)
    if request is None:
        return False
    with_seal = seal_of_settings()
    stored = file_keep(content=_signed_bytes(request, with_seal), content_type=PDF)
    return request_complete(request, stored, seal_sha256=with_seal.fingerprint)


def request_complete(request: SignatureRequest, stored: StoredFile, *, seal_sha256: str = "") -> bool:
    """Add the signed file as the document's next version, and tell everyone; whether this call did so."""
    with transaction.atomic():
        locked = SignatureRequest.objects.select_related("document__application").lock()
        found = locked.filter(pk=request.pk, status=SignatureRequestStatus.SEALING).first()
        if found is None:
            return False
        signers = list(found.signers.all())
        names = listed([one.name for one in signers])
        version = version_add(
            document=found.document, actor=None, file=stored, note=f"Signed by {names}."[:500]
        )
        found.status, found.finished_at = SignatureRequestStatus.COMPLETED, timezone.now()
        found.signed_version, found.seal_sha256 = version, seal_sha256
        found.save(update_fields=["status", "finished_at", "signed_version", "seal_sha256"])
        if found.provider == BUILT_IN:
            SigningMail.objects.bulk_create(
                [SigningMail(signer=one, kind=SigningMailKind.COMPLETED) for one in signers]
            )
        readers = set(readers_of(found.document).values_list("pk", flat=True))
        emit(
            SignaturesCompleted(**told_of(found), signer_names=names, number=version.number),
            actor=None,
            subject=found,
            application_id=found.document.application_id,
            recipients=readers | {one.user_id for one in signers if one.user_id},
        )
        transaction.on_commit(wake_signing, robust=True)
    return True


# --- making it --------------------------------------------------------------------------------


def _for_sealing(request_id: int) -> SignatureRequest | None:
    rows = SignatureRequest.objects.select_related(
        "document__application", "version__file", "created_by"
    ).prefetch_related("signers")
    return rows.filter(pk=request_id, status=SignatureRequestStatus.SEALING).first()


def _signed_bytes(request: SignatureRequest, with_seal: Seal) -> bytes:
    certificate = press.print(Form.PDF, CERTIFICATE, _certificate_facts(request, with_seal.fingerprint))
    with document_storage().open(request.version.file.key) as file:
        pdf = cast(Any, file)
        sizes = page_sizes(pdf)
        file.seek(0)
        return seal(
            pdf,
            appended=certificate.content,
            overlays=dict(_overlays(request, sizes)),
            with_seal=with_seal,
            reason=f"Signed by {listed([one.name for one in request.signers.all()])}",
        )


def _certificate_facts(request: SignatureRequest, fingerprint: str) -> dict[str, Any]:
    zone = ZoneInfo(settings.BUSINESS_TIME_ZONE)
    document, version = request.document, request.version
    signed = in_chain(request.signers.all())
    last = signed[-1].acted_at
    assert last is not None
    return {
        "lender": parties.lender(),
        "application": {"reference": document.application.reference_number},
        "letter": {"date": long_date(last.astimezone(zone).date())},
        "document": {
            "title": document.title,
            "name": version.name,
            "version": str(version.number),
            "sha256": version.file.sha256,
            "size": f"{version.file.size:,}",
        },
        "request": {
            "sent_by": request.created_by.full_name,
            "sent_at": moment(request.created_at.astimezone(zone)),
            "completed_at": moment(last.astimezone(zone)),
        },
        "signers": [_signer_facts(one, zone) for one in signed],
        "seal": {"fingerprint": fingerprint},
    }


def _signer_facts(signer: Signer, zone: ZoneInfo) -> dict[str, Any]:
    record = signer.record
    assert record is not None
    assert signer.acted_at is not None
    return {
        "position": signer.position,
        "name": signer.name,
        "email": signer.email,
        "identified_by": IDENTIFIED.get(record["identified_by"], record["identified_by"]),
        "method": METHODS[SigningMethod(signer.method)],
        "drawing": _svg(signer),
        "typed": record["typed_name"],
        "signed_at": moment(signer.acted_at.astimezone(zone)),
        "ip_address": record["ip_address"],
        "user_agent": record["user_agent"],
        "consent": record["consent"],
        "record_sha256": signer.record_sha256,
        "previous": record["previous"],
    }


def _svg(signer: Signer) -> str:
    """A drawn signature as SVG, which a template can place; nothing of a typed one."""
    if signer.image is None:
        return ""
    content = base64.b64encode(bytes(signer.image)).decode()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'viewBox="0 0 400 120"><image width="400" height="120" preserveAspectRatio="xMinYMax meet" '
        f'xlink:href="data:image/png;base64,{content}"/></svg>'
    )


def _overlays(request: SignatureRequest, sizes: list[tuple[float, float]]) -> Iterator[tuple[int, bytes]]:
    """By page from 0, the signatures of those who have a line to sign on; letters know where theirs are."""
    letter = GeneratedLetter.objects.filter(version=request.version).first()
    by_name = {_folded(one.name): one for one in request.signers.all()}
    pages: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for place in letter.places if letter else []:
        signer = by_name.pop(_folded(place["name"]), None)
        if signer is not None and signer.record is not None and place["page"] <= len(sizes):
            drawn = {"drawing": _svg(signer), "typed": signer.record["typed_name"]}
            pages[place["page"] - 1].append({"x": place["x"], "y": place["y"] + ABOVE_LINE, **drawn})
    for number, signatures in sorted(pages.items()):
        width, height = sizes[number]
        facts = {"width": width, "height": height, "signatures": signatures}
        yield number, press.print(Form.PDF, OVERLAY, facts).content


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


# --- looking at it ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, and what is wrong with it, in words."""

    name: str
    faults: list[str]

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def request_verify(request: SignatureRequest) -> list[Check]:
    """Look at everything anew: what was signed, the records, the drawings, and the signed file."""
    signers = in_chain(request.signers.all())
    checks = [
        Check("document", list(_document_faults(request, signers))),
        Check("records", _record_faults(request, signers)),
        Check("drawings", list(_drawing_faults(signers))),
    ]
    if request.signed_version is not None:
        checks.append(Check("signed_file", list(_file_faults(request))))
    return checks


def _document_faults(request: SignatureRequest, signers: list[Signer]) -> Iterator[str]:
    file = request.version.file
    with document_storage().open(file.key) as opened:
        if beginning_hash(cast(Any, opened), file.size + 1) != file.sha256:
            yield "The document is not what was uploaded."
    for one in signers:
        if one.record is not None and one.record["document_sha256"] != file.sha256:
            yield f"{one.name} signed something else."


def _record_faults(request: SignatureRequest, signers: list[Signer]) -> list[str]:
    faults = broken_links((one.record or {}, one.record_sha256) for one in signers)
    for one in signers:
        record = one.record or {}
        shown = (request.pk, one.position, one.name, one.email, one.user_id)
        if tuple(record.get(name) for name in ("request", "signer", "name", "email", "user")) != shown:
            faults.append(f"The record of {one.name} is of somebody else.")
    return faults


def _drawing_faults(signers: list[Signer]) -> Iterator[str]:
    for one in signers:
        found = hashlib.sha256(bytes(one.image)).hexdigest() if one.image is not None else ""
        if found != (one.record or {}).get("image_sha256"):
            yield f"The drawing of {one.name} is not the one that was made."


def _file_faults(request: SignatureRequest) -> Iterator[str]:
    assert request.signed_version is not None
    kept, original = request.signed_version.file, request.version.file
    with document_storage().open(kept.key) as opened:
        file = cast(Any, opened)
        if beginning_hash(file, kept.size + 1) != kept.sha256:
            yield "The signed file is not the one that was made."
        if request.provider != BUILT_IN:
            return
        file.seek(0)
        if beginning_hash(file, original.size) != original.sha256:
            yield "The signed file does not begin with the document that was signed."
        file.seek(0)
        finding = look_at(file)
    yield from finding.faults
    # The key may have been replaced since; of files sealed before that was kept, it is the one in use.
    if finding.fingerprint and finding.fingerprint != (request.seal_sha256 or seal_of_settings().fingerprint):
        yield "The seal is not of the key that the file was sealed with."
