"""Queries by libpq itself give what psycopg's cursors give, and leave the connection as they do."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from psycopg.pq import TransactionStatus

from crm_backend.common.postgresql import direct

VALUES = [
    1, 70_000, 2**40, -1, 2**62, "é 100 % 'x' \\", "", True, None, Decimal("0.10"), date(2026, 2, 28),
    datetime(2026, 2, 28, 9, 30, 0, 5, tzinfo=UTC), UUID(int=7), [1, 2],
]  # fmt: skip


@pytest.fixture
def plain(transactional_db):
    """A connection of psycopg, with the adapters that Django gives its own, that begins no transactions."""
    wrapper = connections.create_connection("default")
    wrapper.connect()
    yield wrapper.connection
    wrapper.close()


def names(plain):
    return {name for (name,) in plain.execute("SELECT name FROM pg_prepared_statements").fetchall()}


@pytest.mark.parametrize("prepare", [True, False])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_go_and_come_as_by_a_cursor(plain, value, prepare):
    sql = f"SELECT %s{'::text' if value is None else ''} AS value, 'a%%b' LIKE 'a%%' AS found"
    rows = direct.ask(plain, sql, [value], prepare=prepare)
    assert rows == plain.execute(sql, [value]).fetchall() == [(value, True)]
    assert [type(one) for one in rows[0]] == [type(value), bool]


def test_all_types_of_columns_come_as_by_a_cursor(plain):
    sql = (
        "SELECT 1::smallint, 2.50::numeric, now(), current_date, '{\"a\": [1.5]}'::jsonb, '{1}'::int[], "
        "interval '1 day', '10.0.0.1'::inet, gen_random_uuid() IS NULL, NULL::date"
    )
    with plain.transaction():
        plain.execute("SELECT 1")
        assert direct.ask(plain, sql, [], prepare=True) == plain.execute(sql).fetchall()


def test_a_statement_is_prepared_once_for_each_width_of_its_values(plain):
    for value in (1, 2, 3, 70_000):
        assert direct.ask(plain, "SELECT %s + 1", [value], prepare=True) == [(value + 1,)]
    assert len(names(plain)) == 2
    direct.ask(plain, "SELECT %s + 2", [1], prepare=False)
    assert len(names(plain)) == 2


def test_a_connection_keeps_the_hundred_last_used(plain):
    for number in range(direct.PREPARED):
        direct.ask(plain, f"SELECT {number}", [], prepare=True)
    first, second = "SELECT 0", "SELECT 1"
    direct.ask(plain, first, [], prepare=True)
    direct.ask(plain, "SELECT 'one more'", [], prepare=True)
    with plain.cursor() as cursor:
        kept = {text for (text,) in cursor.execute("SELECT statement FROM pg_prepared_statements").fetchall()}
    assert len(kept) == direct.PREPARED
    assert first in kept
    assert second not in kept


def test_what_has_gone_is_prepared_again(plain):
    assert direct.ask(plain, "SELECT 5", [], prepare=True) == [(5,)]
    plain.execute("DEALLOCATE ALL")
    assert direct.ask(plain, "SELECT 5", [], prepare=True) == [(5,)]


def test_a_table_that_changed_below_a_statement_is_read_as_it_is_now(plain):
    plain.execute("CREATE TEMPORARY TABLE changing AS SELECT 1 AS one")
    assert direct.ask(plain, "SELECT * FROM changing", [], prepare=True) == [(1,)]
    plain.execute("ALTER TABLE changing ADD COLUMN two text DEFAULT 'new'")
    assert direct.ask(plain, "SELECT * FROM changing", [], prepare=True) == [(1, "new")]
    assert len(names(plain)) == 1


@pytest.mark.parametrize("prepare", [True, False])
def test_errors_are_those_of_a_cursor_and_the_connection_goes_on(plain, prepare):
    with pytest.raises(psycopg.errors.DivisionByZero):
        direct.ask(plain, "SELECT 1 / %s", [0], prepare=prepare)
    with pytest.raises(psycopg.errors.UndefinedTable):
        direct.ask(plain, "SELECT * FROM nowhere", [], prepare=prepare)
    assert plain.pgconn.transaction_status == TransactionStatus.IDLE
    assert direct.ask(plain, "SELECT 1", [], prepare=prepare) == [(1,)]


def test_a_connection_that_was_ended_says_so(plain):
    other = connections["default"]
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [plain.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        direct.ask(plain, "SELECT 1", [], prepare=True)
    assert plain.closed


def test_only_a_transaction_that_has_begun_is_asked_in(plain):
    assert direct.can_ask(plain)
    plain.autocommit = False
    assert not direct.can_ask(plain)
    plain.execute("SELECT 1")
    assert direct.can_ask(plain)
    plain.rollback()
    assert not direct.can_ask(plain)


def test_what_goes_wrong_ends_a_transaction_as_it_does_by_a_cursor(plain):
    with plain.transaction(force_rollback=True):
        plain.execute("SELECT 1")
        with pytest.raises(psycopg.errors.DivisionByZero):
            direct.ask(plain, "SELECT 1 / %s", [0], prepare=True)
        assert plain.pgconn.transaction_status == TransactionStatus.INERROR
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            direct.ask(plain, "SELECT 1", [], prepare=True)
    assert direct.ask(plain, "SELECT 1", [], prepare=True) == [(1,)]
