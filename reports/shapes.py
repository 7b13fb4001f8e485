"""What a report looks like once it is computed: sheets for people who calculate, charts for those who look.

Pure: rows and names only. Replies, files and pictures are all made of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

Cell: TypeAlias = str | int | Decimal | date | None


class Kind(StrEnum):
    """What a column or an axis counts in; it decides format and alignment."""

    TEXT = "text"
    COUNT = "count"
    MONEY = "money"  # AUD
    PERCENT = "percent"  # 12.5 is 12.5 %
    DAYS = "days"
    DATE = "date"


@dataclass(frozen=True)
class Column:
    """One column: the name in replies and CSV files, what people read, what it holds."""

    key: str
    title: str
    kind: Kind


@dataclass(frozen=True)
class Sheet:
    """A table: a tab of a workbook, a section of a page."""

    key: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


class Look(StrEnum):
    """How a chart is drawn."""

    LINE = "line"
    BARS = "bars"
    STACKED = "stacked"
    FUNNEL = "funnel"


@dataclass(frozen=True)
class Series:
    """Values in the order of the labels of their chart; None where there is nothing to draw."""

    name: str
    values: Sequence[Decimal | int | None]


@dataclass(frozen=True)
class Chart:
    """A picture of figures that are in a sheet as well."""

    key: str
    title: str
    look: Look
    kind: Kind
    labels: Sequence[str]
    series: Sequence[Series]
