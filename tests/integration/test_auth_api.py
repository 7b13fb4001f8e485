"""Logging in, tokens, logging out."""

import time
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from rest_framework.settings import api_settings

from events.models import Event
from tests.checks import assert_refused, event_types
from tests.clients import PASSWORD
from tests.factories import UserFactory
from tests.writes import nothing_written
from users.choices import AccountStatus, Role
from users.models import Session, User

pytestmark = pytest.mark.django_db

LOGIN = "/api/users/auth/login/"
REFRESH = "/api/users/auth/refresh/"
VERIFY = "/api/users/auth/verify/"
LOGOUT = "/api/users/auth/logout/"
LOGOUT_ALL = "/api/users/auth/logout-all/"
ME = "/api/users/profile/"

USER_KEYS = {
    "id",
    "email",
    "email_verified",
    "first_name",
    "last_name",
    "name",
    "phone",
    "role",
    "role_display",
    "status",
    "status_display",
    "is_active",
    "timezone",
    "last_login",
    "created_at",
    "updated_at",
}


@pytest.fixture
def user(db):
    return UserFactory.create(email="mia@example.com", role=Role.BROKER)


def login(api, email="mia@example.com", password=PASSWORD):
    return api().post(LOGIN, {"email": email, "password": password})


def works(api, access):
    """Whether an access token is good; anything but 200 and 401 is neither."""
    client = api()
    client.use(access)
    status = client.get(ME).status_code
    assert status == (200 if status != 401 else 401)
    return status == 200


def refreshed(api, refresh):
    reply = api().post(REFRESH, {"refresh": refresh})
    assert reply.status_code == 200
    assert set(reply.json()) == {"access", "refresh"}
    return reply.json()


# --- logging in -----------------------------------------------------------------------------------


def test_login_replies_with_tokens_and_user_in_both_nestings(user, api):
    reply = login(api)
    assert reply.status_code == 200
    body = reply.json()
    assert set(body) == {
        "access",
        "refresh",
        "tokens",
        "user",
        "user_id",
        "email",
        "role",
        "name",
        "message",
    }
    assert body["tokens"] == {"access": body["access"], "refresh": body["refresh"]}
    assert set(body["user"]) == USER_KEYS
    assert (body["user_id"], body["user"]["id"]) == (user.pk, user.pk)
    assert (body["email"], body["role"], body["name"]) == (user.email, "broker", user.full_name)
    assert works(api, body["access"])


def test_login_opens_one_session_and_records_it(user, api):
    reply = api(HTTP_USER_AGENT="Phone/1.0").post(LOGIN, {"email": user.email, "password": PASSWORD})
    assert reply.status_code == 200
    session = Session.objects.get()
    assert (session.user, session.user_agent, session.ip_address) == (user, "Phone/1.0", "127.0.0.1")
    event = Event.objects.get()
    assert (event.type, event.actor, event.data) == (
        "user.logged_in",
        user,
        {"session_id": str(session.pk)},
    )
    user.refresh_from_db()
    assert user.last_login is not None


@pytest.mark.parametrize("spelling", ["MIA@EXAMPLE.COM", " Mia@Example.com ", "mia@example.com"])
def test_login_does_not_mind_the_case_of_the_address(user, api, spelling):
    assert login(api, spelling).status_code == 200


@pytest.mark.parametrize("path", ["/api/auth/login/", "/api/v1/users/auth/login/", "/api/v1/auth/login/"])
def test_login_answers_at_its_other_addresses(user, api, path):
    reply = api().post(path, {"email": user.email, "password": PASSWORD})
    assert reply.status_code == 200
    assert reply.json()["user_id"] == user.pk


