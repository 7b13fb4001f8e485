"""Custom reports from the rollups, where these have all that a definition asks for.

A definition is read from cells when its measures are sums that cells keep, when it groups and filters by
people, by days and by one label at most, and when these days are kept of the people whom it tells apart. All
else is read from rows. Both give the same figures: `tests/reports/test_custom_property.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from crm_backend.common.read_engine.statements import Statement
from reports.choices import ASIDE_REPAYMENT, Grouping, Outcome, Topic
from reports.registry import Filters
from reports.selectors.custom_definitions import Definition, Figures, Narrowing, most_groups, order_of
from reports.selectors.reach import FIRST, LAST, Condition, Reach, reach_of
from reports.selectors.sources import Ask, can_tell
from reports.selectors.sums import IS_WHOLE, NOT_IN_THEM_SINCE, kept_tables
from servicing.dates import business_date

# People by whom cells are kept, and the column that tells; 0 is nobody.
_PEOPLE = {"branch": "branch", "broker": "broker", "bdm": "bd", "state": "branch"}
_FILTERS = {"branch": "branch_id", "broker": "broker_id", "bdm": "bd_id"}
_STATES = " LEFT JOIN (SELECT id AS branch, state FROM brokers_branch) states USING (branch)"
_SHOWN = {
    "branch": "NULLIF(branch, 0)",
    "broker": "NULLIF(broker, 0)",
    "bdm": "NULLIF(bd, 0)",
    "state": "state",
}
_UNPAID = tuple(
    f"{aside}{outcome}" for aside in ("", ASIDE_REPAYMENT) for outcome in (Outcome.UNPAID, Outcome.GIVEN_UP)
)


@dataclass(frozen=True)
class Keeping:
    """What cells have of a source.

    Attributes:
        topic: where no label is asked for.
        labels: fields that are the label of a topic.
        day: the range over the day of cells.
        periods: dimensions that are parts of that day, as `date_trunc` calls them.
        measures: as sums of cells.
        late: measures that need those of what is unpaid and past due as well.
    """

    topic: Topic
    labels: Mapping[str, Topic]
    day: str
    periods: Mapping[str, str]
    measures: Mapping[str, str]
    late: frozenset[str] = frozenset()


def _periods(name: str) -> dict[str, str]:
    return {f"{name}_{unit}": unit for unit in ("month", "quarter", "year")}


def _sum(column: str, of: str, *outcomes: str) -> str:
    told = ", ".join(f"'{aside}{outcome}'" for aside in ("", ASIDE_REPAYMENT) for outcome in outcomes)
    return f"sum({column}) FILTER (WHERE {of}{f' AND label IN ({told})' if outcomes else ''})"


def _or_nothing(total: str, kind: str = "numeric") -> str:
    return f"COALESCE({total}, 0)::{kind}"


def _mean(total: str, count: str) -> str:
    return f"{total} / NULLIF({count}, 0)"


_ALL, _LATE = "NOT is_late", "is_late"
_COUNT = _sum("count", _ALL)
_TO_LEND = f"{_sum('span', _ALL)} / 100.0"


def _of_some(total: str) -> str:
    """None where nothing is left: cells that cancel each other out, or have become empty, have a sum of 0."""
    return f"CASE WHEN {_COUNT} <> 0 THEN {total} END"


KEPT = {
    "applications": Keeping(
        topic=Topic.OPENED,
        labels={"stage": Topic.STAGE, "application_type": Topic.TYPE},
        day="created_on",
        periods=_periods("created"),
        measures={
            "count": _or_nothing(_COUNT, "bigint"),
            "total_loan_amount": _of_some(_sum("amount", _ALL)),
            "average_loan_amount": _mean(_sum("amount", _ALL), _COUNT),
            "total_amount_to_lend": _of_some(_TO_LEND),
            "average_amount_to_lend": _mean(_TO_LEND, _COUNT),
            "weighted_rate": _mean(_sum("other", _ALL), f"({_TO_LEND})"),
        },
    ),
    "repayments": Keeping(
        topic=Topic.REPAYMENT,
        labels={},
        day="due_on",
        periods=_periods("due"),
        measures={
            "count": _or_nothing(_COUNT, "bigint"),
            "amount_due": _or_nothing(_sum("amount", _ALL)),
            "amount_paid": _or_nothing(_sum("other", _ALL)),
            "arrears": _or_nothing(f"{_sum('amount', _LATE)} - {_sum('other', _LATE)}"),
            "overdue_count": _or_nothing(_sum("count", _LATE), "bigint"),
            "paid_on_time": _or_nothing(_sum("count", _ALL, Outcome.ON_TIME), "bigint"),
            "paid_late": _or_nothing(_sum("count", _ALL, Outcome.LATE), "bigint"),
            "average_days_late": _mean(_sum("span", _ALL, Outcome.LATE), _sum("count", _ALL, Outcome.LATE)),
        },
        late=frozenset({"arrears", "overdue_count"}),
    ),
}


def from_cells(definition: Definition, reader: Any) -> Figures | None:
    """The figures, by one statement; None where cells do not have them, or are not whole."""
    keeping = KEPT.get(definition.source.name)
    if keeping is None or not _is_kept(definition, keeping):
        return None
    asks = _asks(definition, keeping)
    reach = _reach(definition, keeping, reader)
    if not asks or not all(can_tell(one, reach) for one in asks):
        return None
    now = timezone.now()
    sql, values = _statement(definition, keeping, asks, reach)
    # Of too many shapes to be kept prepared.
    rows = Statement(sql, varies=True).ask(sql, values)
    names = [f"d_{one.name}" for one in definition.dimensions]
    names += [f"m_{one.name}" for one in definition.measures]
    (is_whole, since, *_), *_ = rows
    total, *groups = (dict(zip(names, row[3:], strict=True)) for row in rows)
    return Figures(groups, total, min(since or now, now)) if is_whole else None


def _is_kept(definition: Definition, keeping: Keeping) -> bool:
    """Whether cells know every name, and not more than one label is asked for."""
    dimensions = {one.name for one in definition.dimensions}
    filters = {one.field for one in definition.filters}
    return (
        all(one.name in keeping.measures for one in definition.measures)
        and dimensions <= {*keeping.labels, *keeping.periods, *_PEOPLE}
        and filters <= {*keeping.labels, keeping.day, *_PEOPLE}
        and len((dimensions | filters) & keeping.labels.keys()) <= 1
    )


def _asks(definition: Definition, keeping: Keeping) -> list[Ask]:
    """All, and what is late where a measure needs it; none where no label is left to ask for."""
    names = {one.name for one in definition.dimensions}
    named = names | {one.field for one in definition.filters}
    labels = _labels([one for one in definition.filters if one.field in keeping.labels])
    if labels == ():
        return []
    topic = next((topic for field, topic in keeping.labels.items() if field in named), keeping.topic)
    first, last = _days([one for one in definition.filters if one.field == keeping.day])
    by = tuple(sorted({_PEOPLE[name] for name in names if name in _PEOPLE}))
    everything = Ask(topic, first, last, by, _steps(names, keeping, first, last), labels or ())
    if keeping.late.isdisjoint(one.name for one in definition.measures):
        return [everything]
    yesterday = business_date() - timedelta(days=1)
    return [everything, replace(everything, last=min(last or yesterday, yesterday), labels=_UNPAID)]


def _labels(filters: Sequence[Narrowing]) -> tuple[str, ...] | None:
    """Those that all filters leave, where there is one; a label is never none."""
    left: set[str] | None = None
    for one in filters:
        values = {value for value in one.values or () if value is not None}
        left = values if left is None else left & values
    return None if left is None else tuple(sorted(left))


def _days(filters: Sequence[Narrowing]) -> tuple[date | None, date | None]:
    starts: list[Any] = [one.start for one in filters if one.start is not None]
    ends: list[Any] = [one.end for one in filters if one.end is not None]
    return max(starts, default=None), min(ends, default=None)


def _steps(names: set[str], keeping: Keeping, first: date | None, last: date | None) -> Grouping | None:
    """How fine cells have to be. Of all time there is one cell; of less, none is longer than a year."""
    units = {unit for name, unit in keeping.periods.items() if name in names}
    is_of_all_time = (first or FIRST, last or LAST) == (FIRST, LAST)
    if not units or (units == {"year"} and not is_of_all_time):
        return None
    return Grouping.MONTH


def _reach(definition: Definition, keeping: Keeping, reader: Any) -> Reach:
    """Whose cells: one person or branch as in other reports, some of them as a further condition."""
    one_of: dict[str, Any] = {}
    texts: list[str] = []
    values: list[Any] = []
    named: set[str] = set()
    for one in definition.filters:
        given = list(one.values or ())
        if one.field not in _PEOPLE:
            continue
        field = _FILTERS.get(one.field)
        if field and field not in one_of and len(given) == 1 and given[0] is not None:
            one_of[field] = given[0]
            continue
        named.add(_PEOPLE[one.field])
        text, some = _among(one.field, given)
        texts.append(text)
        values += some
    return replace(
        reach_of(reader, Filters(**one_of)),
        narrowed=(" AND ".join(texts), values),
        narrowed_by=frozenset(named),
    )


def _among(field: str, given: Sequence[Any]) -> Condition:
    """A condition on cells: some of these, none among them."""
    if field != "state":
        return f"{_PEOPLE[field]} = ANY(%s::bigint[])", [[value or 0 for value in given]]
    text = "branch = ANY(ARRAY(SELECT id FROM brokers_branch WHERE state = ANY(%s::text[])))"
    states = [value for value in given if value is not None]
    return (f"({text} OR branch = 0)" if None in given else text), [states]


def _statement(
    definition: Definition, keeping: Keeping, asks: Sequence[Ask], reach: Reach
) -> tuple[str, list[Any]]:
    """The totals and then the groups, each with whether the cells are whole and what they lack."""
    tables, head = kept_tables(asks, reach)
    named, values = ([head[0]], list(head[1])) if head else ([], [])
    parts = (
        f"SELECT {bool(late)} AS is_late, * FROM {table}"  # noqa: S608 - our own names
        for late, (table, _) in enumerate(tables)
    )
    values += [value for _, some in tables for value in some]
    named.append(f"cells AS ({' UNION ALL '.join(parts)})")
    keys = [f"d_{one.name}" for one in definition.dimensions]
    groups = [
        f"{_shown(one.name, keeping)} AS {key}" for key, one in zip(keys, definition.dimensions, strict=True)
    ]
    measures = [f"{keeping.measures[one.name]} AS m_{one.name}" for one in definition.measures]
    joined = _STATES if "d_state" in keys else ""
    is_total = f"GROUPING({keys[0]})" if keys else "1"
    columns = ", ".join([IS_WHOLE, NOT_IN_THEM_SINCE, f"{is_total} AS is_total", *keys, *measures])
    sql = (
        f"WITH {', '.join(named)} SELECT {columns} "  # noqa: S608 - our own names
        f"FROM (SELECT {', '.join(['*', *groups])} FROM cells{joined}) c"
    )
    if keys:
        order = [f"{name} {'DESC' if down else 'ASC'} NULLS LAST" for name, down in order_of(definition)]
        sql += (
            f" GROUP BY GROUPING SETS (({', '.join(keys)}), ()) HAVING {is_total} = 1 OR {_COUNT} <> 0"
            f" ORDER BY {', '.join(['is_total DESC', *order])} LIMIT {most_groups(definition) + 1:d}"
        )
    return sql, values


def _shown(name: str, keeping: Keeping) -> str:
    if name in keeping.labels:
        return "label"
    return _SHOWN[name] if name in _PEOPLE else f"date_trunc('{keeping.periods[name]}', day::timestamp)::date"
