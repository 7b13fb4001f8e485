"""What filters and a search find: each row found once, for the count and for a page.

How much they find depends on values, so PostgreSQL has to know them to plan it, each time anew, which takes
longer than finding little does. Among few rows there is nothing to plan: they are all looked at. Whether the
caller sees few rows the statement finds out itself, and looks at no others when they are more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from crm_backend.common.read_engine.statements import Row, Statement, Values, keep_text

# The keys of a page, in a statement that has them as `chosen`, and of all that the caller sees, as `few`.
CHOSEN, FEW = "ARRAY(SELECT pk FROM chosen)", "ARRAY(SELECT pk FROM few)"


@dataclass(frozen=True)
class Found:
    """Finds rows and shows a page of them.

    Attributes:
        statement: finds rows, each with its key and what orders it.
        terms: of the ordering, as Django writes them; the statement has a value for each, after the key.
        chosen: selects the rows of a page, whose keys it has as `chosen`, in order.
        scope: the keys of all rows that the caller sees.
        among: finds rows as `statement` does, among those whose keys it has as `few`; it is planned once.
    """

    statement: Statement
    terms: tuple[str, ...]
    chosen: Statement
    scope: Statement
    among: Statement
    _texts: dict[tuple[int, int], str] = field(default_factory=dict, init=False, compare=False, repr=False)

    def run(self, values: Values, limit: int, offset: int) -> tuple[int, list[Row]]:
        """How many rows are found, and a page of them."""
        if self.statement.sql is None or self.chosen.sql is None:
            return 0, []
        sql = f"WITH {self._page(self.statement.sql, limit)}"
        parameters = [*self.statement.bind(values), offset, *self.chosen.bind(values)]
        return _counted(self.statement.ask(sql, parameters), offset)

    def run_among(self, values: Values, few: int, limit: int, offset: int) -> tuple[int, list[Row]] | None:
        """The same where the caller sees so few rows at most; None when they are more."""
        if None in (self.scope.sql, self.among.sql, self.chosen.sql):
            return 0, []
        sql = self._texts.get((few, limit))
        if sql is None:
            sql = keep_text(self._texts, (few, limit), self._among(few, limit))
        parts = self.scope, self.among
        parameters = [one for part in parts for one in part.bind(values)]
        rows = self.among.ask(sql, [*parameters, offset, *self.chosen.bind(values)])
        return _counted(rows, offset) if rows else None

    def _among(self, few: int, limit: int) -> str:
        # PostgreSQL takes `visible` to be read to its end, and finds it as it would then. It is not; but with
        # a limit on itself, rows that are few would be looked for as if they were many, all over the table.
        return (
            f"WITH visible (pk) AS MATERIALIZED ({self.scope.sql}), "  # noqa: S608 - our own text
            f"seen (pk) AS MATERIALIZED (SELECT pk FROM visible LIMIT {few + 1}), "
            f"few (pk) AS MATERIALIZED (SELECT pk FROM seen WHERE (SELECT count(*) FROM seen) <= {few}), "
            f"{self._page(str(self.among.sql), limit)} WHERE (SELECT count(*) FROM seen) <= {few}"
        )

    def _page(self, found: str, limit: int) -> str:
        keys = [f"k{number}" for number in range(len(self.terms))]
        return (
            f"found ({', '.join(['pk', *keys])}) AS MATERIALIZED ({found}), "  # noqa: S608 - our own text
            "counted AS (SELECT count(*) AS n FROM found), chosen AS MATERIALIZED "
            f"(SELECT pk FROM found ORDER BY {_order(keys, self.terms)} LIMIT {limit} OFFSET %s) "
            "SELECT counted.n, page.* FROM counted "
            f"LEFT JOIN ({self.chosen.sql} LIMIT {limit}) AS page ON TRUE"
        )


def _order(keys: Sequence[str], terms: Sequence[str]) -> str:
    pairs = zip(keys, terms, strict=True)
    return ", ".join(f"{key} DESC" if term.startswith("-") else key for key, term in pairs)


def _counted(rows: list[Row], offset: int) -> tuple[int, list[Row]]:
    """The count, which each row begins with, and the page; without a page there is a row of nulls."""
    count: int = rows[0][0]
    return count, [row[1:] for row in rows] if offset < count else []
