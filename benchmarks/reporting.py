"""`./crm bench --reports`: the seven reports, dashboards and a custom one, beside the same figures by hand.

Both are asked in this process, in turn, so what counts is time in the server: for the product from the
request to the rendered reply, for the floor one statement over the rollup tables, its rows put into members
of a reply, and orjson.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.urls import resolve
from rest_framework.test import APIRequestFactory, force_authenticate

from benchmarks import books, loans
from benchmarks.findings import Found
from benchmarks.floor import reports as floor
from benchmarks.floor.cells import Asker, asker_of
from benchmarks.plans import Plan, explain
from benchmarks.shown import differences
from servicing.dates import business_date

if TYPE_CHECKING:
    from benchmarks.grown import Grown
    from crm_backend.embedded.servers import EmbeddedServers

FOLDER = Path(__file__).resolve().parent.parent / "var" / "bench"
QUICK_SIZE = 2000
# PostgreSQL plans a statement that is kept prepared five times before it may keep a plan as well.
WARMING_UP = 6
ROLES = ("admin", "bd", "broker")
REPORTS = (
    "application-volume", "application-status", "repayment-compliance", "broker-performance",
    "loan-portfolio", "arrears-ageing", "commission",
)  # fmt: skip
# Tables that grow with the book; the cells are more than rows of some of them.
GROWING = {
    "applications_application", "applications_stagechange", "applications_security", "events_event",
    "engagement_lead", "servicing_loan", "servicing_repayment", "servicing_journalentry",
    "servicing_journalline", "servicing_commission", "servicing_accountbalance", "reports_cell",
    "reports_fact",
}  # fmt: skip
CUSTOM = {
    "source": "applications",
    "dimensions": ["stage", "created_month"],
    "measures": ["count", "total_loan_amount", "weighted_rate"],
}


@dataclass(frozen=True)
class Question:
    """What is asked, by whom, and how many statements it may take. `by_rows`: no rollup has it."""

    name: str
    address: str
    statements: int
    roles: tuple[str, ...] = ROLES
    body: dict[str, Any] | None = None
    by_rows: bool = False


def period(today: date) -> tuple[date, date]:
    """Twelve whole months, up to the last one that has ended."""
    last = today.replace(day=1) - timedelta(days=1)
    return date(last.year - (last.month < 12), last.month % 12 + 1, 1), last


def questions(today: date) -> Iterator[Question]:
    """All of them; a report is asked for a year, a dashboard for its 30 days."""
    first, last = period(today)
    dated = f"?start_date={first}&end_date={last}"
    for name in REPORTS:
        query = "" if name in ("arrears-ageing", "loan-portfolio") else dated
        yield Question(name, f"/api/reports/{name}/{query}", 5)
    yield Question("dashboard", "/api/analytics/dashboard/", 13)
    yield Question("revenue", "/api/analytics/revenue/", 4, ("admin", "bd"))
    yield Question("team", "/api/analytics/team/", 5, ("admin", "bd"))
    yield Question("leads", "/api/analytics/leads/", 9)
    month = {**CUSTOM, "filters": [{"field": "created_on", "start": str(first), "end": str(last)}]}
    yield Question("custom", "/api/reports/custom/", 3, body=month)
    rows = {**month, "measures": ["count", "total_loan_amount", "largest_loan_amount"]}
    yield Question("custom-rows", "/api/reports/custom/", 3, body=rows, by_rows=True)


class Refused(Exception):
    """The product did not answer with 200."""


def ask(user: Any, question: Question) -> bytes:
    """The rendered reply to this user."""
    factory = APIRequestFactory()
    if question.body is None:
        request = factory.get(question.address, headers={"host": "localhost"})
    else:
        request = factory.post(question.address, question.body, format="json", headers={"host": "localhost"})
    force_authenticate(request, user)
    match = resolve(question.address.partition("?")[0])
    reply = match.func(request, *match.args, **match.kwargs)
    reply.render()
    if reply.status_code != 200:
        raise Refused(f"{question.address}: {reply.status_code} {reply.content!r}")
    return bytes(reply.content)


def by_hand(asker: Asker, question: Question, today: date) -> bytes:
    """The same figures from the floor."""
    days = (today - timedelta(days=29), today) if "analytics" in question.address else period(today)
    with connection.cursor() as cursor:
        return floor.answer(cursor, question.name, asker, days)


# --- The book -----------------------------------------------------------------------------------


def book_of(started: EmbeddedServers, size: int, say: Callable[[str], Any]) -> Grown:
    """The book with its rollups filled, made where it is not there in full."""
    from django.core.management import call_command

    from benchmarks.grown import grown

    name = books.name_of(size, "reports")
    books.use(name)
    if not books.create_database(started.database_url, name) and not books.is_whole(size):
        connection.close()
        books.drop_database(started.database_url, name)
        books.create_database(started.database_url, name)
    if not books.is_whole(size):
        say(f"Loading {size:,} applications with {size * loans.REPAYMENTS:,} repayments ...")
        start = time.monotonic()
        call_command("migrate", interactive=False, verbosity=0)
        loans.grow(size, say)
        with connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            cursor.execute("CREATE TABLE benchmark_book (size bigint)")
            cursor.execute("INSERT INTO benchmark_book VALUES (%s)", [size])
        say(f"  {time.monotonic() - start:.0f} s")
    return grown(size)


def fill(say: Callable[[str], Any], *, anew: bool = False) -> dict[str, Any]:
    """Fill the rollups where they are not whole; how long that took, once, and how large they are."""
    from reports.models import RollupState
    from reports.services.rollups import rollups_rebuild

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS benchmark_fill (seconds float)")
        if anew or not RollupState.objects.filter(is_whole=True).exists():
            say("Filling the rollups ...")
            start = time.monotonic()
            rollups_rebuild(anew=True)
            seconds = time.monotonic() - start
            cursor.execute("TRUNCATE benchmark_fill")
            cursor.execute("INSERT INTO benchmark_fill VALUES (%s)", [seconds])
            cursor.execute("VACUUM ANALYZE reports_cell, reports_fact, reports_due")
        cursor.execute(
            """SELECT (SELECT max(seconds) FROM benchmark_fill), (SELECT count(*) FROM reports_cell),
            pg_total_relation_size('reports_cell'), pg_total_relation_size('reports_fact'),
            pg_database_size(current_database())"""
        )
        row = cursor.fetchone() or ()
    return dict(zip(("seconds", "cells", "cells_bytes", "facts_bytes", "database_bytes"), row, strict=True))


# --- Measuring ----------------------------------------------------------------------------------


def compared(book: Grown, question: Question, role: str, today: date) -> list[str]:
    """In what the product is not what the floor is."""
    asker = asker_of(book.users[role])
    if not floor.has_one(question.name, asker):
        return []
    found = json.loads(by_hand(asker, question, today))
    return differences(question.name, json.loads(ask(book.users[role], question)), found)


def _clock(backend: int) -> tuple[float, float, float]:
    """Milliseconds of the wall, and of CPU of this process and of the database's."""
    running = int(Path(f"/proc/{backend}/schedstat").read_text().split()[0]) / 1e6
    return time.perf_counter() * 1000, time.process_time() * 1000, running


