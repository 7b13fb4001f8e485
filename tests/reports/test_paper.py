"""Files of reports: the same cells in CSV, XLSX and PDF, whatever stands in them."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import openpyxl
import pypdfium2
import pytest

from reports.paper import Paper
from reports.paper.drawing import moments
from reports.paper.pdf import MAX_ROWS, cell_text, drawings, pdf_of
from reports.paper.tables import csv_of, tab_name, xlsx_of
from reports.shapes import Chart, Column, Kind, Look, Series, Sheet

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "＝1"]
COLUMNS = [
    Column("who", "Who", Kind.TEXT),
    Column("on", "On", Kind.DATE),
    Column("count", "Count", Kind.COUNT),
    Column("amount", "Amount", Kind.MONEY),
    Column("rate", "Rate", Kind.PERCENT),
    Column("age", "Age", Kind.DAYS),
]
ROW = ["Mia Chen", date(2025, 2, 28), 1234, Decimal("-1234567.80"), Decimal("12.5000"), Decimal("3.50")]


def paper(rows=(ROW,), charts=()):
    sheet = Sheet("main", "By person: [all]/*?", COLUMNS, rows)
    return Paper(
        "Volume",
        [sheet, Sheet("again", "By person: [all]/*?", COLUMNS[:1], [["Ōtautahi 陳美"]])],
        "Ana Admin",
        datetime(2025, 3, 1, 9, 30, tzinfo=UTC),
        "1 January to 28 February 2025",
        charts,
        {"Count": "Number of applications."},
    )


def read_pdf(content):
    document = pypdfium2.PdfDocument(content)
    return [page.get_textpage().get_text_bounded() for page in document]


def test_csv_has_plain_values_and_names_of_the_reply():
    lines = list(csv.reader(io.StringIO(b"".join(csv_of(paper().sheets[0])).decode())))
    assert lines == [
        ["who", "on", "count", "amount", "rate", "age"],
        ["Mia Chen", "2025-02-28", "1234", "-1234567.80", "12.5000", "3.50"],
    ]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_becomes_a_formula(text):
    given = paper([[text, None, None, None, None, None]])
    lines = list(csv.reader(io.StringIO(b"".join(csv_of(given.sheets[0])).decode(), newline="")))
    assert lines[1] == [f"'{text}", "", "", "", "", ""]
    book = openpyxl.load_workbook(io.BytesIO(b"".join(xlsx_of(given))))
    cell = book.worksheets[0]["A2"]
    assert (cell.value, cell.data_type) == (text, "s")


def test_a_workbook_has_real_numbers_and_dates_and_a_tab_of_definitions():
    book = openpyxl.load_workbook(io.BytesIO(b"".join(xlsx_of(paper()))))
    assert book.sheetnames == ["By person   all", "By person   all (2)", "Definitions"]
    tab = book.worksheets[0]
    assert tab.freeze_panes == "A2"
    assert [cell.value for cell in tab[1]] == [column.title for column in COLUMNS]
    assert [cell.value for cell in tab[2]] == [
        "Mia Chen",
        datetime(2025, 2, 28),
        1234,
        -1234567.8,
        0.125,
        3.5,
    ]
    assert [cell.number_format for cell in tab[2]] == [
        "General",
        "yyyy-mm-dd",
        "#,##0",
        '"$"#,##0.00;[Red]-"$"#,##0.00',
        "0.00##%",
        "#,##0.0#",
    ]
    about = {row[0]: row[1] for row in book["Definitions"].iter_rows(values_only=True)}
    assert about["Report"] == "Volume"
    assert about["Of"] == "1 January to 28 February 2025"
    assert about["Count"] == "Number of applications."


def test_names_of_tabs():
    taken: set[str] = set()
    assert tab_name("", taken) == "Report"
    assert tab_name("REPORT", taken) == "REPORT (2)"
    assert tab_name("x" * 40, taken) == "x" * 31
    assert tab_name("x" * 40, taken) == "x" * 27 + " (2)"
    assert tab_name("y" * 30 + "'s", taken) == "y" * 30


@pytest.mark.parametrize("title", ["a\x0bb", "\x01", "a\nb", "History", "\ufffe"])
def test_a_workbook_opens_whatever_its_tabs_are_called(title):
    given = paper()
    sheet = Sheet("main", title, COLUMNS, [ROW])
    content = b"".join(xlsx_of(Paper("Volume", [sheet], given.made_for, given.made_at)))
    first = openpyxl.load_workbook(io.BytesIO(content)).sheetnames[0]
    assert first.isprintable()
    assert first.lower() != "history"


def test_pages_say_what_of_whom_and_when():
    text = "\n".join(read_pdf(pdf_of(paper())))
    for words in (
        "Volume",
        "1 January to 28 February 2025",
        "made for Ana Admin, 1 March 2025, 09:30 UTC",
        "Page 1 of 1",
        "28 Feb 2025",
        "-$1,234,567.80",
        "12.5000 %",
        "Ōtautahi 陳美",
        "Number of applications.",
    ):
        assert words in text


def test_data_is_never_markup():
    text = "\n".join(read_pdf(pdf_of(paper([["#panic() $x$ *b* [c]", *ROW[1:]]]))))
    assert "#panic() $x$ *b* [c]" in text


def test_of_a_large_sheet_pages_have_the_first_rows_and_say_so():
    pages = read_pdf(pdf_of(paper([ROW] * (MAX_ROWS + 7))))
    assert sum(page.count("Mia Chen") for page in pages) == MAX_ROWS
    assert "7 further rows are in the XLSX and CSV files" in "\n".join(pages)
    assert f"Page {len(pages)} of {len(pages)}" in pages[-1]


LABELS = ["Jan 2025", "Feb 2025", "Mar 2025"]
VALUES = {
    "usual": [Decimal("5.5"), 3, 0],
    "gaps": [None, 3, None],
    "nothing": [None, None, None],
    "zeros": [0, 0, 0],
    "below zero": [Decimal(-5), 3, Decimal("-0.01")],
    "large": [10**12, 1, 0],
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_every_kind_of_chart_is_drawn_and_printed(values):
    charts = [
        Chart("a", "A chart", look, kind, LABELS, [Series("Open $5", values), Series("陳美", values)])
        for look, kind in zip(Look, (Kind.MONEY, Kind.COUNT, Kind.PERCENT, Kind.DAYS), strict=True)
    ]
    drawn = drawings(charts)
    assert len(drawn) == len(charts)
    for svg in drawn:
        assert "Feb 2025" in svg
        assert "Open $5" in svg
    text = "\n".join(read_pdf(pdf_of(paper(charts=charts))))
    assert text.count("A chart") == len(charts)
    assert "陳美" in text


def test_names_that_xml_does_not_know_are_printed():
    chart = Chart(
        "a", "A chart", Look.BARS, Kind.COUNT, ["a\x07b", "c--d -->", "\ufffe"], [Series("Open", [1, 2, 3])]
    )
    assert "A chart" in "\n".join(read_pdf(pdf_of(paper(charts=[chart]))))


def test_a_chart_without_points_is_drawn():
    assert "<svg" in drawings([Chart("a", "A", Look.LINE, Kind.COUNT, [], [Series("Count", [])])])[0]
    assert "<svg" in drawings([Chart("a", "A", Look.BARS, Kind.COUNT, [], [Series("Count", [])])])[0]


@pytest.mark.parametrize(
    ("cell", "kind", "text"),
    [
        (None, Kind.MONEY, "–"),
        (Decimal("0.00"), Kind.MONEY, "$0.00"),
        (Decimal("-0.50"), Kind.MONEY, "-$0.50"),
        (1234567, Kind.COUNT, "1,234,567"),
        (Decimal("99.90"), Kind.PERCENT, "99.90 %"),
        ("text", Kind.TEXT, "text"),
        (date(2025, 1, 2), Kind.DATE, "2 Jan 2025"),
    ],
)
def test_cells_for_people(cell, kind, text):
    assert cell_text(cell, kind) == text


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (["2025-02-01", "2025-03-01"], ["Feb 2025", "Mar 2025"]),
        (["2025-02-01", "2025-02-08"], ["1 Feb 2025", "8 Feb 2025"]),
        (["2025-03-01"], ["1 Mar 2025"]),
        (["2025-02-01", "Mia Chen"], ["2025-02-01", "Mia Chen"]),
        ([], []),
    ],
)
def test_dates_beside_an_axis_are_written_for_people(labels, shown):
    assert moments(labels) == shown
