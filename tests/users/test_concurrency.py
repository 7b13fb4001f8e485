"""Requests that arrive at the same moment."""

import pytest

from tests.checks import event_types
from tests.clients import PASSWORD, ApiClient
from tests.factories import UserFactory
from tests.threads import statuses, together
from users.models import Session, User
from users.services.sessions import Client, session_open

pytestmark = pytest.mark.django_db(transaction=True)
TABS = 4


def test_tabs_that_refresh_at_once_all_stay_logged_in_to_one_session():
    pair = session_open(user=UserFactory.create(), client=Client())

    def refresh():
        return ApiClient().post("/api/users/auth/refresh/", {"refresh": pair.refresh})

    replies = together(*[refresh] * TABS)
    assert statuses(replies) == [200] * TABS
    for reply in replies:
        client = ApiClient()
        client.use(reply.json()["access"])
        assert client.get("/api/users/profile/").status_code == 200
        verified = client.post("/api/users/auth/verify/", {"token": reply.json()["refresh"]})
        assert verified.status_code == 200
    assert Session.objects.get().revoked_at is None
    assert event_types() == ["user.logged_in"]


def test_registrations_of_one_address_at_once_make_one_account():
    body = {
        "email": "twin@example.com",
        "password": PASSWORD,
        "first_name": "Tia",
        "last_name": "Twin",
    }

    def register():
        return ApiClient().post("/api/users/auth/register/", body)

    replies = sorted(together(register, register), key=lambda reply: reply.status_code)
    assert replies[0].status_code == 201
    # The loser is told by the check of the field or, when that was too early, by the database.
    assert replies[1].json()["code"] == {400: "invalid", 409: "conflict"}[replies[1].status_code]
    assert User.objects.get_queryset().filter(email="twin@example.com").count() == 1
    assert event_types() == ["user.registered"]
