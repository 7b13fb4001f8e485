"""Emptying the tables after tests that commit: of the rows there are, and not of all that could be.

Django truncates every table and then makes content types and permissions anew, nearly a second for each test.
"""

from functools import cache
from typing import Any

from django.db import connection, transaction
from django.db.utils import ProgrammingError
from django.test import TransactionTestCase

# Made by migrations, of the models and not of rows.
KEPT = {"django_content_type", "auth_permission"}
_truncate_all = TransactionTestCase._fixture_teardown


@cache
def _which_have_rows() -> str:
    names = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT
    return " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in sorted(names)
    )


def empty() -> None:
    """Delete all rows, whatever refers to them and whatever triggers say."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_which_have_rows())
        for (name,) in cursor.fetchall():
            cursor.execute(f'DELETE FROM "{name}"')


def _fixture_teardown(case: Any) -> None:
    try:
        empty()
    except ProgrammingError:  # a role that is no superuser
        _truncate_all(case)


def install() -> None:
    """Let Django's test case empty the tables so."""
    TransactionTestCase._fixture_teardown = _fixture_teardown  # type: ignore[method-assign]
