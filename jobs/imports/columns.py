"""The columns of an import file, and how the text of their cells is to look."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from crm_backend.common.spreadsheets import Row, read_table

Errors = dict[str, list[str]]


class Kind(StrEnum):
    """How the text of a cell is to look."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    ID = "id"
    REFERENCE = "reference"


@dataclass(frozen=True)
class ImportColumn:
    """A column: its name, the part it belongs to, the field of that part, and an example."""

    name: str
    part: str
    field: str
    example: str
    kind: Kind = Kind.TEXT
    required: bool = False


# Stricter than Python's own parsers, which take `1_000`, `1e5` and dates by weeks.
_LOOKS = {
    Kind.NUMBER: (
        re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?"),
        "Write a number as 450000.00: no thousands separators, no currency.",
    ),
    Kind.DATE: (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "Write a date as 2027-03-31 (year-month-day)."),
    Kind.BOOLEAN: (re.compile(r"(?i:true|false|yes|no)"), "Write true or false."),
    Kind.ID: (re.compile(r"[0-9]{1,18}"), "Write an id as digits."),
}


def read_rows(content: bytes, columns: Iterable[ImportColumn]) -> list[Row]:
    """The rows of an import file.

    Raises:
        UnsupportedFile, FileTooLarge, InvalidInput: see `read_table`.
    """
    known: Sequence[ImportColumn] = list(columns)
    required = [column.name for column in known if column.required]
    optional = [column.name for column in known if not column.required]
    return read_table(content, required=required, optional=optional, max_rows=settings.IMPORT_MAX_ROWS)


def wrong_looks(row: Row, by_name: Mapping[str, ImportColumn]) -> Errors:
    """Cells that do not look like what their column holds."""
    return {
        name: [_LOOKS[kind][1]]
        for name, text in row.cells.items()
        if (kind := by_name[name].kind) in _LOOKS and not _LOOKS[kind][0].fullmatch(text)
    }
