"""Reading the first sheet of an XLSX workbook, in memory that does not depend on what the file claims.

The parts are read as a stream of elements: no tree is built, and of the styles only what tells a date from a
number is kept. Entities are refused with the document type that would declare them. Formulas are not worked
out, and so not read.
"""

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel, from_ISO8601
from openpyxl.utils.exceptions import CellCoordinatesException

# Text and numbers pack to about a tenth, so this is more than a large upload unpacks to.
MAX_UNPACKED = 50 * 1024 * 1024
MAX_PARTS = 1000
# A full sheet of 5000 rows has less than half of this; the rest is for formatted cells without a value.
MAX_ELEMENTS = 1_000_000
# A cell of a spreadsheet program holds no more.
MAX_TEXT = 32_767
# One start tag with all its attributes, or one comment, bytes.
MAX_TOKEN = 512 * 1024
# Numbers in XLSX are binary floats, of which spreadsheet programs keep 15 significant digits.
EXACT_BELOW = 1e15
_BLOCK = 64 * 1024
_WORKBOOK = "xl/workbook.xml"


class Damaged(Exception):
    """The file cannot be read as a workbook."""


class Protected(Exception):
    """The file is encrypted."""


class NoWorkbook(Exception):
    """The archive is something else than a workbook."""


class TooLarge(Exception):
    """The file unpacks to more than is read."""


@dataclass(frozen=True)
class Unreadable:
    """A cell that holds something else than a value."""

    reason: str


FORMULA = Unreadable("This cell holds a formula; enter its value.")
ERROR = Unreadable("This cell holds an error.")
TIME = Unreadable("This is a time, not a date.")
LONG = Unreadable("This number is too long for a spreadsheet to keep; store long numbers as text.")

_read_iso: Any = from_ISO8601

# Whatever a reader trips over in a file that somebody made to trip it.
_BROKEN = (
    CellCoordinatesException,
    ExpatError,
    zipfile.BadZipFile,
    zlib.error,
    ArithmeticError,
    EOFError,
    LookupError,
    NotImplementedError,  # what zipfile says of features that it lacks
    OSError,
    TypeError,
    ValueError,
)


def sheet_rows(content: bytes, *, width: int) -> Iterator[tuple[int, list[Any]]]:
    """The rows of the first sheet with their numbers, of each the first `width` cells.

    Raises:
        NoWorkbook, Protected, TooLarge, Damaged: also while the rows are read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check(archive.infolist())
            yield from _Book(archive).rows(width)
    except _BROKEN:
        raise Damaged from None


def _check(parts: list[zipfile.ZipInfo]) -> None:
    """Look at the table of contents before anything is unpacked; readers then hold the parts to it."""
    if not {"[Content_Types].xml", _WORKBOOK} <= {part.filename for part in parts}:
        raise NoWorkbook
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise TooLarge
    if any(part.flag_bits & 0x1 for part in parts):
        raise Protected
    if any(part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for part in parts):
        raise Damaged  # no program packs workbooks in another way


class _Part:
    """What is taken from one part of the archive: told of its elements by their names without namespace."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Text, perhaps only a piece of it."""


class _Book:
    """The archive of a workbook."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self._elements = 0

    def rows(self, width: int) -> Iterator[tuple[int, list[Any]]]:
        """The rows of the first sheet."""
        contents, links = _Contents(), _Links()
        self._read(_WORKBOOK, contents)
        self._read("xl/_rels/workbook.xml.rels", links)
        styles, strings = _Styles(), _Strings()
        if "styles" in links.parts:
            self._read(links.parts["styles"], styles)
        if "sharedStrings" in links.parts:
            self._read(links.parts["sharedStrings"], strings)
        first = next((links.sheets[key] for key in contents.sheets if key in links.sheets), None)
        if first is None:
            raise Damaged
        epoch = CALENDAR_MAC_1904 if contents.since_1904 else CALENDAR_WINDOWS_1900
        sheet = _Sheet(width, _Values(strings.texts, styles.kinds, epoch))
        for _ in self._events(first, sheet):
            yield from sheet.taken()

    def _read(self, name: str, part: _Part) -> None:
        for _ in self._events(name, part):
            pass

    def _events(self, name: str, part: _Part) -> Iterator[None]:
        """Tell a part of its elements, block by block."""
        parser = ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        told = 0

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal told
            told += 1
            self._elements += 1
            if self._elements > MAX_ELEMENTS:
                raise TooLarge
            part.start(tag.rpartition(" ")[2], attributes)

        def text(piece: str) -> None:
            nonlocal told
            told += 1
            part.text(piece)

        def refuse(*_: Any) -> None:
            raise Damaged

        parser.StartDoctypeDeclHandler = refuse
        parser.StartElementHandler = start
        parser.EndElementHandler = lambda tag: part.end(tag.rpartition(" ")[2])
        parser.CharacterDataHandler = text
        silent = 0
        with self.archive.open(name) as file:
            while block := file.read(_BLOCK):
                before = told
                parser.Parse(block, False)
                silent = silent + len(block) if told == before else 0
                if silent > MAX_TOKEN:
                    raise Damaged
                yield
        parser.Parse(b"", True)
        yield


class _Contents(_Part):
    """`workbook.xml`: the sheets in their order, and from when days are counted."""

    def __init__(self) -> None:
        self.sheets: list[str] = []
        self.since_1904 = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if name == "sheet":
            self.sheets += [value for key, value in attributes.items() if key.endswith(" id")]
        elif name == "workbookPr":
            self.since_1904 = attributes.get("date1904") in ("1", "true")


class _Links(_Part):
    """`workbook.xml.rels`: where the parts are."""

    def __init__(self) -> None:
        self.sheets: dict[str, str] = {}
        self.parts: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if name != "Relationship" or attributes.get("TargetMode") == "External":
            return
        kind = attributes.get("Type", "").rpartition("/")[2]
        place = posixpath.normpath(posixpath.join("/xl", attributes.get("Target", ""))).lstrip("/")
        if kind == "worksheet":
            self.sheets[attributes.get("Id", "")] = place
        else:
            self.parts.setdefault(kind, place)


class _Styles(_Part):
    """`styles.xml`: of each style of cells, whether it shows a number, a date, or a time span."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self._formats: dict[str, str] = {str(key): value for key, value in BUILTIN_FORMATS.items()}
        self._in_cells = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if name == "numFmt":
            self._formats[attributes.get("numFmtId", "")] = _kind(attributes.get("formatCode", ""))
        elif name == "cellXfs":
            self._in_cells = True
        elif name == "xf" and self._in_cells:
            code = self._formats.get(attributes.get("numFmtId", "0"), "")
            self.kinds.append(code if code in ("date", "span") else _kind(code))

    def end(self, name: str) -> None:
        """An element ends."""
        if name == "cellXfs":
            self._in_cells = False


