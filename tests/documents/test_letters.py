"""Letters as they are printed: what is data stays data, and what is a template's stays inside."""

import copy
import io
import os
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from zipfile import ZipFile

import pikepdf
import pypdfium2
import pytest
import time_machine

from documents.letters import australian
from documents.letters.builtin import LETTERS
from documents.letters.press import Form, Press, TemplateFault
from documents.letters.sample import SAMPLE
from documents.letters.typst_form import typst_source
from documents.letters.word_form import word_source
from tests.documents.printed import flat, text_of_docx, text_of_pdf, word_template


@pytest.fixture(scope="module")
def press():
    one = Press(seconds=3)
    yield one
    one.close()


def sources(letter):
    return {Form.PDF: typst_source(letter).encode(), Form.DOCX: word_source(letter)}


READ = {Form.PDF: text_of_pdf, Form.DOCX: text_of_docx}


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("name", LETTERS)
def test_every_letter_is_printed_with_the_facts_of_the_loan(press, name, form):
    content = press.print(form, sources(LETTERS[name])[form], SAMPLE).content
    text = READ[form](content)
    assert LETTERS[name].subject in text
    assert "26 November 2026" in text
    assert "APP-SAMPLE01" in text
    assert "Harbour Street Lending Pty Ltd" in text
    assert "{" not in text


def test_a_schedule_that_goes_over_the_page_repeats_its_header_and_every_page_has_its_number(press):
    content = press.print(Form.PDF, sources(LETTERS["loan_agreement"])[Form.PDF], SAMPLE).content
    with pypdfium2.PdfDocument(content) as document:
        pages = [page.get_textpage().get_text_range() for page in document]
    assert len(pages) == 3
    assert ["Repayment" in page and "Due date" in page for page in pages] == [False, True, True]
    assert [f"Page {number} of 3" in page for number, page in enumerate(pages, 1)] == [True] * 3
    for row in SAMPLE["schedule"]["rows"]:
        assert sum(row["due_date"] in page for page in pages) == 1


def test_a_letter_printed_twice_at_one_moment_is_the_same_file(press):
    source = b"Dear reader"
    with time_machine.travel(datetime(2026, 3, 1, 9, tzinfo=UTC), tick=False) as clock:
        first = press.print(Form.PDF, source, SAMPLE).content
        assert press.print(Form.PDF, source, SAMPLE).content == first
        clock.shift(1)
        later = press.print(Form.PDF, source, SAMPLE).content
    assert b"D:20260301090000Z" in first
    assert later != first


def test_the_lines_to_sign_on_say_where_they_are(press):
    places = press.print(Form.PDF, sources(LETTERS["loan_agreement"])[Form.PDF], SAMPLE).places
    assert [(place.name, place.page) for place in places] == [
        ("Bea Borrower", 2),
        ("Bob Borrower", 2),
        ("Harbour Street Lending Pty Ltd", 2),
    ]
    assert places[0].y == places[1].y < places[2].y
    assert places[0].x == places[2].x < places[1].x


HOSTILE = [
    '#import "@preview/cetz:0.3.1": *',
    "#panic()",
    "{{ 7 * 7 }} {% for x in y %}",
    "</w:t></w:r><w:p>",
    "<w:p/> &amp; &lt;",
    "$x^2$ *bold* _italic_ `raw` @ref <label>",
    "\\ \" ' // /* comment */ = heading - list + enum ~ ---",
    "Zoë Đặng Ḥusain ŞAHİN",
    "Bob 😀 Borrower",
    "A" * 500,
]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_printed_as_it_is_whatever_it_looks_like(press, name, form):
    data = copy.deepcopy(SAMPLE)
    data["addressee"]["names"] = [name]
    data["letter"]["message"] = f"Message: {name}."
    content = press.print(form, sources(LETTERS["approval"])[form], data).content
    text = flat(READ[form](content))
    assert text.count(flat(name)) == 2


