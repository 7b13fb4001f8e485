"""Where a question is read: in the cells, or in the rows where cells cannot tell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from reports.choices import Grain, Grouping, Level, Topic
from reports.selectors.contributions import SUMS, is_kept
from reports.selectors.reach import Condition, Reach, Source, Span, last_day, month_of, spans

_READ = "label, broker, bd, branch, day, count, amount, other, span"
_TAKEN_OFF = (
    "label, broker, bd, branch, day, -count AS count, -amount AS amount, -other AS other, -span AS span"
)
# Of so many cells of one key, each is entered by its day; of more, all days between are read.
_ENTERED = 62
# What a level does not tell apart is 0: said, so that the index is entered at one place.
_FIXED = {
    Level.BOOK: "broker = 0 AND bd = 0 AND branch = 0 AND ",
    Level.BRANCH: "broker = 0 AND bd = 0 AND ",
    Level.BDM: "broker = 0 AND ",
    Level.BROKER: "",
}
_SIGNED = ", ".join(f"sign * {name} AS {name}" for name in SUMS)


@dataclass(frozen=True)
class Ask:
    """One question: a topic over a period, grouped by `label`, `broker`, `bd` or `branch`, and by period.

    `labels`: only these. `known`: only what has a broker. `among`: only of those brokers whom the query of
    this name has found, as `Largest` lists them. `sums`: what is added up, which takes longer than to read
    it; the rest is 0.
    """

    topic: Topic
    first: date | None = None
    last: date | None = None
    by: tuple[str, ...] = ()
    grouping: Grouping | None = None
    labels: tuple[str, ...] = ()
    known: bool = False
    among: str = ""
    sums: tuple[str, ...] = SUMS

    @property
    def of_commissions(self) -> bool:
        """Whether it follows the payee."""
        return self.topic == Topic.COMMISSION

    def only(self, plus: str = "") -> Condition:
        """The condition on what of a source is asked for, besides whose it is and when.

        `plus`: " || ''" where no index is to be entered by the label.
        """
        parts = [f"label{plus} = ANY(%s::text[])"] if self.labels else []
        if self.among:
            # In a form that lets an index be entered at each.
            parts.append(f"broker = ANY(ARRAY(SELECT broker FROM {self.among}))")  # noqa: S608 - our own names
        return "".join(f" AND {part}" for part in parts), [list(self.labels)] if self.labels else []


def from_rows(one: Ask, reach: Reach) -> Condition:
    """The contributions of a question, as a table."""
    where, params = reach.rows(of_commissions=one.of_commissions)
    only, labels = one.only()
    if one.known:
        only += " AND broker <> 0"
    dates: list[Any] = []
    for limit, sign in ((one.first, ">="), (one.last, "<=")):
        if limit is not None:
            only += f" AND day {sign} %s::date"
            dates.append(limit)
    table = f"(SELECT * FROM contributions WHERE topic = '{one.topic}' AND {where}{only}) cells"  # noqa: S608
    return table, [*params, *labels, *dates]


def from_cells(one: Ask, reach: Reach, of_rows: dict[Topic, list[date]]) -> Condition:
    """The cells of a question, as a table; topics of which rows are needed go to `of_rows`, with days."""
    is_listed = bool(one.among)
    where, values = reach.rows(of_commissions=one.of_commissions, of_listed=is_listed, plus=" + 0")
    if is_listed:
        sources = [(1, Source(Level.BROKER, (where, values), of_some=True))]
    else:
        sources = [(1, source) for source in reach.cells(one.by, of_commissions=one.of_commissions)]
    if one.known and reach.broker is None:
        # As a value: the planner knows that nobody has most cells, and not that of this level they are few.
        nobody = Source(Level.BROKER, (f"broker = %s::bigint AND {where}", [0, *values]), of_one=True)
        sources.append((-1, nobody))
    wanted = spans(one.first, one.last, one.grouping)
    parts = [part for sign, source in sources for part in _parts(one, source, sign, wanted, of_rows)]
    texts = [text for text, _ in parts] or [_NOTHING]
    return f"({' UNION ALL '.join(texts)}) cells", [value for _, values in parts for value in values]


_NOTHING = f"SELECT {_READ} FROM reports_cell WHERE false"  # noqa: S608 - our own names


def _parts(
    one: Ask, source: Source, sign: int, wanted: Sequence[Span], of_rows: dict[Topic, list[date]]
) -> Iterator[Condition]:
    """The cells of a source, of one person in one part, and the rows of what is not kept.

    A part that is planned takes as long as a hundred cells that are read.
    """
    by_level: dict[Level | None, list[Span]] = {}
    if source.level in (Level.BOOK, Level.BRANCH) and len(wanted) > 1 and (days := _few_days(one)):
        wanted = [days]
    for span in wanted:
        by_level.setdefault(_kept_at(one.topic, source.level, span.grain), []).append(span)
    for kept, some in by_level.items():
        if kept is None:
            periods = [(each.first, last_day(each.grain, each.last), sign * each.sign) for each in some]
            of_rows.setdefault(one.topic, []).extend(
                day for first, last, _ in periods for day in (first, last)
            )
            yield _joined(one, source, "contributions WHERE", "day BETWEEN first_day AND last_day", periods)
        elif source.of_one:
            cells = [(each.first, each.last, sign * each.sign, each.grain.value) for each in some]
            table = f"reports_cell WHERE level = {kept.value} AND {_FIXED[kept]}"
            # In a form that no index has: all cells that one person has of a topic are a page or two of an
            # index by person. The planner takes columns to have nothing to do with each other, and would
            # rather walk through everybody's cells of those days.
            on = "grain = grain_is AND day + 0 BETWEEN first_day AND last_day"
            yield _joined(one, source, table, on, cells)
        else:
            for each in some:
                yield _cells(one, source, kept, each, sign * each.sign)


def _kept_at(topic: Topic, level: Level, grain: Grain) -> Level | None:
    """The level whose cells tell of one; None where rows do.

    Days of BDMs are summed from those of their brokers, where there are any.
    """
    if level is Level.BDM and grain is Grain.DAY:
        level = Level.BROKER
    return level if is_kept(topic, level, grain) else None


def can_tell(one: Ask, reach: Reach) -> bool:
    """Whether cells answer a question, or those rows that are read of one person."""
    return all(
        source.of_one or _kept_at(one.topic, source.level, span.grain) is not None
        for source in reach.cells(one.by, of_commissions=one.of_commissions)
        for span in spans(one.first, one.last, one.grouping)
    )


def _few_days(one: Ask) -> Span | None:
    """The period as days, where it is short."""
    if one.first is None or one.last is None or (one.last - one.first).days >= _ENTERED:
        return None
    return Span(Grain.DAY, one.first, one.last)


def _joined(one: Ask, source: Source, table: str, on: str, periods: Sequence[tuple[Any, ...]]) -> Condition:
    """What a table has of periods, each with its sign."""
    name, _, fixed = table.partition(" WHERE")
    where, values = source.where
    # Few are left out; the planner would take looking for each label in the index for dear, and walk through
    # everybody's instead.
    only, labels = one.only(" || ''")
    row = "(%s::date, %s::date, %s::int" + (", %s::smallint)" if len(periods[0]) == 4 else ")")
    columns = "first_day, last_day, sign" + (", grain_is" if len(periods[0]) == 4 else "")
    text = (
        f"SELECT label, broker, bd, branch, day, {_SIGNED} FROM {name} "  # noqa: S608 - our own names
        f"JOIN (VALUES {', '.join([row] * len(periods))}) AS p ({columns}) ON {on} "
        f"WHERE{fixed} topic = '{one.topic}' AND {where}{only}"
    )
    return text, [*(value for period in periods for value in period), *values, *labels]


def _cells(one: Ask, source: Source, level: Level, span: Span, sign: int) -> Condition:
    """Everybody's cells of a span."""
    where, values = source.where
    only, labels = one.only()
    when, dates = "day BETWEEN %s::date AND %s::date", [span.first, span.last]
    if source.of_some:
        if span.grain is Grain.EVER:
            # There is but one; a plan that is kept would take the days for what is rarer than the brokers.
            when, dates = "true", []
    elif level is not Level.BOOK and (step := _step(span)):
        # The limit is for the planner, which takes a series between unknown days for a thousand: a plan that
        # is kept would seem so dear that each is planned anew.
        series = f"SELECT generate_series(%s::date, %s::date, '{step}')::date LIMIT {_ENTERED}"
        when = f"day = ANY(ARRAY({series}))"
    text = (
        f"SELECT {_READ if sign > 0 else _TAKEN_OFF} FROM reports_cell WHERE {_FIXED[level]}"  # noqa: S608
        f"level = {level.value} AND grain = {span.grain.value} AND topic = '{one.topic}' "
        f"AND {where} AND {when}{only}"
    )
    return text, [*values, *dates, *labels]


def _step(span: Span) -> str | None:
    """From each cell of a span to the next, where they are not too many to be entered one by one."""
    if span.grain in (Grain.EVER, Grain.DAY):
        return "1 day" if (span.last - span.first).days < _ENTERED else None
    step = 12 if span.grain is Grain.YEAR else 1
    count = (month_of(span.last) - month_of(span.first)) // step + 1
    return f"{step} months" if count <= _ENTERED else None
