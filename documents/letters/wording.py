"""What letters are written of. One wording becomes both forms: see `typst_form` and `word_form`.

`{loan.amount}` in a text stands for a fact. A part with a `when` is there only if that fact is true.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str
    when: str = ""


@dataclass(frozen=True)
class Heading:
    """A heading."""

    text: str
    when: str = ""


@dataclass(frozen=True)
class Notice:
    """Text that must not be overlooked."""

    text: str
    when: str = ""


@dataclass(frozen=True)
class Points:
    """A list of points."""

    items: tuple[str, ...]
    when: str = ""


@dataclass(frozen=True)
class Each:
    """A point for each row of a fact: `{row.address}` in its text."""

    rows: str
    text: str
    when: str = ""


@dataclass(frozen=True)
class Particulars:
    """Names and what they are; what is unknown is left out."""

    rows: tuple[tuple[str, str], ...]
    when: str = ""


@dataclass(frozen=True)
class Column:
    """A column: its title, the fact in each row, whether that is a number, and its share of the width."""

    title: str
    key: str
    is_number: bool = False
    width: int = 1


@dataclass(frozen=True)
class Table:
    """A table of a fact's rows, its header repeated on every page, maybe with a row of totals."""

    rows: str
    columns: tuple[Column, ...]
    totals: str = ""
    when: str = ""


@dataclass(frozen=True)
class Signing:
    """Lines to sign on, one for each name in a fact."""

    names: str
    role: str
    when: str = ""


Part = Paragraph | Heading | Notice | Points | Each | Particulars | Table | Signing


@dataclass(frozen=True)
class Letter:
    """One letter.

    Attributes:
        name: of its type.
        label: what people call it.
        parts: from top to bottom.
        has_closing: whether the lender signs off at its end; agreements have lines to sign on instead.
        enclosed: what follows after that.
    """

    name: str
    label: str
    subject: str
    parts: tuple[Part, ...]
    has_closing: bool = True
    enclosed: tuple[Part, ...] = ()


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in its pieces: what is written, and the names of facts (True)."""
    end = 0
    for found in PLACEHOLDER.finditer(text):
        if found.start() > end:
            yield text[end : found.start()], False
        yield found.group(1), True
        end = found.end()
    if end < len(text):
        yield text[end:], False
