"""Office files are archives: which parts there must be, and which must not."""

import re
import struct
import zipfile
from typing import BinaryIO

from documents.content.errors import UnsafeContent

ZIP_START = b"PK\x03\x04"
_END = b"PK\x05\x06"
_END_LENGTH = 22
MAX_PARTS = 10_000
MAX_UNPACKED = 500 * 1024 * 1024
WORKBOOK = "xl/workbook.xml"
TYPES = "[Content_Types].xml"
MAX_TYPES = 1024 * 1024
# Macros, controls, and programs: what runs by itself.
_ACTIVE_PARTS = ("vbaproject.bin", "vbadata.xml", "/activex/", "/macrosheets/")
_PROGRAMS = (".exe", ".dll", ".scr", ".com", ".js", ".vbs", ".bat", ".cmd", ".ps1", ".jar", ".hta", ".lnk")
# A file of any kind that a document carries along, as Windows packs it.
_PACKAGE = "Ole10Native".encode("utf-16-le")
MAX_OBJECT = 64 * 1024 * 1024
# Parts that are fetched when the document is opened: a template of elsewhere brings its macros along.
_EXTERNAL = re.compile(rb"<[^<>]*targetmode\s*=\s*[\"']\s*external[^<>]*>")
_FETCHED = re.compile(
    rb"\btype\s*=\s*[\"'][^\"']*/(attachedtemplate|oleobject|frame|subdocument|afchunk)[\"']"
)
_BROKEN = (
    zipfile.BadZipFile,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    ValueError,
    struct.error,
)


def is_workbook(file: BinaryIO) -> bool:
    """Whether an archive is a workbook; what else it may be is for others to say."""
    try:
        with zipfile.ZipFile(file) as archive:
            return WORKBOOK in archive.namelist()
    except _BROKEN:
        return False


def docx(file: BinaryIO) -> None:
    """A Word document without macros."""
    _check(file, "word/document.xml")


def xlsx(file: BinaryIO) -> None:
    """An Excel workbook without macros."""
    _check(file, WORKBOOK)


def _check(file: BinaryIO, main: str) -> None:
    end = file.seek(0, 2)
    file.seek(max(0, end - _END_LENGTH))
    if file.read(4) != _END:
        raise UnsafeContent("Something follows the end of this document.")
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            _check_parts(parts, main)
            types = archive.read(TYPES)
            _check_insides(archive, parts)
    except _BROKEN:
        raise UnsafeContent("This document is damaged.") from None
    if b"macroenabled" in types.lower():
        raise UnsafeContent("This document has macros.")


def _check_insides(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo]) -> None:
    for part in parts:
        name = part.filename.lower()
        if name.endswith(".rels"):
            if part.file_size > MAX_TYPES:
                raise UnsafeContent("This document unpacks to more than is read.")
            relations = _EXTERNAL.findall(archive.read(part).lower())
            if any(map(_FETCHED.search, relations)):
                raise UnsafeContent("This document fetches a part of itself from elsewhere.")
        elif "/embeddings/" in name and name.endswith(".bin"):
            if part.file_size > MAX_OBJECT or _PACKAGE in archive.read(part):
                raise UnsafeContent("There is a packed file in this document.")


def _check_parts(parts: list[zipfile.ZipInfo], main: str) -> None:
    names = [part.filename for part in parts]
    if not parts or min(part.header_offset for part in parts) != 0:
        raise UnsafeContent("Something comes before the beginning of this document.")
    if main not in names or TYPES not in names:
        raise UnsafeContent("This is an archive, not a document.")
    sizes = {part.filename: part.file_size for part in parts}
    if len(names) > MAX_PARTS or sum(sizes.values()) > MAX_UNPACKED or sizes[TYPES] > MAX_TYPES:
        raise UnsafeContent("This document unpacks to more than is read.")
    if len(set(names)) != len(names):
        raise UnsafeContent("A part of this document is there twice.")
    if any(part.flag_bits & 1 for part in parts):
        raise UnsafeContent("This document is closed with a password.")
    if any(name.startswith("/") or "\\" in name or ".." in name.split("/") for name in names):
        raise UnsafeContent("A part of this document lies outside of it.")
    lower = [f"/{name.lower()}" for name in names]
    if any(name.endswith(_PROGRAMS) or any(part in name for part in _ACTIVE_PARTS) for name in lower):
        raise UnsafeContent("There is a macro, a control or a program in this document.")
