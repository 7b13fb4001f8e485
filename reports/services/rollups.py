"""Keeps the rollups: counts applications again after their events, rebuilds, and compares with the rows.

One process at a time, by a lock of the transaction. Counting is idempotent: what an application contributes
is computed from its rows as they are, and the difference to what was counted of it last, its `Fact`, goes to
the cells, in one statement. So it does not matter how often, in which order or how late events come. Marks
(`Due`) are taken away in the same transaction, before rows are read: what comes meanwhile leaves another.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import structlog
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg import errors

from applications.models import Application
from notifications.choices import AlertSource, Priority
from notifications.services.alerts import alert_of_trouble
from reports.choices import RULES, Grain, Level, Topic
from reports.models import Cell, Due, Fact, RollupState
from reports.selectors.contributions import COLUMNS, KEY, SUMS, ChangedCell, contributions, is_kept
from servicing.choices import RunStatus
from servicing.dates import business_date
from servicing.models import Fee, Loan, NightlyRun, Repayment

logger = structlog.get_logger(__name__)


class CountedByNewer(Exception):
    """The cells are of a newer release, whose rules this one does not know."""


BATCH = 500
REBUILT_AT_ONCE = 5000
_LOCK = 7_305_001  # of rollups, among the advisory locks of this database
_KEY, _SUMS, _ALL = ", ".join(KEY), ", ".join(SUMS), ", ".join(COLUMNS)
_TYPES = ("text", "date", "text", "bigint", "bigint", "bigint", "bigint", "numeric", "numeric", "bigint")
_COUNTED = ", ".join(
    f"(e->>{number})::{kind} AS {name}"
    for number, (name, kind) in enumerate(zip(COLUMNS, _TYPES, strict=True))
)
# The day of a longer grain's cell, and what a level shows of people, of the columns that finer ones have.
_GRAINS = {
    Grain.DAY: "day",
    Grain.MONTH: "date_trunc('month', day::timestamp)::date",
    Grain.YEAR: "date_trunc('year', day::timestamp)::date",
    Grain.EVER: "date '0001-01-01'",
}
_LEVELS = {
    Level.BROKER: "broker, bd, branch",
    Level.BDM: "0::bigint AS broker, bd, branch",
    Level.BRANCH: "0::bigint AS broker, 0::bigint AS bd, branch",
    Level.BOOK: "0::bigint AS broker, 0::bigint AS bd, 0::bigint AS branch",
}
# Sums of whole numbers are numeric, which the next sum takes longer over.
_TOTALS = ", ".join(
    f"sum({name}){'::bigint' if name in ('count', 'span') else ''} AS {name}" for name in SUMS
)
# What each is summed from: the smallest that is finer. Days of brokers are the source itself.
_FINER = {
    (Level.BROKER, Grain.MONTH): (Level.BROKER, Grain.DAY),
    (Level.BROKER, Grain.YEAR): (Level.BROKER, Grain.MONTH),
    (Level.BROKER, Grain.EVER): (Level.BROKER, Grain.YEAR),
    (Level.BDM, Grain.MONTH): (Level.BROKER, Grain.MONTH),
    (Level.BDM, Grain.YEAR): (Level.BDM, Grain.MONTH),
    (Level.BDM, Grain.EVER): (Level.BDM, Grain.YEAR),
    (Level.BRANCH, Grain.DAY): (Level.BROKER, Grain.DAY),
    (Level.BRANCH, Grain.MONTH): (Level.BDM, Grain.MONTH),
    (Level.BRANCH, Grain.YEAR): (Level.BRANCH, Grain.MONTH),
    (Level.BRANCH, Grain.EVER): (Level.BRANCH, Grain.YEAR),
    (Level.BOOK, Grain.DAY): (Level.BRANCH, Grain.DAY),
    (Level.BOOK, Grain.MONTH): (Level.BRANCH, Grain.MONTH),
    (Level.BOOK, Grain.YEAR): (Level.BRANCH, Grain.YEAR),
    (Level.BOOK, Grain.EVER): (Level.BRANCH, Grain.EVER),
}


def _kept(level: Level, grain: Grain) -> str:
    return ", ".join(f"'{topic}'" for topic in Topic if is_kept(topic, level, grain))


def _all_levels(source: str) -> str:
    """The cells of every level and grain of a table that has one row for each key of contributions."""

    def name(of: tuple[Level, Grain]) -> str:
        level, grain = of
        return source if of == (Level.BROKER, Grain.DAY) else f"{level.name}_{grain.name}"

    sums = [
        f"{name(of)} AS (SELECT topic, {_GRAINS[of[1]]} AS day, label, {_LEVELS[of[0]]}, {_TOTALS} "  # noqa: S608
        f"FROM {name(finer)} GROUP BY 1, 2, 3, 4, 5, 6)"
        for of, finer in _FINER.items()
    ]
    cells = [
        f"SELECT topic, {level.value}, {grain.value}, broker, bd, branch, day, label, {_SUMS} "  # noqa: S608
        f"FROM {name((level, grain))} WHERE topic IN ({_kept(level, grain)})"
        for level in _LEVELS
        for grain in _GRAINS
        if (level, grain) != (Level.BDM, Grain.DAY)
    ]
    return f"SELECT * FROM (WITH {', '.join(sums)} {' UNION ALL '.join(cells)}) cells"  # noqa: S608


_CELL = f"topic, level, grain, broker, bd, branch, day, label, {_SUMS}"
_NOT_ZERO = " OR ".join(f"sum({name}) <> 0" for name in SUMS)
# For a transaction that sorts and sums millions of rows, now and then.
_MUCH_MEMORY = "SELECT set_config('work_mem', '256MB', true)"
_SHORT_WAIT = "SELECT set_config('lock_timeout', '2s', true)"
_KEEP_FACTS = f"""INSERT INTO reports_fact (application, counted)
    SELECT application, jsonb_agg(jsonb_build_array({_ALL}) ORDER BY {_KEY}) FROM contributions GROUP BY 1
    ON CONFLICT (application) DO UPDATE SET counted = EXCLUDED.counted"""  # noqa: S608
_ADD = f"""
, kept AS ({_KEEP_FACTS})
, gone AS (DELETE FROM reports_fact WHERE application = ANY(%s::bigint[])
    AND application NOT IN (SELECT application FROM contributions))