@pytest.mark.parametrize("name", ["שלום כהן", "محمد علي", "नमस्ते", "王小明", "山田はなこ", "김철수"])
def test_names_in_other_scripts_reach_the_page(press, name):
    data = copy.deepcopy(SAMPLE)
    data["addressee"]["names"] = [name]
    assert name in text_of_docx(press.print(Form.DOCX, sources(LETTERS["approval"])[Form.DOCX], data).content)
    text = text_of_pdf(press.print(Form.PDF, sources(LETTERS["approval"])[Form.PDF], data).content)
    # Right to left, and with ligatures: the letters are there, in an order that is the reader's to choose.
    wanted = {one for one in name if one.isalpha()}
    assert len(wanted - set(text)) <= 1


@pytest.mark.parametrize("name", ["王小明", "山田はなこ", "김철수"])
def test_chinese_japanese_and_korean_names_have_glyphs(press, name):
    data = copy.deepcopy(SAMPLE)
    data["addressee"]["names"] = [name]
    content = press.print(Form.PDF, sources(LETTERS["approval"])[Form.PDF], data).content
    with pikepdf.open(io.BytesIO(content)) as pdf:
        fonts = [
            str(one.BaseFont)
            for one in pdf.objects
            if isinstance(one, pikepdf.Dictionary) and "/BaseFont" in one
        ]
    assert any("CJK" in font for font in fonts)


@pytest.mark.parametrize("form", Form)
def test_characters_that_no_file_can_hold_become_marks(press, form):
    data = copy.deepcopy(SAMPLE)
    data["addressee"]["names"] = ["a\x00b\ud800c"]
    text = flat(READ[form](press.print(form, sources(LETTERS["approval"])[form], data).content))
    assert "\x00" not in text
    assert "26November2026" in text


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ("Hello\n\n#unknown(1)", "unknown variable: unknown", 3),
        ("#letter(subject: [x])[\n#data.nothing.here\n]", "does not contain key", 2),
        ("#let x = (1", "unclosed delimiter", 1),
        ('#facts("a")\n', "index out of bounds", 1),
        ('#read("/etc/passwd")', "^Line 1: file not found$", 1),
        ('#read("letter.typ")\n#image("/etc/hostname")', "^Line 2: file not found$", 2),
        ('#import "@preview/cetz:0.3.1": *', "^Line 1: package not found$", 1),
        ('x\n#eval("1 + 1")', "eval is not for templates", 2),
        ('x\n#std.eval("1")', "no method", 2),
        ('#plugin("/bin/ls")', "file not found", 1),
    ],
)
def test_a_broken_pdf_template_is_refused_with_its_line(press, source, message, line):
    with pytest.raises(TemplateFault, match=message) as caught:
        press.print(Form.PDF, source.encode(), SAMPLE)
    assert caught.value.line == line


def test_a_template_that_is_no_text_is_refused(press):
    with pytest.raises(TemplateFault, match="UTF-8"):
        press.print(Form.PDF, b"\xff\xfe\x00", SAMPLE)


@pytest.mark.parametrize(
    ("paragraphs", "message"),
    [
        (["{{ application.refrence }}"], "has no attribute 'refrence'"),
        (["{{ nothing }}"], "'nothing' is undefined"),
        (["{% if letter.date %}", "x"], "Unexpected end of template"),
        (["{{ ''.__class__.__mro__ }}"], "unsafe"),
        (["{{ cycler.__init__.__globals__ }}"], "unsafe"),
        (["{{ application.update({'a': 1}) }}"], "unsafe"),
    ],
)
def test_a_broken_word_template_is_refused_with_what_is_wrong(press, paragraphs, message):
    with pytest.raises(TemplateFault, match=message):
        press.print(Form.DOCX, word_template(*paragraphs), SAMPLE)


def with_entry(source, name, content):
    written = io.BytesIO(source)
    with ZipFile(written, "a") as archive:
        archive.writestr(name, content)
    return written.getvalue()


