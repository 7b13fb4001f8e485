"""The list of logins: one's own, and anybody's for administrators; ending one of them."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from events.models import Event
from tests.checks import assert_refused, event_types
from tests.clients import PASSWORD
from tests.factories import UserFactory
from tests.writes import nothing_written
from users.models import Session

OWN = "/api/users/auth/sessions/"
ME = "/api/users/profile/"

pytestmark = pytest.mark.django_db


def of(user, pk=""):
    return f"/api/users/users/{user.pk}/sessions/{f'{pk}/' if pk else ''}"


def session(client):
    return client.get(OWN, {"is_active": "true"}).json()["results"]


def current(client):
    (row,) = [row for row in client.get(OWN).json()["results"] if row["is_current"]]
    return row["id"]


def ids(reply):
    assert reply.status_code == 200
    return [row["id"] for row in reply.json()["results"]]


def test_a_login_says_where_it_came_from_and_how_long_it_lasts(world, api):
    user = world.ours.client_user
    login = {"email": user.email, "password": PASSWORD}
    tokens = api().post("/api/auth/login/", login, headers={"user-agent": "Firefox"}, REMOTE_ADDR="10.1.2.3")
    client = api()
    client.use(tokens.json()["access"])
    reply = client.get(OWN)
    assert reply.status_code == 200
    row = Session.objects.get(user=user)
    assert reply.json() == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [
            {
                "id": str(row.pk),
                "user_agent": "Firefox",
                "ip_address": "10.1.2.3",
                "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
                "last_used_at": row.last_used_at.isoformat().replace("+00:00", "Z"),
                "expires_at": row.expires_at.isoformat().replace("+00:00", "Z"),
                "revoked_at": None,
                "is_active": True,
                "is_current": True,
            }
        ],
    }


def test_ones_own_logins_are_listed_the_last_used_first(world, api):
    user = world.ours.broker_user
    clients = [api(user) for _ in range(3)]
    api(world.theirs.broker_user)
    expected = [current(client) for client in clients]
    assert ids(clients[0].get(OWN)) == expected[::-1]
    assert ids(clients[0].get(OWN, {"ordering": "last_used_at"})) == expected
    assert [row["is_current"] for row in clients[1].get(OWN).json()["results"]] == [False, True, False]


def test_an_administrators_own_list_is_their_own_too(world, api):
    api(world.ours.client_user)
    client = api(world.admin)
    assert ids(client.get(OWN)) == [current(client)]


def test_ended_logins_are_told_from_lasting_ones(world, api):
    user = world.ours.client_user
    client, ended, expired = api(user), current(api(user)), current(api(user))
    Session.objects.filter(pk=expired).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.delete(f"{OWN}{ended}/").status_code == 204
    assert ids(client.get(OWN, {"is_active": "true"})) == [current(client)]
    assert set(ids(client.get(OWN, {"is_active": "false"}))) == {ended, expired}
    assert client.get(OWN, {"is_active": "perhaps"}).status_code == 400


def test_ending_one_login_leaves_the_others(world, api):
    user = world.ours.client_user
    here, there = api(user), api(user)
    pk, last = current(there), Event.objects.latest("pk").pk
    assert here.delete(f"{OWN}{pk}/").status_code == 204
    assert_refused(there.get(ME), 401, "token_not_valid")
    refresh = api().post("/api/users/auth/refresh/", {"refresh": there.tokens.refresh})
    assert_refused(refresh, 401, "token_not_valid")
    assert here.get(ME).status_code == 200
    event = Event.objects.get(pk__gt=last)
    assert (event.type, event.actor, event.subject_id) == ("user.logged_out", user, user.pk)
    assert event.data == {"session_id": pk}


def test_ending_the_login_that_asks_is_logging_out(world, api):
    client = api(world.ours.client_user)
    assert client.delete(f"{OWN}{current(client)}/").status_code == 204
    assert_refused(client.get(ME), 401, "token_not_valid")


def test_ending_an_ended_login_changes_nothing(world, api):
    user = world.ours.client_user
    client, pk = api(user), current(api(user))
    assert client.delete(f"{OWN}{pk}/").status_code == 204
    with nothing_written():
        assert client.delete(f"{OWN}{pk}/").status_code == 204


@pytest.mark.parametrize("role", ["admin", "bd", "broker", "client"])
def test_a_login_of_somebody_else_is_not_ones_own(world, api, role):
    other = api(world.theirs.client_user)
    client, pk = api(world.user(role)), current(other)
    with nothing_written():
        assert_refused(client.delete(f"{OWN}{pk}/"), 404, "not_found")
    assert other.get(ME).status_code == 200


def test_an_administrator_reads_and_ends_logins_of_others(world, api):
    user = world.ours.broker_user
    admin, here, there = api(world.admin), api(user), api(user)
    assert ids(admin.get(of(user))) == [current(there), current(here)]
    assert [row["is_current"] for row in admin.get(of(user)).json()["results"]] == [False, False]
    assert admin.delete(of(user, current(here))).status_code == 204
    assert_refused(here.get(ME), 401, "token_not_valid")
    assert there.get(ME).status_code == 200
    event = Event.objects.latest("pk")
    assert (event.type, event.actor, event.subject_id) == ("user.logged_out", world.admin, user.pk)


def test_a_login_is_found_under_its_own_account_only(world, api):
    admin, client = api(world.admin), api(world.ours.client_user)
    with nothing_written():
        reply = admin.delete(of(world.ours.broker_user, current(client)))
    assert_refused(reply, 404, "not_found")
    assert_refused(admin.delete(of(world.ours.client_user, uuid.uuid4())), 404, "not_found")


@pytest.mark.parametrize("role", ["bd", "broker", "client"])
def test_only_administrators_see_logins_of_accounts(world, api, role):
    user = world.user(role)
    client, pk = api(user), None
    pk = current(client)
    with nothing_written():
        assert_refused(client.get(of(user)), 403, "permission_denied")
        assert_refused(client.delete(of(user, pk)), 403, "permission_denied")
        assert_refused(client.get(of(world.theirs.client_user)), 404, "not_found")


def test_the_socket_of_an_ended_login_is_told(world, api, dispatch, monkeypatch):
    from notifications import projections

    sent = []

    def send_all(messages):
        sent.extend(messages)

    user = world.ours.client_user
    client, pk = api(user), current(api(user))
    dispatch()
    monkeypatch.setattr(projections, "_send_all", send_all)
    client.delete(f"{OWN}{pk}/")
    dispatch()
    assert sent == [(user.pk, {"type": "auth.revoked", "session_id": pk})]


def test_logging_out_still_ends_the_login_that_asks(world, api):
    user = UserFactory.create()
    client, other = api(user), api(user)
    last = Event.objects.latest("pk").pk
    assert client.post("/api/users/auth/logout/", {}).status_code == 200
    assert event_types(after=last) == ["user.logged_out"]
    assert_refused(client.get(ME), 401, "token_not_valid")
    assert other.get(ME).status_code == 200
