"""What filters and a search find among few rows is what they find among many."""

import pytest

from crm_backend.common.postgresql import direct
from crm_backend.common.read_engine import engine
from crm_backend.common.read_engine.statements import TEXTS, Statement
from tests.common.test_read_engine import both
from tests.factories import ApplicationFactory, BrokerFactory

pytestmark = pytest.mark.django_db

LIST = "/api/applications/"
SEARCH = {"search": "app-", "stage": "inquiry", "limit": 2, "ordering": "-loan_amount"}


@pytest.fixture
def asked(monkeypatch):
    """The statements that PostgreSQL is asked, and whether it keeps them."""
    noted = []
    ask = direct.ask

    def noting(connection, sql, values, **how):
        noted.append((sql, how["prepare"]))
        return ask(connection, sql, values, **how)

    monkeypatch.setattr(direct, "ask", noting)
    return noted


@pytest.fixture
def reader(world, api):
    """A broker with five applications in a stage; others have some too."""
    engine.large.clear()
    for number in range(5):
        ApplicationFactory.create(broker=world.ours.broker, loan_amount=1000 + number)
    ApplicationFactory.create(broker=world.theirs.broker)
    return api(world.ours.broker_user)


def test_few_rows_are_found_by_one_statement_that_is_planned_once(reader, asked):
    reader.get(LIST, SEARCH)
    asked.clear()
    reply = reader.get(LIST, SEARCH)
    assert [prepare for sql, prepare in asked if "searchdocument" in sql] == [True]
    assert reply.json()["count"] >= 5
    assert len(reply.json()["results"]) == 2


@pytest.mark.parametrize("small", [0, 2, 5, 500])
@pytest.mark.parametrize("further", [{}, {"offset": 3}, {"offset": 99}, {"search": "%"}])
def test_pages_are_the_same_however_many_rows_are_few(reader, monkeypatch, small, further):
    monkeypatch.setattr(engine, "SMALL", small)
    query = SEARCH | further
    for _ in range(2):
        plain, fast = both(reader, LIST, query)
        assert fast == plain


def test_who_sees_more_is_not_asked_for_few_again(reader, asked, monkeypatch):
    monkeypatch.setattr(engine, "SMALL", 2)
    for tries in (1, 0):
        asked.clear()
        reader.get(LIST, SEARCH)
        assert sum(sql.startswith("WITH visible") for sql, _ in asked) == tries
        assert any(sql.startswith("WITH found") for sql, _ in asked)


def test_a_row_that_makes_them_many_is_found_at_once(world, reader, monkeypatch):
    seen = reader.get(LIST).json()["count"]
    monkeypatch.setattr(engine, "SMALL", seen)
    before = reader.get(LIST, SEARCH).json()["count"]
    ApplicationFactory.create(broker=world.ours.broker)
    assert reader.get(LIST, SEARCH).json()["count"] == before + 1


def test_who_sees_no_row_finds_none(api):
    plain, fast = both(api(BrokerFactory.create().user), LIST, SEARCH)
    assert fast == plain
    assert b'"count":0' in fast[1]


def test_texts_are_kept_for_a_few_lengths_of_a_page_only():
    statement = Statement("SELECT %s::int", (1,))
    for limit in range(1, 3 * TEXTS):
        assert statement.run({}, f" LIMIT {limit}") == [(1,)]
        assert statement.run_counted({}, Statement("SELECT 2"), f" LIMIT {limit}") == [(1, 2)]
        assert len(statement._texts) <= TEXTS