def measure(book: Grown, question: Question, role: str, rounds: int, today: date) -> Found:
    """Both in turn, and what the product asks of the database."""
    user, asker = book.users[role], asker_of(book.users[role])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone() or (0,)
    sides: list[Callable[[], object]] = [lambda: ask(user, question)]
    if floor.has_one(question.name, asker):
        sides.append(lambda: by_hand(asker, question, today))
    taken: list[list[tuple[float, float, float]]] = [[] for _ in sides]
    for number in range(-WARMING_UP, rounds):
        order = list(range(len(sides)))
        for index in order if number % 2 else reversed(order):
            start = _clock(backend)
            sides[index]()
            wall, python, database = (now - then for now, then in zip(_clock(backend), start, strict=True))
            if number >= 0:
                taken[index].append((wall, python + database, database))
    plans = explained(user, question)
    ours, *others = taken
    hand = others[0] if others else None
    return Found(
        name=question.name,
        role=role,
        floor_ms=median(wall for wall, _, _ in hand) if hand else None,
        floor_cpu_ms=median(cpu for _, cpu, _ in hand) if hand else None,
        product_ms=median(wall for wall, _, _ in ours),
        product_cpu_ms=median(cpu for _, cpu, _ in ours),
        database_cpu_ms=median(cpu for _, _, cpu in ours),
        ratio=median(one[1] / other[1] for one, other in zip(ours, hand, strict=True)) if hand else None,
        statements=len(plans),
        cells=sum(part.visited({"reports_cell"}) for part in _parts(plans)),
        whole=sorted(set().union(*(part.read_whole & GROWING for part in _parts(plans)))),
    )


