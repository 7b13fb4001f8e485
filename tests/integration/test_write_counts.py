"""How many queries the frequent writes take: exactly, and no more for more people than for one.

The caller's login is known already. SAVEPOINT and RELEASE around it all are BEGIN and COMMIT elsewhere.
"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm_backend.common import write_lane
from events.models import Event
from tests.integration.application_kit import CASCADE, TERMS
from tests.integration.test_cascade_api import cascade_body

pytestmark = pytest.mark.django_db

READ_MARK = "/api/users/notifications/mark-read/"
# What the reply takes, which is the detail read anew.
DETAIL = 1


@pytest.fixture(autouse=True)
def by_the_road():
    """The lane, which puts one transaction around it all, may have learned from tests before."""
    write_lane.recipes.clear()


def queries_of(client, method, path, body, status):
    assert client.get("/api/users/auth/profile/").status_code == 200
    with CaptureQueriesContext(connection) as queries:
        assert getattr(client, method)(path, body).status_code == status
    return [query["sql"] for query in queries]


def test_opening_an_application(world, broker):
    body = {
        **TERMS,
        "product": world.product.pk,
        "borrowers": [world.ours.borrower.pk],
        "guarantors": [world.ours.guarantor.pk],
    }
    sent = queries_of(broker, "post", "/api/applications/", body, 201)
    # Three references; the caller's broker; the application's key; all rows, whom to tell among them.
    assert len(sent) == 3 + 1 + 1 + 1 + DETAIL + 2


@pytest.mark.parametrize("times", [1, 5])
def test_a_cascade_takes_as_many_for_many_people_as_for_few(broker, times):
    body = cascade_body()
    for part in ("borrowers", "company_borrowers", "guarantors", "securities"):
        body[part] = body[part] * times
    before = Event.objects.count()
    sent = queries_of(broker, "post", CASCADE, body, 201)
    # The keys; the caller's broker; all rows; the securities' total, the calculation; its event.
    assert len(sent) == 1 + 1 + 1 + 2 + 1 + DETAIL + 2
    assert Event.objects.count() - before == 4 * times + 2


def test_moving_an_application(world, api):
    address = f"/api/applications/{world.ours.application.pk}/stage/"
    sent = queries_of(api(world.ours.bd_user), "put", address, {"stage": "sent_to_lender"}, 200)
    # It, visible and locked; its new stage, the move and the event.
    assert len(sent) == 1 + 1 + DETAIL + 2


def test_marking_everything_read(world, broker, dispatch, api):
    address = f"/api/applications/{world.ours.application.pk}/stage/"
    assert api(world.ours.bd_user).put(address, {"stage": "sent_to_lender"}).status_code == 200
    dispatch()
    sent = queries_of(broker, "post", READ_MARK, {}, 200)
    # Their mark and the event; how many are left. The transaction around them is the test's own.
    assert len(sent) == 1 + 1
