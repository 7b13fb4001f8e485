"""`python -m benchmarks.reading`: how much longer the same questions take in a larger book.

Makes a database of its own beside the configured one (or starts the embedded servers), grows a book in it
from the first size to the last, asks everything of each, and drops it. Times are medians of what the database
itself says it took to plan and execute: compare their ratios, not the figures of two machines.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.grown import Grown

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 5


@dataclass(frozen=True)
class Answer:
    """What one question took: milliseconds for the page and for its count, pages of the last query, scans."""

    asked: str
    page: float
    count: float
    pages: int
    scans: str


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="applications")
    parser.add_argument("--roles", nargs="+", default=["admin", "bd", "broker", "client"])
    parser.add_argument("--combined", action="store_true", help="every filter in every ordering as well")
    options = parser.parse_args()
    with _servers(), _database():
        rows = _measure(sorted(options.sizes), options.roles, options.combined)
        sys.stdout.writelines(f"{line}\n" for line in rows)


@contextmanager
def _servers() -> Iterator[None]:
    """What the environment names, or embedded servers."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_backend.settings")
    os.environ.setdefault("ENVIRONMENT", "test")
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(64))
    os.environ.update(LOG_LEVEL="CRITICAL", THROTTLE_USER="1000000/minute", DATABASE_POOL_SIZE="0")
    if {"DATABASE_URL", "REDIS_URL"} <= set(os.environ):
        yield
        return
    from crm_backend.embedded.servers import EmbeddedServers

    with EmbeddedServers(ROOT / "var" / "benchmark-servers", durable=False) as servers:
        os.environ.update(DATABASE_URL=servers.database_url, REDIS_URL=servers.redis_url)
        yield


@contextmanager
def _database() -> Iterator[None]:
    """An empty database with all tables, dropped in the end."""
    import django

    django.setup()
    from django.db import connection

    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def _measure(sizes: list[int], roles: list[str], combined: bool) -> Iterator[str]:
    from django.db import connection

    from benchmarks.grown import grow

    found: list[list[Answer]] = []
    present = 0
    for size in sizes:
        book = grow(size, present=present)
        present = size
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as autovacuum would soon have done
        found.append(list(_answers(book, roles, combined)))
    yield from _table(sizes, found)


def _table(sizes: list[int], found: list[list[Answer]]) -> Iterator[str]:
    header = " → ".join(f"{size:,}" for size in sizes)
    yield f"Page and count in ms at {header} applications (ratio), 8 KiB blocks of the page, question, scans"
    for answers in zip(*found, strict=True):
        times = [
            _compared([answer.page for answer in answers]),
            _compared([answer.count for answer in answers]),
        ]
        last = answers[-1]
        yield f"{times[0]:<24}{times[1]:<26}{last.pages:>6}  {last.asked}  {last.scans}"


def _compared(times: list[float]) -> str:
    if not times[0]:
        return "–"
    return f"{' → '.join(f'{time:.1f}' for time in times)} (×{times[-1] / times[0]:.1f})"


def _answers(book: Grown, roles: list[str], combined: bool) -> Iterator[Answer]:
    from benchmarks.plans import explain, statements_of
    from benchmarks.questions import combinations, questions, sublists

    for role in roles:
        user = book.users[role]
        addresses = [*questions(book), *(combinations(book) if combined else ())]
        addresses += sublists(book) if role == "admin" else []
        for address in addresses:
            statements = statements_of(user, address)
            runs = [[explain(statement) for statement in statements] for _ in range(REPEATS)]
            page = median(sum(plan.milliseconds for plan in run if not plan.is_count) for run in runs)
            count = median(sum(plan.milliseconds for plan in run if plan.is_count) for run in runs)
            last = runs[-1][-1]
            yield Answer(f"{role} {address}", page, count, last.buffers, ", ".join(last.scans[:2]))


if __name__ == "__main__":
    main()