def test_login_with_an_expired_token_in_the_header_works(user, api):
    client = api()
    client.use("no.longer.good")
    assert client.post(LOGIN, {"email": user.email, "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    ("email", "password"),
    [("mia@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("no address", "wrong")],
)
def test_login_does_not_tell_which_of_the_two_is_wrong(user, api, email, password):
    with nothing_written():
        reply = login(api, email, password)
    body = assert_refused(reply, 401, "invalid_credentials")
    assert body["detail"] == "No active account was found with this e-mail and password."
    assert reply["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("body", [{"email": "a@example.com"}, {"password": "x"}, {}])
def test_login_needs_both_fields(db, api, body):
    missing = {"email", "password"} - set(body)
    reply = api().post(LOGIN, body)
    assert_refused(reply, 400, "invalid", **{name: ["This field is required."] for name in missing})


@pytest.mark.parametrize("value", ["\x00", "a\x00@example.com"])
def test_login_with_nul_bytes_400(db, api, value):
    reply = login(api, value)
    assert_refused(reply, 400, "invalid", email=["Null characters are not allowed."])


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (AccountStatus.PENDING, "account_pending"),
        (AccountStatus.SUSPENDED, "account_suspended"),
    ],
)
def test_only_who_knows_the_password_is_told_why_an_account_is_closed(api, db, status, code):
    user = UserFactory.create(status=status)
    with nothing_written():
        assert_refused(login(api, user.email), 403, code)
        assert_refused(login(api, user.email, "wrong"), 401, "invalid_credentials")


# --- lock-out -------------------------------------------------------------------------------------


@pytest.mark.parametrize("email", ["mia@example.com", "nobody@example.com"])
def test_repeated_failures_lock_known_and_unknown_accounts_alike(user, api, settings, email):
    settings.LOGIN_FAILURE_LIMIT, settings.LOGIN_LOCKOUT_SECONDS = 3, 600
    with nothing_written():
        for _ in range(3):
            assert_refused(login(api, email, "wrong"), 401, "invalid_credentials")
        reply = login(api, email.upper())
    assert_refused(reply, 429, "too_many_attempts")
    assert 595 <= int(reply["Retry-After"]) <= 600


def test_a_lock_out_is_of_one_account_only(user, api, settings):
    settings.LOGIN_FAILURE_LIMIT = 2
    for _ in range(2):
        login(api, "nobody@example.com", "wrong")
    assert login(api, "nobody@example.com").status_code == 429
    assert login(api).status_code == 200


def test_a_success_clears_the_count_of_failures(user, api, settings):
    settings.LOGIN_FAILURE_LIMIT = 3
    for _ in range(2):
        for _ in range(2):
            assert login(api, password="wrong").status_code == 401
        assert login(api).status_code == 200


def test_a_lock_out_ends_by_itself(user, api, settings):
    settings.LOGIN_FAILURE_LIMIT, settings.LOGIN_LOCKOUT_SECONDS = 1, 1
    login(api, password="wrong")
    assert login(api).status_code == 429
    # Redis keeps its own time, which no test can turn forward.
    time.sleep(1.1)
    assert login(api).status_code == 200


# --- throttles ------------------------------------------------------------------------------------


@pytest.fixture
def auth_rate(monkeypatch):
    rates = {**api_settings.DEFAULT_THROTTLE_RATES, "auth": "2/minute"}
    monkeypatch.setitem(api_settings.__dict__, "DEFAULT_THROTTLE_RATES", rates)


@pytest.mark.parametrize(
    "path",
    [
        LOGIN,
        REFRESH,
        VERIFY,
        "/api/users/auth/register/",
        "/api/users/auth/password/reset/",
        "/api/users/auth/password/reset/confirm/",
    ],
)
def test_an_address_may_ask_so_often_only(db, api, auth_rate, path):
    with time_machine.travel("2026-03-31T04:15:10Z", tick=False):
        for remaining in ("1", "0"):
            reply = api().post(path, {})
            assert reply.status_code == 400
            assert (reply["RateLimit-Limit"], reply["RateLimit-Remaining"]) == ("2", remaining)
        with nothing_written():
            reply = api().post(path, {})
    assert_refused(reply, 429, "throttled")
    assert reply["Retry-After"] == "51"
    assert (reply["RateLimit-Limit"], reply["RateLimit-Remaining"]) == ("2", "0")
    assert reply["RateLimit-Reset"] == "51"


def test_a_new_window_has_a_new_allowance(db, api, auth_rate):
    with time_machine.travel("2026-03-31T04:15:10Z", tick=False) as clock:
        for _ in range(3):
            reply = api().post(LOGIN, {})
        assert reply.status_code == 429
        clock.shift(51)
        assert api().post(LOGIN, {}).status_code == 400


def test_addresses_are_counted_apart(db, api, auth_rate):
    for _ in range(3):
        reply = api().post(LOGIN, {})
    assert reply.status_code == 429
    assert api(REMOTE_ADDR="203.0.113.7").post(LOGIN, {}).status_code == 400


def test_users_are_counted_by_themselves(api, monkeypatch, db):
    rates = {**api_settings.DEFAULT_THROTTLE_RATES, "user": "1/minute"}
    monkeypatch.setitem(api_settings.__dict__, "DEFAULT_THROTTLE_RATES", rates)
    first, second = api(UserFactory.create()), api(UserFactory.create())
    with time_machine.travel(timezone.now(), tick=False):
        reply = first.get(ME)
        assert reply.status_code == 200, (reply.content, dict(reply.headers))
        assert_refused(first.get(ME), 429, "throttled")
        assert second.get(ME).status_code == 200


# --- refreshing -----------------------------------------------------------------------------------


def test_refreshing_rotates_the_pair(user, api):
    old = login(api).json()
    new = refreshed(api, old["refresh"])
    assert new["refresh"] != old["refresh"]
    assert works(api, new["access"])
    assert works(api, old["access"])  # until it expires
    assert works(api, refreshed(api, new["refresh"])["access"])
    assert Session.objects.count() == 1


def test_within_the_grace_an_old_refresh_token_gets_the_same_successor(user, api):
    old = login(api).json()
    first, second = refreshed(api, old["refresh"]), refreshed(api, old["refresh"])
    assert works(api, second["access"])
    jti = Session.objects.get().jti
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        # Both are the one successor: using one uses up the other.
        refreshed(api, first["refresh"])
    assert Session.objects.get().previous_jti == jti
    assert "user.refresh_token_reused" not in event_types()


def test_a_refresh_token_that_comes_back_after_the_grace_ends_its_session(user, api, settings, dispatch):
    old = login(api).json()
    new = refreshed(api, old["refresh"])
    later = timezone.now() + timedelta(seconds=settings.REFRESH_GRACE_SECONDS + 1)
    with time_machine.travel(later):
        reply = api().post(REFRESH, {"refresh": old["refresh"]})
        assert_refused(reply, 401, "token_not_valid")
        assert reply["WWW-Authenticate"] == 'Bearer realm="api"'
        session = Session.objects.get()
        assert session.revoked_at is not None
        event = Event.objects.get(type="user.refresh_token_reused")
        assert event.data == {"session_id": str(session.pk)}
        assert (event.actor, event.recipients) == (None, [user.pk])
        assert not works(api, new["access"])
        assert not works(api, old["access"])
        with nothing_written():
            assert_refused(api().post(REFRESH, {"refresh": new["refresh"]}), 401, "token_not_valid")
    dispatch()
    assert list(user.notifications.values_list("title", flat=True)) == ["A login was ended for safety"]


def test_a_reused_refresh_token_leaves_the_users_other_sessions_alone(user, api, settings):
    stolen, other = login(api).json(), login(api).json()
    refreshed(api, stolen["refresh"])
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.REFRESH_GRACE_SECONDS + 1)):
        assert api().post(REFRESH, {"refresh": stolen["refresh"]}).status_code == 401
        assert works(api, other["access"])
        refreshed(api, other["refresh"])


