"""Checked logins are kept for a moment, in each process, and never longer than they are good."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from redis.exceptions import RedisError
from rest_framework.settings import api_settings

from crm_backend.common import line, roundtrip
from crm_backend.common.counters import redis_client
from crm_backend.common.recent import Recent
from events.models import Event
from tests.checks import assert_refused
from tests.clients import PASSWORD
from tests.factories import UserFactory
from tests.redis_news import only_keys_are_told
from tests.threads import with_own_connection
from users import authentication
from users.models import ApiKey, Session, User
from users.services import logins
from users.services.accounts import user_suspend, user_update
from users.services.api_keys import api_key_create, api_key_rotate
from users.services.passwords import password_reset_link

pytestmark = pytest.mark.django_db

PROFILE = "/api/users/auth/profile/"
USERS = "/api/users/users/"
BRANCHES = "/api/brokers/branches/"
NEW_PASSWORD = "an even longer battery staple"


class Processes:
    """Several processes, as far as they remember logins and keys by themselves."""

    def __init__(self, monkeypatch) -> None:
        self._monkeypatch = monkeypatch
        self._memories = [[Recent(size=10, seconds=lambda: 300) for _ in range(2)] for _ in range(2)]

    def get(self, number, client, path=PROFILE):
        known, keys = self._memories[number]
        with self._monkeypatch.context() as patched:
            patched.setattr(authentication, "logins", known)
            patched.setattr(authentication, "keys", keys)
            return client.get(path)

    def both(self, client, path=PROFILE):
        return [self.get(number, client, path) for number in range(2)]

    def warm(self, client, path=PROFILE):
        """Have both know the caller: a key is learned by its first request and kept by its second."""
        for _ in range(2):
            assert [reply.status_code for reply in self.both(client, path)] == [200, 200]


@pytest.fixture
def processes(monkeypatch):
    return Processes(monkeypatch)


@pytest.fixture
def trips(monkeypatch):
    """Every round trip to Redis that requests make for counters and generations."""
    made, run = [], roundtrip._run

    def noted(script, keys, *rest):
        made.append(keys)
        return run(script, keys, *rest)

    monkeypatch.setattr(roundtrip, "_run", noted)
    monkeypatch.setattr(line, "TRUSTED_SECONDS", 60)
    with only_keys_are_told():
        yield made


@pytest.fixture
def program(world, api):
    key, raw = api_key_create(actor=world.admin, user=world.ours.broker_user, name="Site", scopes=["read"])
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {raw}")
    client.key = key
    return client


# --- what it spares -------------------------------------------------------------------------------


def test_a_login_that_was_checked_costs_one_trip_and_no_query_and_then_neither(broker, trips):
    broker.get(PROFILE)
    roundtrip.line.lose()
    costs = []
    for _ in range(4):
        trips.clear()
        with CaptureQueriesContext(connection) as queries:
            assert broker.get(PROFILE).status_code == 200
        costs.append((len(queries), len(trips)))
    # The second trip takes numbers for those after it.
    assert costs == [(0, 1), (0, 1), (0, 0), (0, 0)]


def test_a_key_that_was_checked_costs_one_trip_and_no_query(program, trips):
    for _ in range(2):
        program.get(BRANCHES)
    roundtrip.line.lose()
    trips.clear()
    with CaptureQueriesContext(connection) as queries:
        assert program.get(BRANCHES).status_code == 200
    assert len(trips) == 1
    assert not [query for query in queries if "users_" in query["sql"]]


def test_the_generation_of_the_data_comes_with_the_trip(broker, trips, monkeypatch):
    seen = []

    def look(view, request):
        seen.append(roundtrip.trip_of(request).generation(roundtrip.DATA))
        return view.options(request)

    monkeypatch.setattr("users.views.profile.ProfileView.get", look)
    for _ in range(2):
        broker.get(PROFILE)
    roundtrip.line.lose()
    trips.clear()
    broker.get(PROFILE)
    assert len(trips) == 1
    assert seen[0] == seen[1] == seen[2]
    with transaction.atomic():
        user_update(user=broker.user, actor=broker.user, phone="02 9000 0000")
    broker.get(PROFILE)
    assert seen[3] != seen[2]


def test_none_are_kept_when_the_setting_says_so(broker, settings):
    settings.LOGIN_CACHE_SECONDS = 0
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert broker.get(PROFILE).status_code == 200
        assert len(queries) == 1


# --- what ends a login, ends it everywhere ----------------------------------------------------------


def _reset_password(owner, admin):
    uid, token = password_reset_link(User.objects.get(pk=owner.user.pk))
    body = {"uid": uid, "token": token, "new_password": NEW_PASSWORD}
    return type(owner)().post("/api/users/auth/password/reset/confirm/", body)


def _reuse_a_refresh_token(owner, admin):
    old = {"refresh": owner.tokens.refresh}
    anyone = type(owner)()
    assert anyone.post("/api/users/auth/refresh/", old).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        return anyone.post("/api/users/auth/refresh/", old)


def _row(owner):
    return f"{USERS}{owner.user.pk}/"


ENDINGS = {
    "suspend": lambda owner, admin: admin.post(f"{_row(owner)}suspend/"),
    "force logout": lambda owner, admin: admin.post(f"{_row(owner)}force-logout/"),
    "logout": lambda owner, admin: owner.post("/api/users/auth/logout/"),
    "logout everywhere": lambda owner, admin: owner.post("/api/users/auth/logout-all/"),
    "own session": lambda owner, admin: owner.delete(
        f"/api/users/auth/sessions/{Session.objects.get(user=owner.user).pk}/"
    ),
    "their session": lambda owner, admin: admin.delete(
        f"{_row(owner)}sessions/{Session.objects.get(user=owner.user).pk}/"
    ),
    "password change": lambda owner, admin: owner.post(
        "/api/users/auth/password/change/", {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    ),
    "password reset": _reset_password,
    "refresh token reused": _reuse_a_refresh_token,
    "role": lambda owner, admin: admin.patch(_row(owner), {"role": "bd"}),
    "e-mail": lambda owner, admin: admin.patch(_row(owner), {"email": "new@example.com"}),
}

STATUS = {"own session": 204, "their session": 204, "refresh token reused": 401}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_login_ends_it_in_every_process_at_once(api, admin, processes, ending):
    owner = api(UserFactory.create(role="client"))
    processes.warm(owner)
    reply = ENDINGS[ending](owner, admin)
    assert reply.status_code == STATUS.get(ending, 200), reply.content
    for refused in processes.both(owner):
        assert_refused(refused, 401, "token_not_valid")


def test_a_deleted_account_is_gone_in_every_process(api, admin, processes):
    # One that left no trace: its login is not in the log either.
    owner = api(UserFactory.create(role="client"))
    processes.warm(owner)
    owner.user.refresh_from_db()
    Session.objects.filter(user=owner.user).delete()
    Event.objects.filter(actor=owner.user).delete()
    assert admin.delete(_row(owner)).status_code == 204
    for refused in processes.both(owner):
        assert_refused(refused, 401, "token_not_valid")


def test_a_change_of_an_account_is_seen_in_every_process_at_once(broker, admin, processes):
    processes.warm(broker)
    assert admin.patch(_row(broker), {"first_name": "Zoe"}).status_code == 200
    assert [reply.json()["first_name"] for reply in processes.both(broker)] == ["Zoe", "Zoe"]


KEY_ENDINGS = {
    "deleted": (204, lambda key, admin: admin.delete(f"/api/users/api-keys/{key.pk}/")),
    "rotated": (
        200,
        lambda key, admin: admin.post(
            f"/api/users/api-keys/{key.pk}/rotate/", {"previous_valid_until": None}
        ),
    ),
    "owner suspended": (200, lambda key, admin: admin.post(f"{USERS}{key.user_id}/suspend/")),
}


@pytest.mark.parametrize(("status", "end"), KEY_ENDINGS.values(), ids=KEY_ENDINGS)
def test_what_ends_a_key_ends_it_in_every_process_at_once(program, admin, processes, status, end):
    processes.warm(program, BRANCHES)
    assert end(program.key, admin).status_code == status
    for refused in processes.both(program, BRANCHES):
        assert_refused(refused, 401, "token_not_valid")


def test_scopes_and_limit_of_a_key_are_new_in_every_process_at_once(program, admin, processes):
    processes.warm(program, BRANCHES)
    body = {"scopes": ["applications:read"], "requests_per_minute": 7}
    assert admin.patch(f"/api/users/api-keys/{program.key.pk}/", body).status_code == 200
    for refused in processes.both(program, BRANCHES):
        assert_refused(refused, 403, "permission_denied")
        assert refused["RateLimit-Limit"] == "7"


# --- what ends by itself ----------------------------------------------------------------------------


def test_the_end_of_a_token_is_looked_at_on_every_request(broker):
    assert broker.get(PROFILE).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert_refused(broker.get(PROFILE), 401, "token_not_valid")


def test_the_end_of_a_session_is_looked_at_on_every_request(broker):
    Session.objects.filter(user=broker.user).update(expires_at=timezone.now() + timedelta(minutes=1))
    assert broker.get(PROFILE).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert_refused(broker.get(PROFILE), 401, "token_not_valid")


def test_the_end_of_a_key_and_of_its_old_secret_are_looked_at_on_every_request(program, world):
    now = timezone.now()
    api_key_rotate(key=program.key, actor=world.admin, previous_until=now + timedelta(minutes=1))
    for _ in range(3):
        assert program.get(BRANCHES).status_code == 200
    with time_machine.travel(now + timedelta(minutes=2)):
        assert_refused(program.get(BRANCHES), 401, "token_not_valid")


def test_an_entry_lives_its_seconds_at_most_without_any_announcement(broker, settings, monkeypatch):
    settings.LOGIN_CACHE_SECONDS = 5
    now = [100.0]
    monkeypatch.setattr("crm_backend.common.recent.time.monotonic", lambda: now[0])
    assert broker.get(PROFILE).status_code == 200
    # What a process does that is killed between its commit and its announcement.
    User.objects.filter(pk=broker.user.pk).update(status="suspended")
    now[0] += 4.9
    assert broker.get(PROFILE).status_code == 200
    now[0] += 0.2
    assert_refused(broker.get(PROFILE), 401, "token_not_valid")


def test_what_redis_forgot_is_looked_up_anew(broker, processes):
    processes.warm(broker)
    User.objects.filter(pk=broker.user.pk).update(status="suspended")
    cache.clear()
    redis_client().ping()  # in whose reply lies that all were told
    for refused in processes.both(broker):
        assert_refused(refused, 401, "token_not_valid")


# --- races ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_what_was_read_between_change_and_commit_is_not_kept(world, api, processes):
    client = api(world.ours.broker_user)
    changed, commit = threading.Event(), threading.Event()

    def suspend():
        with transaction.atomic():
            user_suspend(user=world.ours.broker_user, actor=world.admin)
            changed.set()
            assert commit.wait(20)

    writer = threading.Thread(target=with_own_connection, args=[suspend])
    writer.start()
    assert changed.wait(20)
    # The change is announced and not committed: the caller may go on, and is remembered as good.
    processes.warm(client)
    with CaptureQueriesContext(connection) as queries:
        assert processes.get(0, client).status_code == 200
    assert len(queries) == 0
    commit.set()
    writer.join(20)
    for refused in processes.both(client):
        assert_refused(refused, 401, "token_not_valid")


@pytest.mark.django_db(transaction=True)
def test_copies_from_before_a_change_are_void_even_if_its_commit_is_never_announced(
    world, api, processes, monkeypatch
):
    client = api(world.ours.broker_user)
    processes.warm(client)
    monkeypatch.setattr(roundtrip._Announcement, "__call__", lambda announcement: None)
    user_suspend(user=world.ours.broker_user, actor=world.admin)
    for refused in processes.both(client):
        assert_refused(refused, 401, "token_not_valid")


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_undone_ends_nothing(world, api, processes):
    client = api(world.ours.broker_user)
    processes.warm(client)
    with transaction.atomic():
        user_suspend(user=world.ours.broker_user, actor=world.admin)
        transaction.set_rollback(True)
    assert [reply.status_code for reply in processes.both(client)] == [200, 200]


# --- nothing leaks ------------------------------------------------------------------------------------


def test_what_one_request_does_to_its_user_no_other_sees(broker, monkeypatch):
    seen = []

    def spoil(view, request):
        user, session = request.user, request.auth.session
        seen.append((user, session, request.auth))
        user.role, user.first_name, session.revoked_at = "admin", "Mallory", timezone.now()
        user._state.fields_cache["broker"] = object()
        request.auth.payload["role"] = "admin"
        return view.options(request)

    with monkeypatch.context() as patched:
        patched.setattr("users.views.profile.ProfileView.get", spoil)
        for _ in range(3):
            assert broker.get(PROFILE).status_code == 204
    assert len({id(thing) for things in seen for thing in things}) == 9
    body = broker.get(PROFILE).json()
    assert (body["role"], body["first_name"]) == ("broker", broker.user.first_name)
    assert broker.get(BRANCHES).status_code == 200


def test_the_last_use_of_a_key_is_noted_once_a_minute(program):
    program.get(BRANCHES)
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        for _ in range(2):
            program.get(BRANCHES)
        with CaptureQueriesContext(connection) as queries:
            assert program.get(BRANCHES).status_code == 200
        assert not [query for query in queries if query["sql"].startswith("UPDATE")]
        assert ApiKey.objects.get().last_used_at > first + timedelta(seconds=60)


# --- limits and outages -------------------------------------------------------------------------------


def test_a_token_that_was_ended_does_not_use_up_the_users_requests(api, admin, broker):
    thief = api()
    thief.use(broker.tokens.access)
    assert thief.get(PROFILE).status_code == 200
    admin.post(f"{_row(broker)}force-logout/")
    owner = api(User.objects.get(pk=broker.user.pk))
    with time_machine.travel(timezone.now(), tick=False):
        before = owner.get(PROFILE)
        for _ in range(5):
            assert_refused(thief.get(PROFILE), 401, "token_not_valid")
        after = owner.get(PROFILE)
    assert (before.status_code, after.status_code) == (200, 200)
    # One is the owner's; one the thief's, from which the process learned that the login it knew is over.
    assert int(before["RateLimit-Remaining"]) - int(after["RateLimit-Remaining"]) == 2


def test_a_remembered_caller_is_counted_once_by_each_throttle(broker, monkeypatch):
    rates = {**api_settings.DEFAULT_THROTTLE_RATES, "user": "9/minute", "auth": "5/minute"}
    monkeypatch.setitem(api_settings.__dict__, "DEFAULT_THROTTLE_RATES", rates)
    change = "/api/users/auth/password/change/"
    with time_machine.travel(timezone.now(), tick=False):
        assert [broker.get(PROFILE)["RateLimit-Remaining"] for _ in range(3)] == ["8", "7", "6"]
        assert [broker.post(change, {})["RateLimit-Remaining"] for _ in range(3)] == ["4", "3", "2"]
        assert broker.get(PROFILE)["RateLimit-Remaining"] == "5"


def test_redis_that_does_not_answer_is_asked_once_and_is_an_outage(broker, monkeypatch):
    broker.get(PROFILE)
    asked = []

    def away(*args):
        asked.append(args)
        raise RedisError("away")

    monkeypatch.setattr(roundtrip, "_run", away)
    roundtrip.line.lose()
    assert_refused(broker.get(PROFILE), 503, "unavailable")
    assert len(asked) == 1
    with pytest.raises(RedisError):
        user_suspend(user=broker.user, actor=User.objects.admins().get())
    broker.user.refresh_from_db()
    assert broker.user.is_active


def test_no_token_and_no_key_is_kept_as_it_is(broker, program):
    for _ in range(2):
        broker.get(PROFILE)
        program.get(BRANCHES)
    kept = [*logins.logins._kept, *logins.keys._kept]
    assert all(isinstance(key, bytes) and len(key) == 32 for key in kept)
    assert redis_client().exists(cache.make_key(f"generation:user:{broker.user.pk}"))