, old AS (SELECT {_COUNTED} FROM reports_fact, jsonb_array_elements(counted) e
    WHERE application = ANY(%s::bigint[]))
, changed AS (
    SELECT {_KEY}, {_TOTALS} FROM (
        SELECT {_ALL} FROM contributions
        UNION ALL
        SELECT {_KEY}, {", ".join("-" + name for name in SUMS)} FROM old
    ) both_of GROUP BY {_KEY} HAVING {_NOT_ZERO}
)
INSERT INTO reports_cell AS cell ({_CELL}) {_all_levels("changed")}
ON CONFLICT (topic, level, grain, broker, bd, branch, day, label) DO UPDATE SET
    {", ".join(f"{name} = cell.{name} + EXCLUDED.{name}" for name in SUMS)}"""  # noqa: S608 - our own names


def _lock(*, waits: bool = True) -> bool:
    """Be the one process; without `waits`, whether no other is."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_{'' if waits else 'try_'}advisory_xact_lock(%s)", [_LOCK])
        (got,) = cursor.fetchone() or (False,)
    return waits or bool(got)


def _state() -> RollupState:
    state, _ = RollupState.objects.get_or_create(pk=1)
    return state


def rollups_refresh(
    *,
    may_go_on: Callable[[], bool] = lambda: True,
    tell: Callable[[set[ChangedCell]], None] = lambda cells: None,
    waits: bool = True,
) -> int:
    """Count again what is due; how many applications. Rollups that are not whole are rebuilt first.

    `tell` is called after the commit of each batch, with the cells that it changed. Without `waits`, what
    another process is rebuilding is left to it. What a newer release counts is left to that.
    """
    if not _state().is_current and not _go_on(may_go_on=may_go_on, waits=waits):
        return 0
    counted = 0
    while may_go_on():
        with transaction.atomic():
            _lock()
            state = _state()
            if not state.is_current:
                return counted
            _mark_nights(state)
            ids = _take_due()
            if not ids:
                return counted
            before = _counted(ids)
            _count_again(ids)
            changed = before ^ _counted(ids)
            counted += len(ids)
        tell({(topic, broker, bd, branch) for _, topic, broker, bd, branch, _ in changed})
    return counted


def _take_due() -> list[int]:
    """Take the marks of a batch of applications away, all that each has."""
    ids = sorted(set(Due.objects.order_by("since").values_list("application", flat=True)[:BATCH]))
    marks = list(Due.objects.filter(application__in=ids).values_list("pk", flat=True))
    Due.objects.filter(pk__in=marks).delete()
    return ids