def test_an_access_token_expires_and_the_refresh_token_outlives_it(user, api, settings):
    tokens = login(api).json()
    with time_machine.travel(timezone.now() + settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]):
        assert not works(api, tokens["access"])
        assert works(api, refreshed(api, tokens["refresh"])["access"])


def test_a_refresh_token_expires(user, api, settings):
    tokens = login(api).json()
    with (
        time_machine.travel(timezone.now() + settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"]),
        nothing_written(),
    ):
        assert_refused(api().post(REFRESH, {"refresh": tokens["refresh"]}), 401, "token_not_valid")


def test_an_access_token_is_no_refresh_token_and_the_reverse(user, api):
    tokens = login(api).json()
    with nothing_written():
        assert_refused(api().post(REFRESH, {"refresh": tokens["access"]}), 401, "token_not_valid")
        assert not works(api, tokens["refresh"])


@pytest.mark.parametrize("token", ["x", "a.b.c", "é" * 10, "e30.e30.e30"])
def test_nonsense_is_no_token(db, api, token):
    with nothing_written():
        assert_refused(api().post(REFRESH, {"refresh": token}), 401, "token_not_valid")
        assert_refused(api().post(VERIFY, {"token": token}), 401, "token_not_valid")


def test_a_suspended_user_cannot_refresh(user, api):
    tokens = login(api).json()
    User.objects.get_queryset().filter(pk=user.pk).update(status=AccountStatus.SUSPENDED)
    with nothing_written():
        assert_refused(api().post(REFRESH, {"refresh": tokens["refresh"]}), 401, "token_not_valid")
        assert not works(api, tokens["access"])


# --- verifying ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_verify_says_whose_a_good_token_is(user, api, kind):
    tokens = login(api).json()
    with nothing_written():
        reply = api().post(VERIFY, {"token": tokens[kind]})
    assert reply.status_code == 200
    body = reply.json()
    expires_at = body.pop("expires_at")
    assert body == {"user_id": user.pk, "role": "broker", "token_type": kind}
    assert timezone.now().isoformat() < expires_at


def test_verify_refuses_tokens_of_an_ended_session(user, api):
    tokens = login(api).json()
    client = api()
    client.use(tokens["access"])
    assert client.post(LOGOUT, {}).status_code == 200
    for token in tokens["tokens"].values():
        assert_refused(api().post(VERIFY, {"token": token}), 401, "token_not_valid")


def test_verify_refuses_a_used_up_refresh_token_after_the_grace(user, api, settings):
    old = login(api).json()["refresh"]
    refreshed(api, old)
    later = timezone.now() + timedelta(seconds=settings.REFRESH_GRACE_SECONDS + 1)
    with time_machine.travel(later), nothing_written():
        assert_refused(api().post(VERIFY, {"token": old}), 401, "token_not_valid")


# --- logging out ----------------------------------------------------------------------------------


def test_logout_ends_access_and_refresh_at_once_and_no_other_session(user, api):
    here, there = login(api).json(), login(api).json()
    client = api()
    client.use(here["access"])
    reply = client.post(LOGOUT, {"refresh": here["refresh"]})
    assert (reply.status_code, reply.json()) == (200, {"message": "Logged out."})
    assert not works(api, here["access"])
    assert_refused(api().post(REFRESH, {"refresh": here["refresh"]}), 401, "token_not_valid")
    assert works(api, there["access"])
    assert event_types() == ["user.logged_in", "user.logged_in", "user.logged_out"]


def test_logging_out_twice_401(user, api):
    client = api(user)
    assert client.post(LOGOUT, {}).status_code == 200
    with nothing_written():
        assert_refused(client.post(LOGOUT, {}), 401, "token_not_valid")


def test_logout_all_ends_every_session_of_this_user_only(user, api):
    sessions = [login(api).json() for _ in range(2)]
    stranger = api(UserFactory.create())
    client = api()
    client.use(sessions[0]["access"])
    reply = client.post(LOGOUT_ALL)
    assert (reply.status_code, reply.json()) == (200, {"message": "Logged out everywhere."})
    for tokens in sessions:
        assert not works(api, tokens["access"])
        assert_refused(api().post(REFRESH, {"refresh": tokens["refresh"]}), 401, "token_not_valid")
    assert stranger.get(ME).status_code == 200
    event = Event.objects.order_by("pk").last()
    assert (event.type, event.actor, event.data) == (
        "user.logged_out_everywhere",
        user,
        {"reason": "by the owner"},
    )
    assert Session.objects.filter(user=user).live().count() == 0
