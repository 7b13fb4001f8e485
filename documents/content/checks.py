"""That a file is one format from its first byte to its last, and nothing else besides.

A polyglot is a picture for one program and a script, a page or an archive for another. Files are read by
blocks; none is ever held whole.
"""

import codecs
import re
import struct
import warnings
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from documents.content.errors import UnsafeContent

BLOCK = 256 * 1024
# What makes a browser, a server or an archiver take a file for something else; in small letters.
MARKERS = (
    b"<script",
    b"<?php",
    b"<html",
    b"<!doctype html",
    b"<svg xmlns",
    b"<iframe",
    b"rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
)
_OVERLAP = max(map(len, MARKERS)) - 1
# After these nothing of the format follows.
PDF_START, PDF_END = b"%PDF-", b"%%EOF"
PNG_START = b"\x89PNG\r\n\x1a\n"
PDF_TAIL = 4096
PDF_HEAD = 1024
MAX_PIXELS = 200_000_000
PICTURES = ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"]
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
# Texts that begin like this are pages or drawings, whatever follows.
_PAGE = re.compile(
    r"\s*(<!--.*?-->\s*)*<(\?xml|!doctype|html|head|body|svg|xml|object|embed|meta|img)\b",
    re.IGNORECASE | re.DOTALL,
)
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def pdf(file: BinaryIO) -> None:
    """A PDF: it begins and ends as one, and does nothing by itself.

    Raises:
        UnsafeContent: there is an archive, a page, a script or a program in it, or something after it.
    """
    head = file.read(BLOCK)
    if not head.startswith(PDF_START):
        raise UnsafeContent("Something comes before the beginning of the PDF.")
    # Where programs look when they guess by the first bytes; later on, text may speak of pages.
    if any(marker in head[:PDF_HEAD].lower() for marker in MARKERS):
        raise UnsafeContent("There is a script or a page in the head of this PDF.")
    tail = _tail(file, PDF_TAIL)
    place = tail.rfind(PDF_END)
    if place < 0 or tail[place + len(PDF_END) :].strip(b"\r\n\t \x00"):
        raise UnsafeContent("This PDF does not end as one: it is cut off, or something follows it.")
    no_archive(file)
    # Loaded where files are looked at: other processes have no use for it.
    from documents.content.actions import refuse_actions

    refuse_actions(file)


def picture(file: BinaryIO) -> None:
    """An image that can be opened, of a size that can be shown, without a script or an archive in it."""
    no_markers(file)
    no_archive(file)
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=PICTURES) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise UnsafeContent("This image has more pixels than can be shown.")
    except Image.DecompressionBombError:
        raise UnsafeContent("This image has more pixels than can be shown.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, struct.error):
        raise UnsafeContent("This image is damaged.") from None


def png(file: BinaryIO) -> None:
    """A PNG: one chunk after the other to the last, and nothing after that."""
    file.seek(len(PNG_START))
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise UnsafeContent("This PNG image is cut off.")
        length, name = struct.unpack(">I4s", head)
        file.seek(length + 4, 1)
        if name == b"IEND":
            break
    if file.read(1):
        raise UnsafeContent("Something follows the end of this PNG image.")
    picture(file)


def webp(file: BinaryIO) -> None:
    """A WebP image: as long as it says that it is."""
    head = file.read(8)
    size = struct.unpack("<I", head[4:8])[0] + 8
    end = file.seek(0, 2)
    if not size <= end <= size + 1:
        raise UnsafeContent("This WebP image is cut off, or something follows it.")
    picture(file)


def heic(file: BinaryIO) -> None:
    """A HEIC photograph: one box after the other, to the very end (ISO/IEC 14496-12, 4.2)."""
    end, place = file.seek(0, 2), 0
    while place < end:
        file.seek(place)
        head = file.read(16)
        length = struct.unpack(">I", head[:4])[0] if len(head) >= 8 else -1
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:])[0]
        if length == 0:  # to the end of the file
            break
        if length < 8 or place + length > end:
            raise UnsafeContent("This HEIC image is cut off, or something follows it.")
        place += length
    know_heic()
    picture(file)


def know_heic() -> None:
    """Have Pillow open HEIC; loaded when it is needed, for it is large."""
    from pillow_heif import register_heif_opener

    register_heif_opener()


def text(file: BinaryIO) -> None:
    """Text: characters alone, and none that a shell, a browser or a server would run."""
    start = file.read(4)
    encoding = next((name for bom, name in _BOMS.items() if start.startswith(bom)), "utf-8")
    try:
        _readable(file, encoding)
    except UnicodeDecodeError:
        # What older programs for Windows write; it has a character for nearly every byte.
        try:
            _readable(file, "cp1252")
        except UnicodeDecodeError:
            raise UnsafeContent("This is neither text nor a format that is known here.") from None


def looks_like_text(head: bytes) -> bool:
    """Whether these may be the first bytes of a text."""
    return head.startswith(tuple(_BOMS)) or b"\x00" not in head


def no_markers(file: BinaryIO) -> None:
    """Refuse scripts, pages and archives anywhere in a file that has no place for them."""
    file.seek(0)
    before = b""
    for block in _blocks(file):
        window = (before + block).lower()
        if any(marker in window for marker in MARKERS):
            raise UnsafeContent("There is a script, a page or an archive in this file.")
        before = block[-_OVERLAP:]


def no_archive(file: BinaryIO) -> None:
    """Refuse a file that is a ZIP archive as well: those are read from their end."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            is_archive = bool(archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, LookupError, NotImplementedError, struct.error):
        return
    if is_archive:
        raise UnsafeContent("This file is a ZIP archive as well.")


def _readable(file: BinaryIO, encoding: str) -> None:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    before, is_start = "", True
    for block in _blocks(file):
        words = decoder.decode(block)
        if _CONTROLS.search(words):
            raise UnsafeContent("There are control characters in this text.")
        if is_start and words.lstrip().startswith("#!"):
            raise UnsafeContent("This text is a script.")
        if is_start and _PAGE.match(words):
            raise UnsafeContent("This text is a page or a drawing.")
        is_start = False
        window = (before + words).lower().encode(errors="replace")
        if any(marker in window for marker in MARKERS):
            raise UnsafeContent("There is a script or a page in this text.")
        before = words[-_OVERLAP:]
    decoder.decode(b"", final=True)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


def _tail(file: BinaryIO, length: int) -> bytes:
    end = file.seek(0, 2)
    file.seek(max(0, end - length))
    return file.read()
