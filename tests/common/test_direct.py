"""Queries by libpq itself give what psycopg's cursors give, and leave the connection as they do."""

from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Thread
from time import thread_time
from uuid import UUID

import psycopg
import pytest
from django.db import connections, transaction
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


def test_the_first_of_a_transaction_begins_it(plain):
    plain.execute("CREATE TEMPORARY TABLE written (one int)")
    plain.autocommit = False
    direct.ask(plain, "INSERT INTO written VALUES (%s) RETURNING one", [1], prepare=True)
    assert plain.pgconn.transaction_status == TransactionStatus.INTRANS
    plain.rollback()
    assert direct.ask(plain, "SELECT count(*) FROM written", [], prepare=True) == [(0,)]
    plain.commit()


def test_what_has_gone_in_a_transaction_fails_it_and_is_prepared_anew_for_the_next(plain):
    assert direct.ask(plain, "SELECT 6", [], prepare=True) == [(6,)]
    plain.execute("DEALLOCATE ALL")
    with pytest.raises(psycopg.errors.InvalidSqlStatementName), plain.transaction():
        direct.ask(plain, "SELECT 6", [], prepare=True)
    with plain.transaction():
        assert direct.ask(plain, "SELECT 6", [], prepare=True) == [(6,)]


@pytest.mark.parametrize("prepare", [True, False])
def test_the_first_of_a_transaction_fails_as_by_a_cursor(plain, prepare):
    halved = "SELECT 4 / %s::int"
    assert direct.ask(plain, halved, [2], prepare=prepare) == [(2,)]
    plain.autocommit = False
    assert direct.ask(plain, halved, [2], prepare=prepare) == [(2,)]
    plain.commit()
    with pytest.raises(psycopg.errors.DivisionByZero):
        direct.ask(plain, halved, [0], prepare=prepare)
    assert plain.pgconn.transaction_status == TransactionStatus.INERROR
    plain.rollback()
    assert direct.ask(plain, halved, [1], prepare=prepare) == [(4,)]
    plain.rollback()


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("prepare", [True, False])
def test_who_waits_for_a_lock_lets_the_thread_that_holds_it_go_on(plain, prepare, is_first):
    locking, found = "SELECT pg_advisory_xact_lock(%s::bigint)::text", []
    assert direct.ask(plain, locking, [1], prepare=prepare) == [("",)]
    plain.execute("SET lock_timeout = '20s'")
    plain.autocommit = False
    if not is_first:
        plain.execute("SELECT 1")
    holder = connections["default"]
    with transaction.atomic(), holder.cursor() as cursor:
        cursor.execute(locking, [1])
        thread = Thread(target=lambda: found.append(direct.ask(plain, locking, [1], prepare=prepare)))
        thread.start()
        cursor.execute("SELECT pg_sleep(0.2)")
    thread.join()
    assert found == [[("",)]]
    plain.rollback()


def test_a_transaction_does_not_begin_on_a_connection_that_was_ended(plain):
    direct.ask(plain, "SELECT 1", [], prepare=True)
    plain.autocommit = False
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [plain.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        direct.ask(plain, "SELECT 1", [], prepare=True)
    assert plain.closed


# --- posted -----------------------------------------------------------------------------------------


def posted(sql, values, found, *, prepare=True):
    return direct.Posted(sql, values, prepare, found.extend)


@pytest.mark.parametrize("prepare", [True, False])
def test_what_was_posted_goes_before_and_begins_the_transaction(plain, prepare):
    plain.execute("CREATE TEMPORARY TABLE written (one int)")
    plain.autocommit = False
    found, insert = [], "INSERT INTO written VALUES (%s) RETURNING one"
    for number in (1, 2):
        before = [posted(insert, [number], found, prepare=prepare)] * 2
        rows = direct.ask(plain, "SELECT count(*) FROM written", [], prepare=prepare, before=before)
        assert rows == [(2 * number,)]
        assert plain.pgconn.transaction_status == TransactionStatus.INTRANS
    assert found == [(1,), (1,), (2,), (2,)]
    direct.commit(plain, [posted(insert, [3], found)])
    assert plain.pgconn.transaction_status == TransactionStatus.IDLE
    assert found[-1] == (3,)
    plain.rollback()
    assert direct.ask(plain, "SELECT max(one) FROM written", [], prepare=prepare) == [(3,)]
    direct.commit(plain, [])
    direct.commit(plain, [])
    assert plain.pgconn.transaction_status == TransactionStatus.IDLE


def test_what_fails_of_it_fails_the_rest_and_commits_nothing(plain):
    plain.execute("CREATE TEMPORARY TABLE written (one int)")
    plain.autocommit = False
    found = []
    halved, kept = posted("SELECT 4 / %s::int", [0], found), posted("SELECT %s + 1", [1], found)
    for act in (
        lambda: direct.ask(
            plain, "INSERT INTO written VALUES (1) RETURNING 1", [], prepare=True, before=[halved]
        ),
        lambda: direct.settle(plain, [kept, halved]),
        lambda: direct.commit(
            plain, [posted("INSERT INTO written VALUES (1) RETURNING 1", [], found), halved]
        ),
    ):
        with pytest.raises(psycopg.errors.DivisionByZero):
            act()
        assert plain.pgconn.transaction_status == TransactionStatus.INERROR
        plain.rollback()
    assert found == []
    assert direct.ask(plain, "SELECT count(*) FROM written", [], prepare=True) == [(0,)]
    plain.rollback()


def test_a_constraint_that_is_checked_last_refuses_the_commit(plain):
    plain.execute("CREATE TEMPORARY TABLE once (one int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    plain.autocommit = False
    found, insert = [], "INSERT INTO once VALUES (1) RETURNING one"
    for before in ([], [posted(insert, [], found)]):
        direct.settle(plain, [posted(insert, [], found)] * 2)
        with pytest.raises(psycopg.errors.UniqueViolation):
            direct.commit(plain, before)
        plain.rollback()
    assert direct.ask(plain, "SELECT count(*) FROM once", [], prepare=True) == [(0,)]
    plain.rollback()


def test_a_connection_that_ended_before_the_commit_says_so(plain):
    plain.autocommit = False
    direct.ask(plain, "SELECT 1", [], prepare=True)
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [plain.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        direct.commit(plain, [posted("SELECT 1", [], [])])
    assert plain.closed


def test_a_block_of_psycopgs_own_is_not_committed_from_within(plain):
    with plain.transaction(), pytest.raises(psycopg.ProgrammingError):
        direct.commit(plain, [])


def test_who_waits_does_not_look_all_the_time(plain):
    plain.autocommit = False
    before = thread_time()
    direct.ask(plain, "SELECT pg_sleep(0.5)::text", [], prepare=False)
    assert thread_time() - before < 0.25
    plain.rollback()


def test_nothing_is_asked_where_a_transaction_has_failed(plain):
    with plain.transaction(force_rollback=True):
        assert direct.can_ask(plain)
        with pytest.raises(psycopg.errors.DivisionByZero):
            plain.execute("SELECT 1 / 0")
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
