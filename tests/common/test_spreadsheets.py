"""Whatever is uploaded: rows, or a refusal that says why; and numbers as they were typed."""

import csv
import io
import zipfile
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from crm_backend.common.downloads import Column, csv_parts, harmless
from crm_backend.common.errors import DomainError
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
    rows = read(xlsx_file(*[{"a": value} for value in (1e20, 1e15, 0.1 + 0.2, 7.0, -3, True, 1e-7)]))
    assert [row.cells["a"] for row in rows] == [
        "100000000000000000000", "1000000000000000", "0.3", "7", "-3", "true", "1e-07",
    ]  # fmt: skip


def test_a_workbook_without_a_sheet_of_cells_is_refused():
    book = Workbook()
    book.create_chartsheet()
    book.remove(book.worksheets[0])
    buffer = io.BytesIO()
    book.save(buffer)
    with pytest.raises(DomainError):
        read(buffer.getvalue())
