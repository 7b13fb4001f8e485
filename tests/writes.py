"""Proof that nothing was written: a fingerprint of every table of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection

OURS = (
    "applications", "borrowers", "brokers", "common", "documents", "events", "jobs", "messaging",
    "notifications", "servicing", "users",
)  # fmt: skip


def fingerprint() -> dict[str, tuple[int, str]]:
    """Rows and a hash of their contents, by table."""
    tables = [model._meta.db_table for model in apps.get_models() if model._meta.app_label in OURS]
    selects = [
        f"SELECT '{table}', count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '')"
        f' FROM "{table}" t'
        for table in tables
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(selects))
        return {table: (rows, content) for table, rows, content in cursor.fetchall()}


@contextmanager
def nothing_written() -> Iterator[None]:
    """Whatever happens inside, no row and no event is added, changed or lost."""
    before = fingerprint()
    yield
    assert fingerprint() == before
