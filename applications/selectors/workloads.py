"""What the lender's people have at hand besides applications, as the apps above count it.

An app registers what it counts in its `workloads` module. Rows of the team carry every figure, in the one
statement that reads them, and `workload/` says what each means.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Func, IntegerField, OuterRef, Q, QuerySet, Subquery


@dataclass(frozen=True)
class WorkloadFigure:
    """How many rows wait for somebody.

    Attributes:
        name: the member of replies, and an ordering of the list.
        definition: what is counted, for people who read it.
        rows: those that wait and that a reader sees. Compare with the present by `Now()`: it is compiled.
        of: the condition that such a row waits for a user.
    """

    name: str
    definition: str
    rows: Callable[[Any], QuerySet[Any]]
    of: Callable[[Any], Q]


FIGURES: dict[str, WorkloadFigure] = {}


def register(figure: WorkloadFigure) -> None:
    """Count this too, from now on."""
    if FIGURES.setdefault(figure.name, figure) is not figure:
        raise ValueError(f"the figure {figure.name!r} is registered twice")


def with_workload(users: QuerySet[Any], *, reader: Any) -> QuerySet[Any]:
    """Users with every figure, as far as the reader sees what is counted."""
    counts = {name: _count(figure, reader) for name, figure in FIGURES.items()}
    return users.annotate(**counts)


def _count(figure: WorkloadFigure, reader: Any) -> Subquery:
    rows = figure.rows(reader).filter(figure.of(OuterRef("pk"))).order_by()
    # As a plain function: `Count` would group by the row, and no rows would be no figure.
    counted = rows.annotate(figure=Func(F("pk"), function="COUNT", output_field=IntegerField()))
    return Subquery(counted.values("figure"))
