"""A small book, written once for each module that reads it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def written(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    from django.core.management import call_command

    from demo.book import Book, write_book
    from demo.clock import WorkingClock
    from demo.loans import read_loans
    from tests.demo.support import LIMIT, TODAY, Written

    path: Path = tmp_path_factory.mktemp("demo") / "logins.json"
    with django_db_blocker.unblock():
        counts = write_book(Book(today=TODAY, logins=path, limit=LIMIT))
    yield Written(counts, json.loads(path.read_text()), read_loans(LIMIT), WorkingClock(TODAY))
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)
