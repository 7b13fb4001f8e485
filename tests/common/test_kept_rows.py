"""Rows of a kept statement: asked for at once, or together with what is asked next."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from applications.models import Application
from crm_backend.common.postgresql import direct
from crm_backend.common.read_engine.models import KeptRows
from crm_backend.common.read_engine.statements import Statement
from tests.factories import ApplicationFactory

pytestmark = pytest.mark.django_db(transaction=True)

ONE = Statement("SELECT 1")


@pytest.fixture
def kept():
    return KeptRows(lambda given: Application.objects.filter(pk=given("pk", 1)).order_by())


@pytest.fixture
def trips(monkeypatch):
    """What was asked in one trip, for each."""
    made = []
    plain = direct._in_one_trip

    def counted(connection, before, last, **further):
        made.append(len(before) + (last is not None))
        return plain(connection, before, last, **further)

    monkeypatch.setattr(direct, "_in_one_trip", counted)
    return made


def test_they_come_with_what_is_asked_next(kept, trips):
    application = ApplicationFactory.create()
    with transaction.atomic():
        soon = kept.soon(pk=application.pk)
        assert ONE.run({}) == [(1,)]
        assert trips == [2]
        assert soon.get() == kept.run(pk=application.pk) == [application]
        assert soon.get()[0].reference_number == application.reference_number
        assert trips == [2]


def test_they_are_asked_for_when_nothing_else_was(kept, trips):
    application = ApplicationFactory.create()
    with transaction.atomic():
        assert kept.soon(pk=application.pk).get() == [application]
        assert trips == [1]


def test_none_are_none(kept):
    with transaction.atomic():
        assert kept.soon(pk=1).get() == []


def test_outside_a_transaction_they_come_at_once(kept):
    application = ApplicationFactory.create()
    soon = kept.soon(pk=application.pk)
    Application.objects.filter(pk=application.pk).delete()
    assert soon.get() == [application]


def test_those_that_went_with_a_part_that_was_undone_are_asked_for_anew(kept):
    application = ApplicationFactory.create()
    with transaction.atomic():
        ONE.run({})
        with transaction.atomic():
            soon = kept.soon(pk=application.pk)
            transaction.set_rollback(True)
        assert soon.get() == [application]


def test_who_looks_at_the_queries_sees_that_they_are_asked(kept):
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        kept.run(pk=1)
        kept.soon(pk=1).get()
    assert len([one for one in queries if "applications_application" in one["sql"]]) == 2