def _kind(code: str) -> str:
    if is_timedelta_format(code):
        return "span"
    return "date" if is_date_format(code) else ""


class _Text:
    """Text that comes in pieces, no more of it than a cell may hold."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.room = MAX_TEXT

    def add(self, piece: str) -> None:
        """One more piece."""
        if self.room > 0 and piece:
            self.pieces.append(piece[: self.room])
            self.room -= len(piece)

    def __str__(self) -> str:
        return "".join(self.pieces).strip()


class _Strings(_Part):
    """`sharedStrings.xml`: texts that cells refer to by their place, without the spelling of their sounds."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._text = _Text()
        self._is_text = self._is_sound = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if name == "si":
            self._text = _Text()
        elif name == "rPh":
            self._is_sound = True
        self._is_text = name == "t" and not self._is_sound

    def end(self, name: str) -> None:
        """An element ends."""
        self._is_text = False
        if name == "si":
            self.texts.append(str(self._text))
        elif name == "rPh":
            self._is_sound = False

    def text(self, text: str) -> None:
        """A piece of text."""
        if self._is_text:
            self._text.add(text)


@dataclass(frozen=True)
class _Values:
    """What a cell's text means."""

    strings: list[str]
    kinds: list[str]
    epoch: Any

    def of(self, kind: str, style: str, text: str) -> Any:
        """The value; a number that cannot be one is an error of its cell."""
        match kind:
            case "s":
                return self.strings[int(text)] if text else None
            case "str" | "inlineStr":
                return text
            case "e":
                return ERROR
            case "b":
                return text in ("1", "true") if text else None
        if not text:
            return None
        try:
            return _read_iso(text) if kind == "d" else self._number(float(text), style)
        except (ArithmeticError, TypeError, ValueError):
            return ERROR

    def _number(self, number: float, style: str) -> Any:
        place = int(style)
        kind = self.kinds[place] if place < len(self.kinds) else ""
        if kind == "span":
            return TIME
        if kind == "date":
            return from_excel(number, self.epoch)
        if number != number:  # NaN is no number
            return ERROR
        return number if abs(number) < EXACT_BELOW else LONG


class _Sheet(_Part):
    """A sheet: rows that are complete wait in `taken`."""

    def __init__(self, width: int, values: _Values) -> None:
        self.width, self.values = width, values
        self._rows: list[tuple[int, list[Any]]] = []
        self._number = self._column = 0
        self._cells: list[Any] = []
        self._kind, self._style = "n", "0"
        self._is_formula = self._is_text = self._is_sound = False
        self._text = _Text()

    def taken(self) -> list[tuple[int, list[Any]]]:
        """The rows since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._is_text = False
        match name:
            case "row":
                self._begin_row(attributes)
            case "c":
                self._begin_cell(attributes)
            case "f":
                self._is_formula = True
            case "rPh":
                self._is_sound = True
            case "v" | "t":
                # Text in place is in `t`, and what a value is in `v`.
                self._is_text = (name == "t") == (self._kind == "inlineStr") and not self._is_sound

    def _begin_row(self, attributes: dict[str, str]) -> None:
        number = int(attributes.get("r") or self._number + 1)
        if number <= self._number:
            raise Damaged
        self._number, self._column, self._cells = number, 0, []

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r")
        self._column = (
            column_index_from_string(coordinate_from_string(place)[0]) if place else self._column + 1
        )
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
        self._is_formula, self._text = False, _Text()

    def end(self, name: str) -> None:
        """An element ends."""
        self._is_text = False
        if name == "row":
            self._rows.append((self._number, self._cells))
        elif name == "rPh":
            self._is_sound = False
        elif name == "c" and self._column <= self.width:
            self._cells += [None] * (self._column - len(self._cells))
            text = str(self._text)
            value = FORMULA if self._is_formula else self.values.of(self._kind, self._style, text)
            self._cells[self._column - 1] = value

    def text(self, text: str) -> None:
        """A piece of text."""
        if self._is_text:
            self._text.add(text)
