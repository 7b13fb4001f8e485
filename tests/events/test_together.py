"""Events of a block are written in one statement, in their order, or not at all."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from events.models import Event
from events.services import emit, together
from tests.checks import event_types
from tests.factories import UserFactory
from users.events import UserActivated, UserApproved, UserSuspended

pytestmark = pytest.mark.django_db


def test_they_are_written_at_the_end_in_one_statement_and_in_order():
    user = UserFactory.create()
    with CaptureQueriesContext(connection) as queries, transaction.atomic(), together():
        emit(UserApproved(), actor=None, subject=user)
        with together():
            emit(UserSuspended(), actor=None, subject=user)
        emit(UserActivated(), actor=None, subject=user, recipients=[user])
        assert event_types() == []
    assert event_types() == ["user.approved", "user.suspended", "user.activated"]
    assert Event.objects.latest("pk").recipients == [user.pk]
    assert len([query for query in queries if "INSERT INTO" in query["sql"]]) == 1


def test_none_are_written_when_the_block_fails():
    user = UserFactory.create()

    def fail():
        with transaction.atomic(), together():
            emit(UserApproved(), actor=None, subject=user)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert event_types() == []
    with transaction.atomic():
        emit(UserSuspended(), actor=None, subject=user)
    assert event_types() == ["user.suspended"]
