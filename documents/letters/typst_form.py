"""A wording as Typst source: what the built-in letters are printed from, and a start for one's own."""

import re
from collections.abc import Iterable, Iterator

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

# What Typst would read as markup in running text.
_MARKUP = re.compile(r"([\\#$*_`<>@~;\[\]])")


def typst_source(letter: Letter) -> str:
    """The source of a letter."""
    closing = "" if letter.has_closing else ", greeting: false, closing: false"
    enclosed = f", enclosed: [\n\n{_parts(letter.enclosed)}\n]" if letter.enclosed else ""
    head = f'#letter(subject: "{letter.subject}"{closing}{enclosed})'
    return f"// {letter.label}\n{head}[\n\n{_parts(letter.parts)}\n]\n"


def _parts(parts: Iterable[Part]) -> str:
    bodies = [(part.when, "\n".join(_part(part))) for part in parts]
    return "\n\n".join(f"#if {fact(when)} [\n{body}\n]" if when else body for when, body in bodies)


def fact(name: str) -> str:
    """The expression of a fact; `row.…` is of the row at hand."""
    return name if name.startswith("row.") else f"data.{name}"


def content(text: str) -> str:
    """A text with its facts as content."""
    return "".join(
        f"#({fact(piece)})" if is_fact else _MARKUP.sub(r"\\\1", piece) for piece, is_fact in pieces(text)
    )


def _part(part: Part) -> Iterator[str]:  # noqa: C901 - one case for each kind of part
    match part:
        case Paragraph(text):
            yield content(text)
        case Heading(text):
            yield f"= {content(text)}"
        case Notice(text):
            yield f"#note[{content(text)}]"
        case Points(items):
            yield f"#points({', '.join(f'[{content(item)}]' for item in items)})"
        case Each(rows, text):
            yield f"#points(..{fact(rows)}.map(row => [{content(text)}]))"
        case Particulars(rows):
            yield "#facts("
            for name, text in rows:
                yield f"  ([{content(name)}], {_value(text)}),"
            yield ")"
        case Table():
            yield from _table(part)
        case Signing(names, role):
            yield f'#signing({fact(names)}, role: "{role}")'


def _value(text: str) -> str:
    """A fact alone stays one that may be unknown; text around it is left out with it."""
    parts = list(pieces(text))
    facts = [fact(piece) for piece, is_fact in parts if is_fact]
    if len(parts) == 1 and facts:
        return facts[0]
    return f"if {' and '.join(f'given({one})' for one in facts)} [{content(text)}]"


def _table(table: Table) -> Iterator[str]:
    yield "#schedule("
    yield "  ("
    for column in table.columns:
        align = "right" if column.is_number else "left"
        yield f'    ("{column.title}", "{column.key}", {align}, {column.width}fr),'
    yield "  ),"
    yield f"  {fact(table.rows)},"
    if table.totals:
        yield f"  totals: {fact(table.totals)},"
    yield ")"
