"""Proof that nothing was written: a fingerprint of every table of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection


def as_if_none(block: Any) -> Any:
    """A transaction around what must have none around it, as Django's own test cases have one."""
    block._from_testcase = True
    return block


def is_ours(model: Any) -> bool:
    """Whether a model is of the project, and not of a library."""
    return "site-packages" not in Path(apps.get_app_config(model._meta.app_label).path).parts


def fingerprint() -> dict[str, tuple[int, str]]:
    """Rows and a hash of their contents, by table."""
    tables = [model._meta.db_table for model in apps.get_models() if is_ours(model)]
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
