"""A report as tables: one sheet as CSV, all of them as a workbook.

Texts that a spreadsheet program would take for a formula stay texts in both. Numbers, dates and percentages
are real ones in a workbook; a percentage is kept as a part of one, which is what its format shows.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from crm_backend.common import downloads
from crm_backend.common.downloads import BLOCK, csv_parts
from reports.paper import Paper
from reports.shapes import Cell, Column, Kind, Sheet

# How many decimals a CSV file's numbers have does not matter: they are written as they are.
NUMBERS = frozenset({Kind.COUNT, Kind.MONEY, Kind.PERCENT, Kind.DAYS})
FORMATS = {
    Kind.COUNT: "#,##0",
    Kind.MONEY: '"$"#,##0.00;[Red]-"$"#,##0.00',
    Kind.PERCENT: "0.00##%",
    Kind.DAYS: "#,##0.0#",
    Kind.DATE: "yyyy-mm-dd",
}
BOLD = Font(bold=True)
WIDEST = 60
# Characters that names of tabs may not have.
_NO_TAB = re.compile(r"[\x00-\x1f\x7f\\\[\]:*?/]")
# The name that Excel keeps for itself.
RESERVED = "history"
TAB_LENGTH = 31
_LOOKED_AT = 200


def csv_of(sheet: Sheet, *, bom: bool = False) -> Iterator[bytes]:
    """One sheet by blocks; the header has the names that replies have."""
    columns = [downloads.Column(one.key, 2 if one.kind in NUMBERS else None) for one in sheet.columns]
    return csv_parts(columns, sheet.rows, bom=bom)


def xlsx_of(paper: Paper) -> Iterator[bytes]:
    """A tab for each sheet, and one that says what the figures are; written row by row, to the disk first."""
    book = Workbook(write_only=True)
    taken = {RESERVED}
    for sheet in paper.sheets:
        _tab(book, tab_name(sheet.title, taken), sheet.columns, sheet.rows)
    about = [
        ("Report", paper.title),
        ("Of", paper.subtitle),
        ("Made for", paper.made_for),
        ("Made at", f"{paper.made_at:%Y-%m-%d %H:%M %Z}"),
        *paper.definitions.items(),
    ]
    columns = [Column("name", "Name", Kind.TEXT), Column("definition", "What it is", Kind.TEXT)]
    _tab(book, tab_name("Definitions", taken), columns, [row for row in about if row[1]])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while block := file.read(BLOCK):
            yield block


def tab_name(title: str, taken: set[str]) -> str:
    """A name that a tab may have and no other has, also where capitals do not count."""
    stem = downloads.printable(_NO_TAB.sub(" ", title)).strip(" '") or "Report"
    name, number = stem[:TAB_LENGTH].rstrip(" '"), 1
    while name.lower() in taken:
        number += 1
        ending = f" ({number})"
        name = stem[: TAB_LENGTH - len(ending)] + ending
    taken.add(name.lower())
    return name


def _tab(book: Any, name: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    tab = book.create_sheet(name)
    tab.freeze_panes = "A2"
    for place, column in enumerate(columns):
        longest = max([len(column.title), *(len(str(row[place])) for row in rows[:_LOOKED_AT])])
        tab.column_dimensions[get_column_letter(place + 1)].width = min(WIDEST, longest + 4)
    tab.append([_text(tab, column.title, bold=True) for column in columns])
    for row in rows:
        tab.append([_cell(tab, value, column.kind) for value, column in zip(row, columns, strict=True)])


def _cell(tab: Any, value: Cell, kind: Kind) -> Any:
    if value is None:
        return None
    if isinstance(value, str):
        return _text(tab, value)
    cell: Any = WriteOnlyCell(tab, Decimal(value) / 100 if kind is Kind.PERCENT else value)  # type: ignore[arg-type]
    cell.number_format = FORMATS.get(kind, "General")
    return cell


def _text(tab: Any, value: str, *, bold: bool = False) -> Any:
    cell: Any = WriteOnlyCell(tab, downloads.printable(value))
    cell.data_type = "s"
    if bold:
        cell.font = BOLD
    return cell
