"""A wording as a Word template, with Jinja's tags where the facts go."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from documents.letters.wording import (
    Each,
    Heading,
    Letter,
    Notice,
    Paragraph,
    Part,
    Particulars,
    Points,
    Signing,
    Table,
    pieces,
)

ACCENT = RGBColor(0x0B, 0x55, 0x63)
FAINT = RGBColor(0x5D, 0x6B, 0x78)


def word_source(letter: Letter) -> bytes:
    """The template of a letter, as a file."""
    document = Document()
    _page(document)
    _head(document, letter)
    _parts(document, letter.parts)
    if letter.has_closing:
        _closing(document)
    _parts(document, letter.enclosed)
    written = BytesIO()
    document.save(written)
    return written.getvalue()


def tagged(text: str) -> str:
    """A text with its facts as tags."""
    return "".join(f"{{{{ {piece} }}}}" if is_fact else piece for piece, is_fact in pieces(text))


def _page(document: Any) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(24)
    section.top_margin, section.bottom_margin = Mm(22), Mm(22)
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Calibri", Pt(10)
    normal.paragraph_format.space_after = Pt(6)
    footer = section.footer.paragraphs[0]
    run = footer.add_run(
        "{{ lender.name }}{% if lender.abn %} · ABN {{ lender.abn }}{% endif %}"
        "{% if lender.licence %} · Australian credit licence {{ lender.licence }}{% endif %}    Page "
    )
    _small(run)
    _field(footer, "PAGE")
    _small(footer.add_run(" of "))
    _field(footer, "NUMPAGES")


def _head(document: Any, letter: Letter) -> None:
    name = document.add_paragraph().add_run("{{ lender.name }}")
    name.bold, name.font.size, name.font.color.rgb = True, Pt(17), ACCENT
    reach = "{{ lender.address | join(', ') }} · {{ lender.phone }} · {{ lender.email }}"
    _small(document.add_paragraph().add_run(reach))
    document.add_paragraph("{%p for name in addressee.names %}")
    _tight(document.add_paragraph("{{ name }}"))
    document.add_paragraph("{%p endfor %}")
    document.add_paragraph("{%p for line in addressee.lines %}")
    _tight(document.add_paragraph("{{ line }}"))
    document.add_paragraph("{%p endfor %}")
    document.add_paragraph("Date: {{ letter.date }}\nReference: {{ application.reference }}")
    subject = document.add_paragraph().add_run(letter.subject)
    subject.bold, subject.font.size = True, Pt(14)
    if letter.has_closing:
        document.add_paragraph("{{ addressee.greeting }}")


def _closing(document: Any) -> None:
    document.add_paragraph("Yours sincerely\n\n\n")
    document.add_paragraph().add_run("{{ lender.name }}").bold = True
    document.add_paragraph("{{ contact.name }}")


def _parts(document: Any, parts: Iterable[Part]) -> None:
    for part in parts:
        if part.when:
            document.add_paragraph(f"{{%p if {part.when} %}}")
        _part(document, part)
        if part.when:
            document.add_paragraph("{%p endif %}")


def _part(document: Any, part: Part) -> None:  # noqa: C901 - one case for each kind of part
    match part:
        case Paragraph(text):
            document.add_paragraph(tagged(text))
        case Heading(text):
            run = document.add_paragraph().add_run(tagged(text))
            run.bold, run.font.size, run.font.color.rgb = True, Pt(11), ACCENT
        case Notice(text):
            document.add_paragraph().add_run(tagged(text)).bold = True
        case Points(items):
            for item in items:
                document.add_paragraph(tagged(item), style="List Bullet")
        case Each(rows, text):
            _repeated(document, f"row in {rows}", tagged(text), style="List Bullet")
        case Particulars(rows):
            _particulars(document, rows)
        case Table():
            _table(document, part)
        case Signing(names, role):
            line = f"\n\n{'_' * 30}\n{{{{ name }}}}\n{role}\nDate: {'_' * 16}"
            _repeated(document, f"name in {names}", line)


def _repeated(document: Any, loop: str, text: str, **kwargs: Any) -> None:
    """A paragraph for each round of a loop."""
    document.add_paragraph(f"{{%p for {loop} %}}")
    document.add_paragraph(text, **kwargs)
    document.add_paragraph("{%p endfor %}")


def _particulars(document: Any, rows: tuple[tuple[str, str], ...]) -> None:
    """Each row between tags of its own, which leave it out when a fact is unknown."""
    table = document.add_table(rows=0, cols=2)
    for name, text in rows:
        facts = [piece for piece, is_fact in pieces(text) if is_fact]
        table.add_row().cells[0].text = f"{{%tr if {' and '.join(facts)} %}}"
        cells = table.add_row().cells
        cells[0].text, cells[1].text = tagged(name), tagged(text)
        table.add_row().cells[0].text = "{%tr endif %}"
    _widths(table, (Mm(55), Mm(107)))
    document.add_paragraph()


def _table(document: Any, part: Table) -> None:
    table = document.add_table(rows=1, cols=len(part.columns))
    table.style = "Light Grid Accent 1"
    header = table.rows[0]
    for cell, column in zip(header.cells, part.columns, strict=True):
        cell.text = column.title
    repeated = OxmlElement("w:tblHeader")
    repeated.set(qn("w:val"), "true")
    header._tr.get_or_add_trPr().append(repeated)
    table.add_row().cells[0].text = f"{{%tr for row in {part.rows} %}}"
    _figures(table, part, "row")
    table.add_row().cells[0].text = "{%tr endfor %}"
    if part.totals:
        _figures(table, part, part.totals)
    whole = sum(column.width for column in part.columns)
    _widths(table, tuple(Mm(162 * column.width / whole) for column in part.columns))
    document.add_paragraph()


def _figures(table: Any, part: Table, source: str) -> None:
    for cell, column in zip(table.add_row().cells, part.columns, strict=True):
        cell.text = f"{{{{ {source}.{column.key} }}}}"
        paragraph = cell.paragraphs[0]
        _tight(paragraph)
        if column.is_number:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _widths(table: Any, widths: tuple[Any, ...]) -> None:
    for row in table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = width


def _tight(paragraph: Any) -> None:
    paragraph.paragraph_format.space_after = Pt(0)


def _small(run: Any) -> None:
    run.font.size, run.font.color.rgb = Pt(8), FAINT


def _field(paragraph: Any, name: str) -> None:
    """A number that Word works out itself."""
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), name)
    paragraph._p.append(field)
