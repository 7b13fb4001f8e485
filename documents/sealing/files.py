"""Adding pages and a seal behind the bytes of a PDF, and looking whether they are still as they were."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from asn1crypto import x509
from pyhanko.pdf_utils import generic, misc
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject
from pyhanko.sign import fields, signers
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext

from documents.sealing.keys import Seal

FIELD = "Seal"
BLOCK = 256 * 1024
# What a broken or hostile file makes the library raise.
UNREADABLE = (misc.PdfError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)


class NotSignable(ValueError):
    """The file cannot be signed; the message says why, for people."""


def page_sizes(file: BinaryIO) -> list[tuple[float, float]]:
    """Width and height of each page, points.

    Raises:
        NotSignable: it is no PDF that can be read, it is encrypted, or signed by somebody already.
    """
    try:
        reader = PdfFileReader(file, strict=False)
        if reader.encrypted:
            raise NotSignable("This PDF is encrypted. Send one that opens without a password.")
        if reader.embedded_signatures:
            raise NotSignable("This PDF has a digital signature already, which another one would break.")
        count = int(reader.root["/Pages"]["/Count"])
        return [_size(reader, number) for number in range(count)]
    except NotSignable:
        raise
    except UNREADABLE as error:
        raise NotSignable(f"This PDF cannot be read: {error}") from None


def _size(reader: Any, number: int) -> tuple[float, float]:
    page, _ = reader.find_page_for_modification(number)
    node = page.get_object()
    while "/MediaBox" not in node:
        node = node["/Parent"]
    left, bottom, right, top = (float(one) for one in node["/MediaBox"])
    return right - left, top - bottom


def seal(
    file: BinaryIO, *, appended: bytes, overlays: Mapping[int, bytes], with_seal: Seal, reason: str
) -> bytes:
    """The file with drawings on some pages (from 0), pages behind the last, and a seal that forbids changes.

    Raises:
        NotSignable: it cannot be written to.
    """
    try:
        writer = IncrementalPdfFileWriter(file, strict=False)
        for number, overlay in overlays.items():
            _draw(writer, number, overlay)
        other = PdfFileReader(io.BytesIO(appended))
        for number in range(int(other.root["/Pages"]["/Count"])):
            _append(writer, other, number)
        fields.append_signature_field(writer, fields.SigFieldSpec(FIELD))
        about = signers.PdfSignatureMetadata(
            field_name=FIELD,
            reason=reason,
            md_algorithm="sha256",
            certify=True,
            docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        )
        written = io.BytesIO()
        signers.sign_pdf(writer, about, signer=with_seal.signer(), output=written)
    except (*UNREADABLE, SigningError) as error:
        raise NotSignable(f"This PDF cannot be signed: {error}") from None
    return written.getvalue()


def _append(writer: Any, other: PdfFileReader, number: int) -> None:
    drawn = writer.import_page_as_xobject(other, number)
    box = [float(one) for one in drawn.get_object()["/BBox"]]
    content = writer.add_object(generic.StreamObject(stream_data=b"q /Page Do Q"))
    page: Any = PageObject
    writer.insert_page(page(contents=content, media_box=box, resources=_resources("/Page", drawn)))


def _draw(writer: Any, number: int, overlay: bytes) -> None:
    drawn = writer.import_page_as_xobject(PdfFileReader(io.BytesIO(overlay)), 0)
    name = f"/Signatures{number}"
    content = writer.add_object(generic.StreamObject(stream_data=f" q {name} Do Q ".encode()))
    writer.add_stream_to_page(number, content, resources=_resources(name, drawn))


def _resources(name: str, drawn: Any) -> Any:
    dictionary: Any = generic.DictionaryObject
    objects = dictionary({generic.pdf_name(name): drawn})
    return dictionary({generic.pdf_name("/XObject"): objects})


@dataclass(frozen=True)
class Finding:
    """What a look at a sealed file found: the fingerprint of who sealed it, and what is wrong, in words."""

    fingerprint: str
    faults: list[str]


def look_at(file: BinaryIO) -> Finding:
    """Whether the seal covers all of a file, and nothing was changed since."""
    try:
        found = PdfFileReader(file, strict=False).embedded_signatures
        if len(found) != 1:
            return Finding("", ["The file has no seal." if not found else "The file has further signatures."])
        return _judge(found[0])
    except (*UNREADABLE, SignatureValidationError) as error:
        return Finding("", [f"The file cannot be read any more: {error}"])


def _judge(signature: Any) -> Finding:
    certificate: x509.Certificate = signature.signer_cert
    context = ValidationContext(trust_roots=[certificate], allow_fetching=False)
    status = validate_pdf_signature(signature, context)
    faults = []
    if not status.intact:
        faults.append("The file was changed after it was sealed.")
    if not status.valid:
        faults.append("The seal is not one of its certificate.")
    if status.coverage != SignatureCoverageLevel.ENTIRE_FILE:
        faults.append("Something was added to the file after it was sealed.")
    return Finding(hashlib.sha256(certificate.dump()).hexdigest(), faults)


def beginning_hash(file: BinaryIO, size: int) -> str:
    """SHA-256 of the first bytes of a file, hexadecimal."""
    digest, left = hashlib.sha256(), size
    while left and (block := file.read(min(BLOCK, left))):
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()
