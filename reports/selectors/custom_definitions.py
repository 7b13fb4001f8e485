"""What a custom report is asked for, by the names of its source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from reports.selectors.custom_fields import Dimension, Measure, Source

MAX_ROWS = 10_000


@dataclass(frozen=True)
class Narrowing:
    """A filter on one field: some of its values (None among them for none), or from and to, inclusive."""

    field: str
    values: Sequence[Any] | None = None
    start: date | Decimal | None = None
    end: date | Decimal | None = None


@dataclass(frozen=True)
class Definition:
    """What is asked for; all names are those of the source."""

    source: Source
    dimensions: Sequence[Dimension]
    measures: Sequence[Measure]
    filters: Sequence[Narrowing] = ()
    order: Sequence[str] = ()
    limit: int | None = None
    name: str = ""

    @property
    def columns(self) -> Sequence[Dimension | Measure]:
        """What a row has."""
        return [*self.dimensions, *self.measures]


@dataclass(frozen=True)
class Figures:
    """Groups in order, with `d_` before the names of dimensions and `m_` before those of measures; totals.

    `as_of`: everything that happened before this moment is counted.
    """

    groups: Sequence[Mapping[str, Any]]
    totals: Mapping[str, Any]
    as_of: datetime


def most_groups(definition: Definition) -> int:
    """One more than are shown, to tell whether there are more."""
    return (definition.limit or MAX_ROWS) + 1


def order_of(definition: Definition) -> list[tuple[str, bool]]:
    """Columns by name, and whether from the greatest: as asked for, then all dimensions.

    So rows come in the same order each time.
    """
    dimensions = {one.name for one in definition.dimensions}
    asked = [(name.lstrip("-"), name.startswith("-")) for name in definition.order]
    rest = [(one.name, False) for one in definition.dimensions if one.name not in dict(asked)]
    return [(f"{'d' if name in dimensions else 'm'}_{name}", is_down) for name, is_down in (*asked, *rest)]