def _counted(ids: list[int]) -> set[Any]:
    """What is counted of these applications, each part with its topic and people."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application, e->>0, (e->>3)::bigint, (e->>4)::bigint, (e->>5)::bigint, e::text "
            "FROM reports_fact, jsonb_array_elements(counted) e WHERE application = ANY(%s::bigint[])",
            [ids],
        )
        return set(cursor.fetchall())


def _count_again(ids: list[int]) -> None:
    head, params = contributions(Application.objects.filter(pk__in=ids), entered=True)
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {head}{_ADD}", [*params, ids, ids])


def _mark_nights(state: RollupState) -> None:
    """A night charges and accrues without an event for each: mark the applications of the dates done.

    Fees too: money that is held pays one on the day it falls due.
    """
    done = NightlyRun.objects.filter(status=RunStatus.DONE).order_by("-business_date")
    last = done.values_list("business_date", flat=True).first()
    if last is None or (state.nights_to is not None and last <= state.nights_to):
        return
    # Of a book whose cells are older than its first night, all of it.
    done_to = state.nights_to or date.min
    due, fees = (
        model._base_manager.filter(due_date__gt=done_to, due_date__lte=last).order_by()
        for model in (Repayment, Fee)
    )
    # By the close of a month, which is the day before the night that accrues.
    accrued = Loan.objects.filter(accrued_to__gte=done_to, accrued_to__lt=last)
    ids = due.values("application").union(fees.values("application"), accrued.values("application"))
    chosen, params = ids.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO reports_due (application, since) SELECT chosen.*, %s FROM ({chosen}) chosen",  # noqa: S608
            [timezone.now(), *params],
        )
    state.nights_to = last
    state.save(update_fields=["nights_to"])


def rollups_rebuild(
    *,
    anew: bool = False,
    may_go_on: Callable[[], bool] = lambda: True,
    report: Callable[[int], Any] = lambda n: None,
) -> bool:
    """Make facts in batches and then the cells of them; whether it came to the end. A stopped one goes on.

    Until the end, reports are computed from the rows. What happens meanwhile is counted by the next refresh.
    `anew`: whatever there is, be it of a newer release.
    """
    with transaction.atomic():
        _lock()
        state = _state()
        if anew or state.is_current:
            _begin(state)
    return _go_on(may_go_on=may_go_on, report=report)


def _begin(state: RollupState) -> None:
    """With nothing counted, by the rules of this release."""
    state.is_whole, state.reached, state.counted_by = False, 0, RULES
    state.save()


def _go_on(
    *,
    may_go_on: Callable[[], bool],
    report: Callable[[int], Any] = lambda n: None,
    waits: bool = True,
) -> bool:
    """Rebuild what is not whole; whether it came to the end. Several processes take turns.

    Without `waits` it ends where another process is at it: making cells takes minutes.
    """
    while may_go_on():
        with transaction.atomic():
            if not _lock(waits=waits):
                return False
            state = _state()
            if state.counted_by > RULES:
                return False
            # All can see that cells are not whole: none reads them empty and takes them for whole.
            if state.counted_by < RULES:
                _begin(state)
            elif not state.is_whole and not _emptied(state):
                _step(state)
        if state.is_whole:
            return True
        if state.reached:
            report(state.reached)
    return False


def _emptied(state: RollupState) -> bool:
    """Empty what a rebuild begins with; whether there was anything."""
    models: list[Any] = [Fact, Cell] if state.reached == 0 else [Cell]
    full = [model._meta.db_table for model in models if model.objects.exists()]
    if full:
        _empty(*full)
    return bool(full)


def _step(state: RollupState) -> None:
    """Make the facts of one batch; when there is none left, all cells."""
    if state.reached == 0:
        done = NightlyRun.objects.filter(status=RunStatus.DONE).order_by("-business_date")
        state.nights_to = done.values_list("business_date", flat=True).first()
    after = Application.objects.filter(pk__gt=state.reached).order_by("pk")
    ids = list(after.values_list("pk", flat=True)[:REBUILT_AT_ONCE])
    if ids:
        batch = Application.objects.filter(pk__gt=state.reached, pk__lte=ids[-1])
        head, params = contributions(batch, entered=True)
        with connection.cursor() as cursor:
            cursor.execute(_MUCH_MEMORY)
            cursor.execute(f"WITH {head} {_KEEP_FACTS}", params)
        state.reached = ids[-1]
    else:
        _make_cells()
        state.is_whole = True
    state.save()


def _empty(*tables: str) -> None:
    """Without a row of theirs to be cleared away, which would take their indexes as long as new ones.

    Readers queue behind who wants a table for itself: while a check or a backup reads it, rows are deleted.
    """
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(_SHORT_WAIT)
                cursor.execute(f"TRUNCATE {', '.join(tables)}")
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.LockNotAvailable):
                raise
            for table in tables:
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names


def _make_cells() -> None:
    """All cells, of which there are none, from the facts."""
    with connection.cursor() as cursor:
        cursor.execute(_MUCH_MEMORY)
        cursor.execute(
            "DELETE FROM reports_fact WHERE NOT EXISTS "
            "(SELECT FROM applications_application a WHERE a.id = application)"
        )
        _leaves(cursor)
        # As they come by themselves: those of one period side by side, because lists read everybody's of a
        # few. It is near the order of their index: millions of entries at random places would take hours.
        cursor.execute(
            f"INSERT INTO reports_cell ({_CELL}) {_all_levels('leaves')} ORDER BY 1, 2, 3, 7, 4, 5, 6, 8"
        )
        cursor.execute("DROP TABLE leaves")


def _leaves(cursor: Any) -> None:
    cursor.execute(
        f"CREATE TEMP TABLE leaves AS SELECT {_KEY}, {_TOTALS} FROM "  # noqa: S608 - our own names
        f"(SELECT {_COUNTED} FROM reports_fact, jsonb_array_elements(counted) e) counted GROUP BY {_KEY}"
    )
    cursor.execute("ANALYZE leaves")


def rollups_check() -> tuple[int, int]:
    """How many applications are counted otherwise than their rows say, and how many cells are not their sum.

    In one snapshot; what has events that are not counted yet is left out. Who rebuilds meanwhile empties the
    tables for every snapshot: then it is done again.

    Raises:
        CountedByNewer: there is nothing that this release could compare.
    """
    while True:
        rollups_refresh()
        if _state().counted_by > RULES:
            raise CountedByNewer
        files = _files()
        found = _differences()
        if found is not None and _files() == files:
            return found


def _files() -> Any:
    """Where the tables are; elsewhere once they were emptied."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filenode('reports_cell'), pg_relation_filenode('reports_fact')")
        return cursor.fetchone()


