"""What a call asks of the database: counted and explained by the database itself, whoever sends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from benchmarks.plans import Plan

# Words that open and end transactions cost a round trip, but look at nothing.
COUNTED = """
SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND query !~* '^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET|DEALLOCATE|SELECT pg_stat_statements)'
"""
COUNTING = {"pg_stat_statements.track": "top"}
EXPLAINING = {"auto_explain.log_min_duration": "0", "auto_explain.log_format": "json"}
EXPLANATION = "plan:\n"


def count_statements(ask: Callable[[], int]) -> float:
    """Statements of one request, where `ask` makes some and says how many.

    What a process does once only, as looking at a session, makes it a fraction more.
    """
    with _setting(COUNTING), connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_statements_reset()")
        asked = ask()
        cursor.execute(COUNTED)
        (calls,) = cursor.fetchone() or (0,)
    return float(calls) / asked


def explain_statements(log: Path, ask: Callable[[], object]) -> list[Plan]:
    """How PostgreSQL went about what it was asked meanwhile, from its log; nothing is executed twice."""
    with _setting(EXPLAINING):
        start = log.stat().st_size
        ask()
        with log.open("rb") as file:
            file.seek(start)
            text = file.read().decode(errors="replace")
    return list(_plans(text))


def _plans(text: str) -> Iterator[Plan]:
    decoder = json.JSONDecoder(strict=False)
    at = text.find(EXPLANATION)
    while at >= 0:
        found, _ = decoder.raw_decode(text[at + len(EXPLANATION) :].lstrip())
        yield Plan(found["Query Text"], found)
        at = text.find(EXPLANATION, at + 1)


@contextmanager
def _setting(values: Mapping[str, str]) -> Iterator[None]:
    """Change the server for a while: counting and explaining cost a little, so they are off otherwise."""
    with connection.cursor() as cursor:
        for name, value in values.items():
            cursor.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        _reload()
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for name in values:
                cursor.execute(f"ALTER SYSTEM RESET {name}")
            _reload()


def _reload() -> None:
    """Let every session know; each looks before its next statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_reload_conf()")
        cursor.execute("SELECT pg_sleep(0.2)")
