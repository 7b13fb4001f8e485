"""`python -m benchmarks.reading`: how much longer the same questions take in a larger book.

Makes a database of its own beside the configured one (or starts the embedded servers), grows a book in it from
the first size to the last, asks everything of each, and drops it. Times are medians of what the database itself
says it took to plan and execute all queries of one answer; compare their ratios, not the figures of two machines.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 5


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

    found: list[list[tuple[str, float, int, str]]] = []
    present = 0
    for size in sizes:
        book = grow(size, present=present)
        present = size
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as autovacuum would soon have done
        found.append(list(_answers(book, roles, combined)))
    yield f"{'ms, ' + ' → '.join(f'{size:,}' for size in sizes):<28} ratio  pages  asked, and the index that served"
    for answers in zip(*found, strict=True):
        asked, last, buffers, scans = answers[-1]
        times = " → ".join(f"{answer[1]:.2f}" for answer in answers)
        yield f"{times:<28} {last / answers[0][1]:5.1f} {buffers:6}  {asked}: {scans}"


def _answers(book: object, roles: list[str], combined: bool) -> Iterator[tuple[str, float, int, str]]:
    """Of each question, its name, milliseconds, pages, and the scans of its page."""
    from benchmarks.grown import Grown
    from benchmarks.plans import explain, statements_of
    from benchmarks.questions import combinations, questions, sublists

    assert isinstance(book, Grown)
    for role in roles:
        user = book.users[role]
        addresses = [*questions(book), *(combinations(book) if combined else ())]
        addresses += sublists(book) if role == "admin" else []
        for address in addresses:
            statements = statements_of(user, address)
            plans = [[explain(statement) for statement in statements] for _ in range(REPEATS)]
            time = median(sum(plan.milliseconds for plan in run) for run in plans)
            last = plans[-1][-1]
            pages = sum(plan.buffers for plan in plans[-1])
            yield f"{role} {address}", time, pages, ", ".join(last.scans[:2])


if __name__ == "__main__":
    main()