def with_attached_template(source):
    changed = io.BytesIO()
    with ZipFile(io.BytesIO(source)) as old, ZipFile(changed, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "word/_rels/document.xml.rels":
                kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"
                link = (
                    f'<Relationship Id="r9" Type="{kind}" Target="http://127.0.0.1/" TargetMode="External"/>'
                )
                content = content.replace(b"</Relationships>", link.encode() + b"</Relationships>")
            new.writestr(entry, content)
    return changed.getvalue()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"%PDF-1.7", "not a Word file"),
        (with_entry(word_template("x"), "word/vbaProject.bin", b"x"), "Macros"),
        (with_entry(word_template("x"), "word/bomb.xml", b"\0" * (40 * 1024 * 1024)), "too large"),
        (with_attached_template(word_template("x")), "outside"),
        (with_entry(b"", "a.txt", b"a"), "not a Word template"),
    ],
)
def test_a_file_that_is_no_harmless_word_template_is_refused(press, source, message):
    with pytest.raises(TemplateFault, match=message):
        press.print(Form.DOCX, source, SAMPLE)


@pytest.mark.parametrize(
    ("form", "source"),
    [
        (Form.PDF, b"#for i in range(30000) { for j in range(30000) { let x = calc.pow(1.1, 3) } }"),
        (
            Form.DOCX,
            word_template("{% for i in range(90000) %}" * 2 + "{% endfor %}" * 2),
        ),
    ],
)
def test_a_template_that_never_ends_is_ended_and_the_next_is_printed(form, source):
    press = Press(seconds=1)
    try:
        started = time.monotonic()
        with pytest.raises(TemplateFault, match="longer than 1 seconds"):
            press.print(form, source, SAMPLE)
        assert time.monotonic() - started < 60
        assert press.print(Form.PDF, b"Hello", SAMPLE).content.startswith(b"%PDF-")
    finally:
        press.close()


@pytest.mark.parametrize(
    ("form", "source"),
    [
        (Form.PDF, b'#let x = "aaaaaaaa" * 1000\n#for i in range(22) { x = x + x }\n#x.len()'),
        (Form.DOCX, word_template("{% set x = 'a' * 2000000000 %}{{ x }}")),
    ],
)
def test_a_template_that_takes_all_memory_is_ended_and_the_next_is_printed(form, source):
    press = Press(seconds=20)
    try:
        with pytest.raises(TemplateFault, match=r"memory|too large"):
            press.print(form, source, SAMPLE)
        assert press.print(Form.PDF, b"Hello", SAMPLE).content.startswith(b"%PDF-")
    finally:
        press.close()


def test_a_press_whose_process_was_killed_starts_another(press):
    press.print(Form.PDF, b"Hello", SAMPLE)
    first = press._process
    os.kill(first.pid, 9)
    assert press.print(Form.PDF, b"Hello", SAMPLE).content.startswith(b"%PDF-")
    assert press._process.pid != first.pid


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (australian.money(Decimal("1234.5")), "A$1,234.50"),
        (australian.money(Decimal("-0.005")), "−A$0.01"),
        (australian.money(Decimal("1234567890.999")), "A$1,234,567,891.00"),
        (australian.money(None), ""),
        (australian.percent(Decimal("6.2500")), "6.25%"),
        (australian.percent(Decimal("6.1250")), "6.125%"),
        (australian.percent(Decimal(6)), "6.00%"),
        (australian.percent(None), ""),
        (australian.long_date(date(2026, 11, 26)), "26 November 2026"),
        (australian.long_date(date(2026, 3, 1)), "1 March 2026"),
        (australian.long_date(None), ""),
        (australian.short_date(date(2026, 3, 1)), "01/03/2026"),
        (australian.moment(datetime(2026, 11, 26, 3, 4, 5, tzinfo=UTC)), "26 November 2026, 03:04:05 UTC"),
        (australian.months(18), "18 months"),
        (australian.months(1), "1 month"),
        (australian.months(12), "12 months (1 year)"),
        (australian.months(360), "360 months (30 years)"),
        (australian.listed(["A", "B", "C"]), "A, B and C"),
        (australian.listed(["A", "B"]), "A and B"),
        (australian.listed(["A"]), "A"),
        (australian.listed([]), ""),
        (australian.spaced("51824753556", 2, 3, 3, 3), "51 824 753 556"),
    ],
)
def test_amounts_and_dates_are_written_as_in_australia(shown, wanted):
    assert shown == wanted
