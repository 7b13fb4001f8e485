"""What can be read of a file: its pages, its text, and a picture of the first page.

Within bounds: of a book as thick as a telephone directory the first pages tell what it is.
"""

import codecs
import io
import struct
import unicodedata
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import pypdfium2
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse
from PIL import Image, ImageOps, UnidentifiedImageError

from documents.content.checks import PICTURES, know_heic
from documents.content.errors import Unreadable

MAX_TEXT = 500_000  # characters
MAX_TEXT_PAGES = 500
MAX_ELEMENTS = 4_000_000  # of one part of an office file, beginnings and ends
THUMBNAIL = (320, 320)  # pixels at most
MAX_PAGE = 20_000  # points: a page without end is not drawn
PASSWORD = 4  # FPDF_ERR_PASSWORD
_BROKEN_PICTURE = (UnidentifiedImageError, OSError, SyntaxError, ValueError, struct.error, EOFError)
_BROKEN_PARTS = (
    zipfile.BadZipFile,
    ParseError,
    DefusedXmlException,
    OSError,
    LookupError,
    ValueError,
    EOFError,
)


@dataclass(frozen=True)
class Content:
    """What was found. `thumbnail` is WebP."""

    pages: int | None = None
    text: str = ""
    thumbnail: bytes | None = None


def read_content(file: BinaryIO, content_type: str) -> Content:
    """Read a file of a known format.

    Raises:
        Unreadable: it is damaged, or closed with a password.
    """
    match content_type.partition("/")[::2]:
        case ("application", "pdf"):
            return _pdf(file)
        case ("image", kind):
            if kind == "heic":
                know_heic()
            return _picture(file)
        case ("text", _):
            return Content(text=_plain(file))
        case (_, kind) if kind.endswith("wordprocessingml.document"):
            return Content(text=_xml(file, "word/document.xml"))
        case (_, kind) if kind.endswith("spreadsheetml.sheet"):
            return Content(text=_xml(file, "xl/sharedStrings.xml", "xl/worksheets/"))
    return Content()


def _pdf(file: BinaryIO) -> Content:
    try:
        document: Any = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        closed = getattr(error, "err_code", None) == PASSWORD
        raise Unreadable(
            "This PDF is closed with a password." if closed else "This PDF is damaged."
        ) from None
    try:
        return Content(pages=len(document), text=_joined(_texts(document)), thumbnail=_first_page(document))
    except pypdfium2.PdfiumError:
        raise Unreadable("This PDF is damaged.") from None
    finally:
        document.close()


def _texts(document: Any) -> Iterator[str]:
    for number in range(min(len(document), MAX_TEXT_PAGES)):
        page = document[number]
        text = page.get_textpage()
        yield text.get_text_bounded()
        text.close()
        page.close()


def _first_page(document: Any) -> bytes | None:
    if not len(document):
        return None
    page = document[0]
    try:
        width, height = page.get_size()
        if not 0 < max(width, height) <= MAX_PAGE:
            return None
        scale = max(THUMBNAIL) / max(width, height)
        return _webp(page.render(scale=scale).to_pil())
    finally:
        page.close()


def _picture(file: BinaryIO) -> Content:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=PICTURES) as image:
                frames = getattr(image, "n_frames", 1)
                image.draft("RGB", THUMBNAIL)
                image.thumbnail(THUMBNAIL)
                return Content(pages=frames, thumbnail=_webp(ImageOps.exif_transpose(image)))
    except (*_BROKEN_PICTURE, Image.DecompressionBombError):
        raise Unreadable("This image is damaged.") from None


def _webp(image: Image.Image) -> bytes:
    output = io.BytesIO()
    # Neither place nor camera: only what is seen.
    image.convert("RGB").save(output, "WEBP", quality=70, method=4)
    return output.getvalue()


def _plain(file: BinaryIO) -> str:
    head = file.read(MAX_TEXT * 2)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _joined([head.decode("utf-16", errors="replace")])
    try:
        # The last character may be cut in two, if there is more than is read.
        is_all = len(head) < MAX_TEXT * 2
        return _joined([codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=is_all)])
    except UnicodeDecodeError:
        return _joined([head.decode("cp1252", errors="replace")])


def _xml(file: BinaryIO, *beginnings: str) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            parts = [name for name in archive.namelist() if name.startswith(beginnings)]
            return _joined(word for part in parts if part.endswith(".xml") for word in _words(archive, part))
    except _BROKEN_PARTS:
        raise Unreadable("This document is damaged.") from None


def _words(archive: zipfile.ZipFile, part: str) -> Iterator[str]:
    with archive.open(part) as stream:
        above: list[Any] = []
        for number, (event, element) in enumerate(iterparse(stream, events=("start", "end"))):
            if number > MAX_ELEMENTS:
                return
            if event == "start":
                above.append(element)
                continue
            name = element.tag.rpartition("}")[2]
            if name == "t" and element.text:
                yield element.text
            elif name in ("p", "si"):
                yield "\n"
            above.pop()
            if above:
                # What was read goes: an element keeps its children otherwise, however many there are.
                above[-1].clear()


def _joined(texts: Iterable[str]) -> str:
    """The beginning of texts, as a column can hold it."""
    found: list[str] = []
    length = 0
    for text in texts:
        found.append(text)
        length += len(text)
        if length > MAX_TEXT:
            break
    # Ligatures and full-width forms as people type them.
    plain = unicodedata.normalize("NFKC", "".join(found)[:MAX_TEXT])
    return plain.replace("\x00", "").encode(errors="replace").decode()
