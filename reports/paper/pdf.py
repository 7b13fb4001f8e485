"""A report as pages: charts drawn by one child process, pages set by the one that prints letters.

Neither loads anything into the process that asks. Large tables are no pages to read: a workbook is for them.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings

from crm_backend.common.downloads import printable
from documents.letters.press import Form, press
from reports.paper import Paper
from reports.shapes import Cell, Chart, Kind, Sheet

_HERE = Path(__file__).parent
SOURCE = (_HERE / "report.typ").read_bytes()
MAX_ROWS = 1000
DRAWING_SECONDS = 60
NUMBERS = frozenset({Kind.COUNT, Kind.MONEY, Kind.PERCENT, Kind.DAYS})


def pdf_of(paper: Paper) -> bytes:
    """The pages of a report; of a sheet the first thousand rows, and a line that says so."""
    data = {
        "lender": settings.LENDER_NAME,
        "title": paper.title,
        "subtitle": paper.subtitle,
        "made_for": paper.made_for,
        "made_at": f"{paper.made_at:%-d %B %Y, %H:%M %Z}",
        "charts": [
            {"title": chart.title, "svg": svg}
            for chart, svg in zip(paper.charts, drawings(paper.charts), strict=True)
        ],
        "sheets": [_sheet(sheet) for sheet in paper.sheets],
        "definitions": [[title, words] for title, words in paper.definitions.items()],
    }
    return press.print(Form.PDF, SOURCE, data).content


def drawings(charts: Sequence[Chart]) -> list[str]:
    """Each chart as SVG."""
    if not charts:
        return []
    asked = [
        {
            "look": chart.look,
            "kind": chart.kind,
            # They stand in the SVG, which is XML.
            "labels": [printable(label) for label in chart.labels],
            "series": [{"name": one.name, "values": [_drawn(v) for v in one.values]} for one in chart.series],
        }
        for chart in charts
    ]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-I", str(_HERE / "drawing.py")],
            input=json.dumps(asked).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=DRAWING_SECONDS,
            check=True,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "MPLCONFIGDIR": folder},
        )
    found: list[str] = json.loads(done.stdout)
    return found


def _drawn(value: Decimal | int | None) -> float | None:
    return None if value is None else float(value)


def _sheet(sheet: Sheet) -> dict[str, Any]:
    left_out = len(sheet.rows) - MAX_ROWS
    return {
        "title": sheet.title,
        "columns": [{"title": one.title, "number": one.kind in NUMBERS} for one in sheet.columns],
        "rows": [
            [cell_text(cell, column.kind) for cell, column in zip(row, sheet.columns, strict=True)]
            for row in sheet.rows[:MAX_ROWS]
        ],
        "note": f"{left_out:,} further rows are in the XLSX and CSV files of this report."
        if left_out > 0
        else "",
    }


def cell_text(cell: Cell, kind: Kind) -> str:
    """A cell as people read it."""
    if cell is None:
        return "–"
    if isinstance(cell, date):
        return f"{cell:%-d %b %Y}"
    if kind is Kind.MONEY:
        sign = "-" if Decimal(cell) < 0 else ""
        return f"{sign}${abs(Decimal(cell)):,.2f}"
    if kind is Kind.PERCENT:
        return f"{cell} %"
    return f"{cell:,}" if isinstance(cell, int | Decimal) else cell
