"""Small real files of every format, and some that are not what they seem."""

import io
import zipfile
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook
from PIL import Image
from pillow_heif import register_heif_opener

from documents.models import Batch, Document, StoredFile
from documents.services.batches import UNKNOWN, Arrival, batch_create
from documents.services.documents import document_create
from documents.services.files import file_keep

register_heif_opener()
XML = '<?xml version="1.0" encoding="UTF-8"?>'
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(*texts: str) -> bytes:
    """A PDF with a page for each text (one line of Latin letters)."""
    texts = texts or ("Hello",)
    count = len(texts)
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(count))
    font = 3 + 2 * count
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {count} /Kids [{kids}] >>".encode(),
    ]
    for number, text in enumerate(texts):
        stream = f"BT /F1 24 Tf 50 700 Td ({text}) Tj ET".encode()
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {4 + 2 * number} 0 R "
            f"/Resources << /Font << /F1 {font} 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream))
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    output, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(output))
        output += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(output)
    output += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    output += b"".join(b"%010d 00000 n \n" % place for place in places)
    output += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(output)


def picture(form: str = "PNG", size: tuple[int, int] = (640, 400), **options: Any) -> bytes:
    """An image."""
    output = io.BytesIO()
    Image.new("RGB", size, (200, 80, 40)).save(output, form, **options)
    return output.getvalue()


def docx(text: str = "Dear Bea", **parts: str | bytes) -> bytes:
    """A Word document with one paragraph, and further parts by name."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f"{XML}<Types/>")
        archive.writestr(
            "word/document.xml",
            f'{XML}<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body>'
            "</w:document>",
        )
        for name, content in parts.items():
            archive.writestr(name, content)
    return output.getvalue()


def xlsx(text: str = "Rent") -> bytes:
    """A workbook with one cell."""
    book, output = Workbook(), io.BytesIO()
    book.active["A1"] = text
    book.save(output)
    return output.getvalue()


def archive() -> bytes:
    """A ZIP archive."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as packed:
        packed.writestr("run.exe", "MZ")
    return output.getvalue()


def upload(content: bytes | None = None, name: str = "offer.pdf") -> SimpleUploadedFile:
    """A file as a client sends it."""
    return SimpleUploadedFile(name, pdf() if content is None else content)


def kept(content: bytes | None = None, content_type: str = "application/pdf") -> StoredFile:
    """A file in the storage."""
    return file_keep(content=pdf() if content is None else content, content_type=content_type)


def document_of(application: Any, actor: Any, content: bytes | None = None, **fields: Any) -> Document:
    """A document on an application."""
    given = {"name": "offer.pdf", **fields}
    return document_create(application=application, actor=actor, file=kept(content), **given)


def batch_of(application: Any, actor: Any) -> Batch:
    """A batch of one file, that nobody has looked at."""
    arrival = Arrival("offer.pdf", kept(content_type=UNKNOWN))
    return batch_create(application=application, actor=actor, arrivals=[arrival])