def _differences() -> tuple[int, int] | None:
    """As `rollups_check`; None of cells that are not whole."""
    with transaction.atomic():
        # Inside another transaction it is too late to choose the snapshot.
        nested = len(connection.savepoint_ids) > 0
        with connection.cursor() as cursor:
            if not nested:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute(_MUCH_MEMORY)
            if not _state().is_current:
                return None
            head, params = contributions(Application.objects.all())
            cursor.execute(
                f"""WITH {head}, computed AS (
                    SELECT application, jsonb_agg(jsonb_build_array({_ALL}) ORDER BY {_KEY}) AS counted
                    FROM contributions GROUP BY 1)
                SELECT count(*) FROM computed c FULL JOIN reports_fact f ON f.application = c.application
                WHERE c.counted IS DISTINCT FROM f.counted
                AND COALESCE(c.application, f.application) NOT IN (SELECT application FROM reports_due)
                AND COALESCE(c.application, f.application) NOT IN (
                    SELECT application_id FROM events_event
                    WHERE dispatched_at IS NULL AND projected_at IS NULL AND application_id IS NOT NULL)""",  # noqa: S608
                params,
            )
            (stale,) = cursor.fetchone() or (0,)
            _leaves(cursor)
            where = " OR ".join(f"c.{name} IS DISTINCT FROM s.{name}" for name in SUMS)
            key = "topic, level, grain, broker, bd, branch, day, label"
            cursor.execute(
                f"""WITH summed ({_CELL}) AS ({_all_levels("leaves")})
                SELECT count(*) FROM summed s FULL JOIN
                (SELECT {_CELL} FROM reports_cell
                 WHERE count <> 0 OR amount <> 0 OR other <> 0 OR span <> 0) c USING ({key})
                WHERE {where}"""  # noqa: S608 - our own names
            )
            (wrong,) = cursor.fetchone() or (0,)
            cursor.execute("DROP TABLE leaves")
    return int(stale), int(wrong)


def rollups_check_nightly(today: date | None = None) -> bool:
    """Check once for a business date, after its nightly work, and alert of differences; whether it did."""
    today = today or business_date()
    if not NightlyRun.objects.filter(business_date=today, status=RunStatus.DONE).exists():
        return False
    state = _state()
    if not state.is_current or (state.checked_on is not None and state.checked_on >= today):
        return False
    stale, wrong = rollups_check()
    with transaction.atomic():
        RollupState.objects.filter(pk=1).update(checked_on=today)
        if stale or wrong:
            logger.error("reports.rollups_wrong", applications=stale, cells=wrong)
            alert_of_trouble(
                source=AlertSource.JOB,
                key="reports:rollups",
                priority=Priority.HIGH,
                title="Reports do not agree with the book",
                body=f"{stale} applications and {wrong} cells differ. Run `rollups --rebuild`.",
            )
    return True


def applications_mark_due(marks: list[tuple[int, Any]]) -> None:
    """Note applications to be counted again, each with the moment of what happened to it."""
    Due.objects.bulk_create([Due(application=pk, since=since) for pk, since in marks])