def explained(user: Any, question: Question) -> list[Plan]:
    """How PostgreSQL goes about what the product asks it."""
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SELECT", "WITH", " WITH")) and "set_config" not in sql:
            asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        ask(user, question)
    return [explain(one) for one in asked]


def _parts(plans: list[Plan]) -> list[Plan]:
    """All of each: who is listed is found beside the rest."""
    return [part for plan in plans for part in (plan, *plan.counts)]


def run(started: EmbeddedServers, size: int, rounds: int, say: Callable[[str], Any]) -> int:
    """Measure all of them on a book of a size; 1 when the floor is not one."""
    from benchmarks import report

    today = business_date()
    book = book_of(started, size, say)
    filled = fill(say)
    with connection.cursor() as cursor:
        # What workers take is no time of the backend's.
        cursor.execute("SET max_parallel_workers_per_gather = 0")
    say(
        f"{filled['cells']:,} cells, {filled['cells_bytes'] / 1e6:,.0f} MB, and "
        f"{filled['facts_bytes'] / 1e6:,.0f} MB of facts, in {filled['seconds']:,.0f} s"
    )
    found: list[Found] = []
    faults = 0
    for question in questions(today):
        for role in question.roles:
            for wrong in compared(book, question, role, today):
                say(f"The floor is not one of {question.name} ({role}): {wrong}")
                faults += 1
            found.append(measure(book, question, role, rounds, today))
            say(line(found[-1]))
    for path in report.write_reports(FOLDER, size, filled, found):
        say(f"  {path.relative_to(Path.cwd())}")
    return 1 if faults else 0


def quick(started: EmbeddedServers, say: Callable[[str], Any]) -> int:
    """See, without a look at a clock, that figures are right and what they ask of the database; 1 if not."""
    today, faults = business_date(), 0
    book = book_of(started, QUICK_SIZE, say)
    fill(say)
    for question in questions(today):
        for role in question.roles:
            found = list(_faults(book, question, role, today))
            say(f"{question.name} ({role})" + "".join(f"\n  {fault}" for fault in found))
            faults += len(found)
    say(f"{faults} faults." if faults else "All as it should be.")
    return 1 if faults else 0


def _faults(book: Grown, question: Question, role: str, today: date) -> Iterator[str]:
    user = book.users[role]
    for wrong in compared(book, question, role, today):
        yield f"not as by hand: {wrong}"
    if ask_of(user, question) != _by_rows(user, question):
        yield "not as computed from the rows"
    with connection.cursor() as cursor:
        # In a book as small as this, a table is read as a whole unless nothing helps it.
        cursor.execute("SET enable_seqscan = off")
        plans = explained(user, question)
        cursor.execute("RESET enable_seqscan")
    if len(plans) > question.statements:
        yield f"{len(plans)} statements, where {question.statements} are allowed"
    whole = set().union(*(part.read_whole & GROWING for part in _parts(plans)))
    if whole and not question.by_rows:
        yield f"reads {', '.join(sorted(whole))} as a whole"


def ask_of(user: Any, question: Question) -> Any:
    """The reply, without when it was made."""
    return {**json.loads(ask(user, question)), "as_of": None}


def _by_rows(user: Any, question: Question) -> Any:
    """The same while there are no rollups."""
    from reports.models import RollupState

    RollupState.objects.update(is_whole=False)
    try:
        return ask_of(user, question)
    finally:
        RollupState.objects.update(is_whole=True)


def line(one: Found) -> str:
    """One result for a terminal."""
    hand = f", × {one.ratio:.1f} of {one.floor_cpu_ms:.1f} by hand" if one.ratio is not None else ""
    whole = f"; reads {', '.join(one.whole)} as a whole" if one.whole else ""
    return (
        f"{one.name} ({one.role}): {one.product_ms:.1f} ms, CPU {one.product_cpu_ms:.1f}{hand}; "
        f"{one.database_cpu_ms:.1f} in the database; {one.statements} statements, {one.cells} cells{whole}"
    )
