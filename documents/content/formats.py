"""Which format a file has, by its content: one of those that are known here, or none.

The name counts for one thing only: text that is called `.csv` is a table.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import BinaryIO

import filetype

from documents.content import checks, office
from documents.content.errors import UnknownFormat

HEAD = 8192

Check = Callable[[BinaryIO], None]


@dataclass(frozen=True)
class Format:
    """A format that is accepted: its usual ending, its media type, and what else a file of it must fulfil."""

    extension: str
    content_type: str
    check: Check

    @property
    def is_picture(self) -> bool:
        """Whether it is an image."""
        return self.content_type.startswith("image/")


DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS = {
    one.extension: one
    for one in (
        Format("pdf", "application/pdf", checks.pdf),
        Format("jpg", "image/jpeg", checks.picture),
        Format("png", "image/png", checks.png),
        Format("webp", "image/webp", checks.webp),
        Format("tif", "image/tiff", checks.picture),
        Format("heic", "image/heic", checks.heic),
        Format("docx", DOCX, office.docx),
        Format("xlsx", XLSX, office.xlsx),
        Format("csv", "text/csv", checks.text),
        Format("txt", "text/plain", checks.text),
    )
}
TEXTS = ("csv", "txt")


def format_of(file: BinaryIO, *, name: str, allowed: Collection[str]) -> Format:
    """The format of a file, read to the end where that takes it; `allowed` are extensions.

    Raises:
        UnknownFormat: it is none of the allowed ones.
        UnsafeContent: it is one of them and something else as well, or may act by itself.
    """
    file.seek(0)
    head = file.read(HEAD)
    found = _known(file, head, name)
    if found is None or found.extension not in allowed:
        raise UnknownFormat(f"Send one of these: {', '.join(sorted(allowed))}.")
    file.seek(0)
    found.check(file)
    file.seek(0)
    return found


def _known(file: BinaryIO, head: bytes, name: str) -> Format | None:
    if head.startswith(office.ZIP_START):
        return FORMATS["xlsx" if office.is_workbook(file) else "docx"]
    kind = filetype.guess(head)
    if kind is not None:
        return next((one for one in FORMATS.values() if one.content_type == kind.mime), None)
    is_table = name.lower().endswith(".csv")
    return FORMATS["csv" if is_table else "txt"] if head and checks.looks_like_text(head) else None
