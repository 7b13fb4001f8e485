"""Requests that arrive at the same moment."""

import pytest

from crm_backend.common.errors import Conflict, NotAllowed
from tests.checks import event_types
from tests.clients import PASSWORD, ApiClient
from tests.factories import UserFactory
from tests.threads import statuses, together
from tests.writes import nothing_written
from users.models import Session, User
from users.services.accounts import user_suspend
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
    assert User.objects.filter(email="twin@example.com").count() == 1
    assert event_types() == ["user.registered"]


USERS, MEMBERS = "/api/users/users/", "/api/users/team/members/"
ENDINGS = {
    "suspend": lambda client, pk: client.post(f"{USERS}{pk}/suspend/"),
    "role": lambda client, pk: client.patch(f"{USERS}{pk}/", {"role": "client"}),
    "delete": lambda client, pk: client.delete(f"{USERS}{pk}/"),
    "leave": lambda client, pk: client.delete(f"{MEMBERS}{pk}/"),
}


@pytest.mark.parametrize("ours", list(ENDINGS))
@pytest.mark.parametrize("theirs", ["suspend", "role"])
def test_two_administrators_who_end_each_other_at_once_leave_one(ours, theirs):
    ada, ben = UserFactory.create(role="admin"), UserFactory.create(role="admin")
    clients = {ada: ApiClient(ada), ben: ApiClient(ben)}
    replies = together(
        lambda: ENDINGS[ours](clients[ada], ben.pk),
        lambda: ENDINGS[theirs](clients[ben], ada.pk),
    )
    assert User.objects.admins().count() == 1
    # One was too late: refused by the rule, or as somebody who may not log in any more. An account with a
    # history is not deleted at all.
    assert sum(reply.status_code < 300 for reply in replies) == 1
    assert {reply.status_code for reply in replies if reply.status_code >= 300} <= {401, 403, 404, 409}


def test_who_was_ended_meanwhile_ends_nobody():
    ada, ben, cleo = (UserFactory.create(role="admin") for _ in range(3))
    User.objects.filter(pk=ada.pk).update(status="suspended")
    with nothing_written(), pytest.raises(NotAllowed):
        user_suspend(user=ben, actor=ada)
    User.objects.filter(pk=cleo.pk).update(role="client")
    with nothing_written(), pytest.raises(Conflict, match="last administrator"):
        user_suspend(user=ben, actor=ada)
