"""A migrated database that test databases are copied from.

To migrate an empty database takes longer than most selections of tests. The copy is kept on the servers that
tests start for themselves, under a name that changes with whatever could change the schema.
"""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

PREFIX = "migrated_"
# What migrations say, and what they take their defaults, checks and column types from.
SOURCES = ("*/migrations/*.py", "*/choices.py", "crm_backend/common/*.py", "requirements/dev.txt")


def migrated(root: Path, lock: Path) -> str:
    """The name of the migrated database; who comes first makes it, and others wait."""
    name = PREFIX + _fingerprint(root)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        known = [row[0] for row in _ask(f"SELECT datname FROM pg_database WHERE datname LIKE '{PREFIX}%'")]
        if name not in known:
            for old in known:
                _ask(f'DROP DATABASE "{old}"')
            _make(name)
    return name


def _fingerprint(root: Path) -> str:
    found = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(root.glob(pattern)):
            found.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:32]


def _make(name: str) -> None:
    draft = f"draft_of_{name}"
    _ask(f'DROP DATABASE IF EXISTS "{draft}"')
    _ask(f'CREATE DATABASE "{draft}"')
    with _connected_to(draft):
        call_command("migrate", verbosity=0, interactive=False)
    _ask(f'ALTER DATABASE "{draft}" RENAME TO "{name}"')


@contextmanager
def _connected_to(name: str) -> Iterator[None]:
    usual = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


def _ask(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows
