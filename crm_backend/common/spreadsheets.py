"""Reading uploaded tables, CSV or XLSX: the content says which, and nothing in it is trusted.

Every cell comes out as text, written as a person would have typed it. Sizes are bounded before anything is
unpacked: the file, what it unpacks to, rows, columns, and cells.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from crm_backend.common import xlsx
from crm_backend.common.errors import DomainError, InvalidInput
from crm_backend.common.xlsx import TIME, Unreadable

MAX_COLUMNS = 100
MAX_CELL = 2000
# Rows are numbered by the file itself, so a small one may claim to be endless.
LAST_ROW = 100_000
ZIP_START = b"PK\x03\x04"
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")
# Numbers in XLSX are binary floats, of which spreadsheet programs show 15 significant digits.
_SIGNIFICANT = ".15g"

# Rows with the number that a spreadsheet shows.
Records = Iterator[tuple[int, Sequence[Any]]]


class FileTooLarge(DomainError):
    """The file, or what is packed in it, is larger than is read."""

    status = 413
    code = "file_too_large"
    title = "File too large"
    default_detail = "The file is too large."


class UnsupportedFile(DomainError):
    """The content is neither CSV nor XLSX, whatever its name says."""

    status = 415
    code = "unsupported_file"
    title = "Unsupported file"
    default_detail = "The file is neither CSV text nor an XLSX workbook."


@dataclass(frozen=True)
class Row:
    """One row: its number as a spreadsheet shows it, its texts by column, and cells that cannot be read."""

    number: int
    cells: dict[str, str]
    errors: dict[str, list[str]] = field(default_factory=dict)


def read_table(
    content: bytes, *, required: Sequence[str], optional: Sequence[str], max_rows: int
) -> list[Row]:
    """The rows of a table whose first row names its columns, in any order; empty rows are left out.

    Raises:
        UnsupportedFile: it is neither CSV nor XLSX.
        FileTooLarge: it unpacks to more than is read.
        InvalidInput: `file`: what is wrong with the table as a whole.
    """
    if not content.strip():
        raise _wrong("The file is empty.")
    records = _xlsx_records(content) if content.startswith(ZIP_START) else _csv_records(content)
    first, header = next(records, (1, []))
    names = _header(header if first == 1 else [], required, optional)
    rows: list[Row] = []
    for number, record in records:
        if number > LAST_ROW:
            raise _wrong(f"The table goes on below row {LAST_ROW}. Delete the empty rows.")
        values = [_text(value) for value in record]
        if not any(values):
            continue
        if len(rows) == max_rows:
            raise _wrong(f"There are more than {max_rows} rows. Split the file.")
        rows.append(_row(number, names, values))
    if not rows:
        raise _wrong("There is no row below the header.")
    return rows


def _wrong(*messages: str) -> InvalidInput:
    return InvalidInput.field("file", *messages)


def _header(record: Sequence[Any], required: Sequence[str], optional: Sequence[str]) -> list[str]:
    """The names of the columns, all of them known and each there once."""
    texts = [_text(value) for value in record]
    names = [text.reason if isinstance(text, Unreadable) else text for text in texts]
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise _wrong(f"There are more than {MAX_COLUMNS} columns.")
    known = {*required, *optional}
    unknown = [name[:64] or f"(column {place})" for place, name in enumerate(names, 1) if name not in known]
    twice = sorted({name for name in names if name in known and names.count(name) > 1})
    missing = [name for name in required if name not in names]
    messages = [
        f"{what}: {', '.join(which).rstrip('.')}."
        for what, which in (
            ("The first row must name the columns. Missing", missing),
            ("Unknown columns", unknown),
            ("Columns that are there twice", twice),
        )
        if which
    ]
    if messages:
        raise _wrong(*messages)
    return names


def _row(number: int, names: Sequence[str], values: Sequence[str | Unreadable]) -> Row:
    cells: dict[str, str] = {}
    errors: dict[str, list[str]] = {}
    if any(values[len(names) :]):
        errors["non_field_errors"] = ["There are more cells than columns."]
    for name, value in zip(names, values, strict=False):
        if isinstance(value, Unreadable):
            errors[name] = [value.reason]
        elif len(value) > MAX_CELL:
            errors[name] = [f"At most {MAX_CELL} characters."]
        elif "\x00" in value:
            errors[name] = ["Null characters are not allowed."]
        elif value:
            cells[name] = value
    return Row(number, cells, errors)


def _text(value: Any) -> str | Unreadable:
    """A cell as a person would have typed it."""
    match value:
        case None:
            return ""
        case Unreadable():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            text = format(value, _SIGNIFICANT)
            return str(int(float(text))) if "e" in text and float(text).is_integer() else text
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case date() if not isinstance(value, datetime):
            return value.isoformat()
        case str():
            return value.strip()
    return TIME


# --- CSV --------------------------------------------------------------------------------------


def _csv_records(content: bytes) -> Records:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")) or not _CONTROLS.search(content):
            raise _wrong(f"The text is not UTF-8: see byte {error.start + 1}.") from None
        raise UnsupportedFile() from None
    if text.count("\x00") * 100 > len(text):  # UTF-16 without a mark, or something else that is no text
        raise UnsupportedFile()
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    return _careful(reader)


def _careful(reader: Any) -> Records:
    try:
        yield from enumerate(reader, start=1)
    except csv.Error as error:
        raise _wrong(f"Line {reader.line_num} is not CSV: {error}.") from None


# --- XLSX -------------------------------------------------------------------------------------


def _xlsx_records(content: bytes) -> Records:
    try:
        yield from xlsx.sheet_rows(content, width=MAX_COLUMNS + 1)
    except xlsx.Damaged:
        raise _wrong("The XLSX file is damaged.") from None
    except xlsx.Protected:
        raise _wrong("The XLSX file is protected by a password.") from None
    except xlsx.NoWorkbook:
        raise UnsupportedFile() from None
    except xlsx.TooLarge:
        raise FileTooLarge(
            "The workbook unpacks to more than is read. Delete what is not the table."
        ) from None


def repeated(values: Iterable[tuple[int, str]]) -> dict[str, list[int]]:
    """The values that several rows have, with the numbers of those rows."""
    rows: dict[str, list[int]] = {}
    for number, value in values:
        rows.setdefault(value, []).append(number)
    return {value: numbers for value, numbers in rows.items() if len(numbers) > 1}
