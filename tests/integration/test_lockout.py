"""The lock-out after failed logins."""

import pytest

from tests.clients import PASSWORD
from users.services import sessions

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_an_attempt_in_flight_when_the_lock_falls_learns_nothing(world, api, monkeypatch, password):
    user = world.ours.client_user
    check = sessions.authenticate

    def while_others_fail(*args, **kwargs):
        for _ in range(5):
            sessions._login_failures(user.email).record()
        return check(*args, **kwargs)

    monkeypatch.setattr(sessions, "authenticate", while_others_fail)
    reply = api().post("/api/auth/login/", {"email": user.email, "password": password})
    assert reply.status_code == 429
    assert int(reply["Retry-After"]) > 0
