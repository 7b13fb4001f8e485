"""Reading what was printed."""

import io
from typing import Any

import docx
import pypdfium2

from documents.storage import document_storage


def text_of_pdf(content: bytes) -> str:
    with pypdfium2.PdfDocument(content) as document:
        return "\n".join(page.get_textpage().get_text_range() for page in document)


def text_of_docx(content: bytes) -> str:
    document = docx.Document(io.BytesIO(content))
    paragraphs = [one.text for one in document.paragraphs]
    for table in document.tables:
        paragraphs += [cell.text for row in table.rows for cell in row.cells]
    return "\n".join(paragraphs)


def flat(text: str) -> str:
    """Without what line breaks do to a text."""
    return "".join(text.split())


def word_template(*paragraphs: str) -> bytes:
    document, written = docx.Document(), io.BytesIO()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.save(written)
    return written.getvalue()


def stored(version: Any) -> bytes:
    """The bytes of a version of a document."""
    return b"".join(document_storage().parts(version.file.key, 0, version.file.size))
