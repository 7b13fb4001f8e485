"""Whatever is uploaded: rows, or a refusal that says why; and numbers as they were typed."""

import csv
import io
import re
import tracemalloc
import zipfile
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from crm_backend.common.downloads import Column, csv_parts, harmless
from crm_backend.common.errors import DomainError, InvalidInput
from crm_backend.common.spreadsheets import read_table
from tests.tables import xlsx_file

GOOD = xlsx_file({"a": "1", "b": 2.5}, {"a": "x", "b": True})
quick = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def read(content, max_rows=100):
    return read_table(content, required=["a"], optional=["b"], max_rows=max_rows)


def survives(content):
    """Read it; a refusal is fine, anything else is not."""
    with suppress(DomainError):
        read(content)


@quick
@given(st.binary(max_size=400))
def test_any_bytes(content):
    survives(content)


@quick
@given(st.text(max_size=200))
def test_any_text_below_a_good_header(text):
    survives(b"a,b\n" + text.encode("utf-8", "surrogatepass"))


@quick
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8))
@pytest.mark.filterwarnings("ignore")
def test_any_damage_to_a_workbook(place, noise):
    survives(GOOD[:place] + noise + GOOD[place + len(noise) :])


PARTS = {
    name: zipfile.ZipFile(io.BytesIO(GOOD)).read(name)
    for name in zipfile.ZipFile(io.BytesIO(GOOD)).namelist()
}
XML = st.sampled_from(
    [
        b"",
        b"<a/>",
        b"</row>",
        b'r="0"',
        b't="s"',
        b'r="ZZZZZ1"',
        b'r="-5"',
        b"1e999",
        b"NaN",
        b'count="9"',
        b"<v>",
        b"&b;",
    ]
)


STRINGS = b'<Relationship Type="x/sharedStrings" Target="sharedStrings.xml" Id="rIdS"/></Relationships>'


def rebuilt(packing=zipfile.ZIP_DEFLATED, **parts):
    """The good workbook with other parts, named by the ends of their names."""
    links = PARTS["xl/_rels/workbook.xml.rels"].replace(b"</Relationships>", STRINGS)
    whole = {**PARTS, "xl/_rels/workbook.xml.rels": links, "xl/sharedStrings.xml": b"<sst/>"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, body in whole.items():
            own = next((parts[key] for key in parts if re.search(rf"\b{key}1?\.xml$", name)), body)
            archive.writestr(name, own)
    return buffer.getvalue()


def sheet_of(*rows):
    """A sheet of the columns `a` and `b`, with these cells below."""
    texts = [f'<c t="str"><v>{name}</v></c>' for name in "ab"]
    lines = "".join(f"<row>{cells}</row>" for cells in ("".join(texts), *rows))
    return f'<worksheet xmlns="x"><sheetData>{lines}</sheetData></worksheet>'.encode()


@quick
@given(st.sampled_from(sorted(PARTS)), st.floats(0, 1), XML, st.integers(0, 12))
@pytest.mark.filterwarnings("ignore")
def test_any_damage_inside_the_parts_of_a_workbook(name, where, noise, length):
    content = PARTS[name]
    place = int(where * len(content))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for part, body in PARTS.items():
            archive.writestr(
                part, body if part != name else content[:place] + noise + content[place + length :]
            )
    survives(buffer.getvalue())


@pytest.mark.parametrize("place", ["A2inlineStr", "2A", "A0", "ZZZZ1", "-1", "é1"])
def test_a_cell_at_no_place_is_damage(place):
    sheet = sheet_of(f'<row><c r="{place}" t="str"><v>x</v></c></row>')
    with pytest.raises(InvalidInput):
        read(rebuilt(sheet=sheet))


@quick
@given(st.decimals(min_value=0, max_value=Decimal("999999999999.99"), places=2))
def test_a_number_in_a_workbook_is_the_one_that_was_typed(amount):
    (row,) = read(xlsx_file({"a": float(amount)}))
    assert Decimal(row.cells["a"]) == amount


WORDS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=40)


@quick
@given(st.lists(WORDS, min_size=1, max_size=5))
def test_text_survives_a_file_and_none_of_it_is_a_formula(words):
    content = b"".join(csv_parts([Column("a")], [[word] for word in words]))
    header, *lines = csv.reader(io.StringIO(content.decode(), newline=""))
    assert header == ["a"]
    assert [line[0] if line else "" for line in lines] == [harmless(word) for word in words]
    assert [line for line in lines if line and line[0].startswith(tuple("=+-@"))] == []


def test_other_kinds_of_numbers_are_written_out():
    typed = (999_999_999_999_999, 999_999_999_999_999.9, 0.1 + 0.2, 7.0, -3, True, 1e-7)
    rows = read(xlsx_file(*[{"a": value} for value in typed]))
    assert [row.cells["a"] for row in rows] == [
        "999999999999999", "1000000000000000", "0.3", "7", "-3", "true", "1e-07",
    ]  # fmt: skip


@pytest.mark.parametrize("number", ["1234567890123456", "-1e15", "1" + "0" * 400])
def test_a_number_that_a_spreadsheet_has_rounded_is_an_error_of_its_cell(number):
    (row,) = read(rebuilt(sheet=sheet_of(f"<c><v>{number}</v></c>")))
    assert row.errors == {
        "a": ["This number is too long for a spreadsheet to keep; store long numbers as text."]
    }


def test_dates_texts_and_gaps_are_read_as_spreadsheets_write_them():
    sheet = sheet_of(
        '<c t="s"><v>0</v></c><c r="B2" t="inlineStr"><is><r><t>in </t></r><r><t>place</t></r>'
        "<rPh><t>sound</t></rPh></is></c>",
        '<c s="1"><v>46477</v></c><c t="d"><v>2027-03-31</v></c>',
        '<c s="2"><v>1.5</v></c><c t="e"><v>#N/A</v></c>',
        '<c r="B5"><f>1+1</f><v>2</v></c>',
    )
    strings = b'<sst xmlns="x"><si><t> shared</t><t> text </t></si></sst>'
    styles = b"""<styleSheet xmlns="x"><numFmts><numFmt numFmtId="170" formatCode="[h]:mm"/></numFmts>
        <cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
        <cellXfs><xf/><xf numFmtId="14"/><xf numFmtId="170"/></cellXfs></styleSheet>"""
    rows = read(rebuilt(sheet=sheet, sharedStrings=strings, styles=styles))
    assert [(row.number, row.cells) for row in rows] == [
        (2, {"a": "shared text", "b": "in place"}),
        (3, {"a": "2027-03-31", "b": "2027-03-31"}),
        (4, {}),
        (5, {}),
    ]
    assert [row.errors for row in rows[2:]] == [
        {"a": ["This is a time, not a date."], "b": ["This cell holds an error."]},
        {"b": ["This cell holds a formula; enter its value."]},
    ]


def bomb(root, inner):
    return f'<{root} xmlns="x">{inner}</{root}>'.encode()


ATTRIBUTES = " ".join(f"a{n}=''" for n in range(300_000))
BOMBS = {
    "styles": ("styles", bomb("styleSheet", f"<cellXfs>{'<xf/>' * 500_000}</cellXfs>")),
    "cells": ("sheet", bomb("worksheet", f"<row>{'<c/>' * 1_100_000}</row>")),
    "nested rows": ("sheet", bomb("worksheet", f"<row>{'<row/>' * 1_100_000}</row>")),
    "runs of one text": ("sharedStrings", bomb("sst", f"<si>{'<r/>' * 1_100_000}</si>")),
    "attributes": ("sheet", bomb("worksheet", f"<c {ATTRIBUTES}/>")),
    "sheets": ("workbook", bomb("workbook", "<sheet/>" * 1_100_000)),
}


@pytest.mark.slow
@pytest.mark.parametrize(("part", "content"), BOMBS.values(), ids=BOMBS)
def test_a_small_workbook_takes_little_memory_whatever_it_unpacks_to(part, content):
    content = rebuilt(**{part: content})
    tracemalloc.start()
    try:
        survives(content)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 30_000_000


def test_parts_that_are_packed_in_an_unusual_way_are_refused():
    with pytest.raises(InvalidInput):
        read(rebuilt(zipfile.ZIP_LZMA))


def test_a_workbook_without_a_sheet_of_cells_is_refused():
    book = Workbook()
    book.create_chartsheet()
    book.remove(book.worksheets[0])
    buffer = io.BytesIO()
    book.save(buffer)
    with pytest.raises(DomainError):
        read(buffer.getvalue())
