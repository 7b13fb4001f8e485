"""API keys: administration, authentication, scopes, rotation, limits."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.settings import api_settings

from crm_backend.common.logs import logging_config
from events.models import Event
from tests.checks import assert_refused, event_types
from tests.factories import ApiKeyFactory, UserFactory
from tests.writes import fingerprint, nothing_written
from users.choices import AccountStatus
from users.models import ApiKey, User
from users.services.api_keys import api_key_create
from users.services.sessions import Client, TokenNotValid, access_token_session, session_open

pytestmark = pytest.mark.django_db

KEYS = "/api/users/api-keys/"
APPLICATIONS = "/api/applications/"
BRANCHES = "/api/brokers/branches/"
INVALID = "The API key is invalid, expired or revoked."


@pytest.fixture
def program(world, api):
    """`program(user, scopes…)`: a client that sends a key of that user."""

    def make(user, *scopes, **fields):
        key, raw = api_key_create(
            actor=world.admin, user=user, name="Website", scopes=list(scopes or ("read",)), **fields
        )
        client = using(api(), raw)
        client.key = key
        return client

    return make


def using(client, raw):
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {raw}")
    client.raw = raw
    return client


def at(key, action=""):
    return f"{KEYS}{key.pk}/{action}"


# --- administration -------------------------------------------------------------------------------


def test_a_key_is_made_shown_once_read_changed_and_revoked(world, admin, api):
    owner, last = world.ours.broker_user, Event.objects.latest("pk").pk
    body = {"name": "Website", "user": owner.pk, "scopes": ["applications:read", "write"]}
    made = admin.post(KEYS, {**body, "expires_at": "2099-01-01T00:00:00Z", "requests_per_minute": 60})
    assert made.status_code == 201
    key = ApiKey.objects.get()
    raw = made.json()["key"]
    assert raw.startswith(f"crm_{key.prefix}_")
    assert (made["Location"], made["Cache-Control"]) == (f"http://testserver{at(key)}", "no-store")
    read = admin.get(at(key))
    assert read["ETag"] == made["ETag"]
    assert read.json() == {name: value for name, value in made.json().items() if name != "key"}
    assert {**read.json(), **body} == read.json()
    assert (read.json()["user_name"], read.json()["created_by"]) == (owner.full_name, world.admin.pk)
    assert (read.json()["expires_at"], read.json()["is_expired"]) == ("2099-01-01T00:00:00Z", False)

    changed = admin.patch(at(key), {"name": "Shop", "scopes": ["read"], "requests_per_minute": None})
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["scopes"]) == ("Shop", ["read"])
    client = using(api(), raw)
    assert client.get(APPLICATIONS).status_code == 200

    assert admin.delete(at(key)).status_code == 204
    assert_refused(client.get(APPLICATIONS), 401, "token_not_valid")
    assert_refused(admin.get(at(key)), 404, "not_found")
    events = list(Event.objects.filter(pk__gt=last).order_by("pk"))
    assert [(event.type, event.data) for event in events] == [
        ("api_key.created", {"label": "Website", "prefix": key.prefix}),
        (
            "api_key.updated",
            {"label": "Shop", "prefix": key.prefix, "field_names": "name, requests_per_minute, scopes"},
        ),
        ("api_key.revoked", {"label": "Shop", "prefix": key.prefix}),
    ]
    assert {event.actor for event in events} == {world.admin}
    assert [event.recipients for event in events] == [[owner.pk], [], [owner.pk]]


def test_a_key_without_an_owner_named_is_the_callers(world, admin):
    assert admin.post(KEYS, {"name": "Mine", "scopes": ["read"]}).json()["user"] == world.admin.pk


def test_the_secret_is_nowhere_in_the_database(admin):
    raw = admin.post(KEYS, {"name": "Mine", "scopes": ["read"]}).json()["key"]
    secret = raw.split("_", 2)[2]
    assert len(secret) == 43  # 256 bits
    with connection.cursor() as cursor:
        for table in fingerprint():
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{secret}%"])
            assert cursor.fetchone() == (0,), table


def test_the_owner_of_a_key_stays(world, admin):
    key = ApiKeyFactory.create(user=world.ours.broker_user)
    with nothing_written():
        reply = admin.patch(at(key), {"user": world.admin.pk})
    assert (reply.status_code, reply.json()["user"]) == (200, world.ours.broker_user.pk)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": ["all"]}, "scopes"),
        ({"scopes": ["houses:read"]}, "scopes"),
        ({"scopes": ["applications:delete"]}, "scopes"),
        ({"scopes": [":read"]}, "scopes"),
        ({"scopes": ["api-keys:write"]}, "scopes"),
        ({"scopes": ["sessions:read"]}, "scopes"),
        ({"scopes": ["users:write"]}, "scopes"),
        ({"scopes": ["team-members:write"]}, "scopes"),
        ({"user": 0}, "user"),
        ({"user": None}, "user"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"requests_per_minute": 100_001}, "requests_per_minute"),
        ({"key": "crm_mine"}, "key"),
    ],
)
def test_a_bad_key_is_refused_by_field(admin, change, field):
    with nothing_written():
        reply = admin.post(KEYS, {"name": "Website", "scopes": ["read"], **change})
    errors = reply.json()["errors"]
    assert (reply.status_code, list(errors)) == (400, [field])


def test_an_unknown_scope_is_named_by_its_place(admin):
    reply = admin.post(KEYS, {"name": "Website", "scopes": ["read", "houses:read"]})
    message = "There is no such scope. Choose read, write, or one of them for a resource: applications:read."
    assert (reply.status_code, reply.json()["errors"]) == (400, {"scopes": {"1": [message]}})


@pytest.mark.parametrize("status", [AccountStatus.PENDING, AccountStatus.SUSPENDED])
def test_an_account_that_may_not_log_in_gets_no_key(admin, status):
    owner = UserFactory.create(status=status)
    with nothing_written():
        reply = admin.post(KEYS, {"name": "Website", "scopes": ["read"], "user": owner.pk})
    assert_refused(reply, 400, "invalid", user=["This account may not log in."])


def test_an_expired_key_is_still_renamed(admin):
    key = ApiKeyFactory.create(expires_at=timezone.now() - timedelta(days=1))
    read = admin.get(at(key)).json()
    body = {name: read[name] for name in ("scopes", "expires_at", "requests_per_minute")}
    reply = admin.put(at(key), {**body, "name": "Old shop"})
    assert (reply.status_code, reply.json()) == (
        200,
        {**read, "name": "Old shop", "updated_at": reply.json()["updated_at"]},
    )
    with nothing_written():
        past = (timezone.now() - timedelta(hours=1)).isoformat()
        reply = admin.patch(at(key), {"expires_at": past})
    assert_refused(reply, 400, "invalid", expires_at=["Must be in the future."])


def test_using_a_key_makes_no_version_of_it_stale(world, admin, program):
    client = program(world.admin)
    read = admin.get(at(client.key))
    client.get(BRANCHES)
    assert admin.get(at(client.key)).json()["last_used_at"] is not None
    tag = {"If-Match": read["ETag"]}
    assert admin.patch(at(client.key), {"name": "Shop"}, headers=tag).status_code == 200
    with nothing_written():
        assert_refused(admin.patch(at(client.key), {"name": "x"}, headers=tag), 412, "stale_version")


def test_a_change_that_changes_nothing_tells_nobody(admin):
    key = ApiKeyFactory.create(scopes=["read"])
    with nothing_written():
        assert admin.patch(at(key), {"name": key.name, "scopes": ["read", "read"]}).status_code == 200


def test_keys_are_filtered_searched_and_ordered(world, admin):
    old = ApiKeyFactory.create(name="Alpha", user=world.admin, expires_at=timezone.now())
    new = ApiKeyFactory.create(name="Beta", expires_at=timezone.now() + timedelta(days=1))
    never = ApiKeyFactory.create(name="Gamma", last_used_at=timezone.now())
    for query, found in (
        ("", [never, new, old]),
        ("ordering=created_at", [old, new, never]),
        ("ordering=expires_at", [old, new, never]),
        ("is_expired=true", [old]),
        ("is_expired=false", [never, new]),
        (f"user={world.admin.pk}", [old]),
        ("search=bet", [new]),
        (f"search={never.prefix}", [never]),
        ("search=nothing", []),
    ):
        reply = admin.get(f"{KEYS}?{query}")
        assert [row["id"] for row in reply.json()["results"]] == [key.pk for key in found], query
    assert admin.get(f"{KEYS}?ordering=secret_hash").status_code == 400


@pytest.mark.parametrize("role", ["bd", "broker", "client"])
def test_keys_are_for_administrators(world, api, role):
    client, key = api(world.user(role)), ApiKeyFactory.create(user=world.user(role))
    with nothing_written():
        assert_refused(client.get(KEYS), 403, "permission_denied")
        assert_refused(client.post(KEYS, {"name": "x", "scopes": ["read"]}), 403, "permission_denied")
        assert_refused(client.post(at(key, "rotate/"), {}), 404, "not_found")


# --- authentication -------------------------------------------------------------------------------


def test_a_key_sees_what_its_owner_sees(world, program):
    for role in ("admin", "bd", "broker", "client"):
        client = program(world.user(role))
        found = {row["id"] for row in client.get(APPLICATIONS).json()["results"]}
        both = {world.ours.application.pk, world.theirs.application.pk}
        assert found == (both if role == "admin" else {world.ours.application.pk}), role
        assert client.get("/api/users/users/me/").json()["id"] == world.user(role).pk


def test_a_key_may_do_no_more_than_its_owner(world, program):
    client = program(world.ours.broker_user, "write")
    client.get(BRANCHES)  # its use is noted
    with nothing_written():
        assert_refused(client.post(BRANCHES, {}), 403, "permission_denied")
        reply = client.get(f"{APPLICATIONS}{world.theirs.application.pk}/")
        assert_refused(reply, 404, "not_found")


def test_a_key_acts_in_its_owners_name(world, program):
    client = program(world.admin, "branches:write")
    assert client.post(BRANCHES, {"name": "Hobart", "code": "HOB", "state": "TAS"}).status_code == 201
    assert Event.objects.latest("pk").actor == world.admin


def test_what_a_key_did_can_be_told_from_what_its_owner_did(world, program, admin):
    client, person = program(world.admin, "branches:write"), admin
    url = f"{BRANCHES}{world.ours.branch.pk}/"
    assert client.patch(url, {"city": "Hobart"}).status_code == 200
    by_key = Event.objects.latest("pk")
    assert person.patch(url, {"city": "Darwin"}).status_code == 200
    by_person = Event.objects.latest("pk")
    assert (by_key.actor, by_key.api_key) == (world.admin, client.key.prefix)
    assert (by_person.actor, by_person.api_key) == (world.admin, "")
    log = admin.get(f"/api/audit-logs/?api_key={client.key.prefix}").json()["results"]
    assert [(row["id"], row["api_key"]) for row in log] == [(by_key.pk, client.key.prefix)]
    assert admin.get(f"/api/audit-logs/{by_person.pk}/").json()["api_key"] == ""
    assert admin.get("/api/audit-logs/?api_key=nobodys").json()["count"] == 0


def broken(raw):
    brand, prefix, secret = raw.split("_", 2)
    return {
        "another secret": f"{brand}_{prefix}_{'A' * 43}",
        "no secret": f"{brand}_{prefix}_",
        "the secret alone": secret,
        "another brand": f"abc_{prefix}_{secret}",
        "another prefix": f"{brand}_{'a' * 12}_{secret}",
        "a short prefix": f"{brand}_{prefix[:4]}_{secret}",
        "cut": raw[:-1],
        "longer": f"{raw}A",
        "two words": f"{raw} {raw}",
        "nothing": "",
        "not ASCII": f"{brand}_{prefix}_ü",
        "a NUL": f"{brand}_{prefix[:-1]}\x00_{secret}",
    }


@pytest.mark.parametrize("how", list(broken("crm_a_b")))
def test_a_key_that_is_not_exact_is_refused(world, program, how):
    client = program(world.admin)
    using(client, broken(client.raw)[how])
    reply = client.get(APPLICATIONS)
    body = assert_refused(reply, 401, "token_not_valid")
    assert body["detail"] == INVALID
    assert reply["WWW-Authenticate"] == 'Bearer realm="api"'


def test_the_scheme_is_read_in_any_case(world, program):
    client = program(world.admin)
    client.credentials(HTTP_AUTHORIZATION=f"api-KEY {client.raw}")
    assert client.get(APPLICATIONS).status_code == 200


def test_a_key_is_no_bearer_token_and_no_other_header(world, program):
    client = program(world.admin)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {client.raw}")
    assert_refused(client.get(APPLICATIONS), 401, "token_not_valid")
    client.credentials(HTTP_X_API_KEY=client.raw)
    assert_refused(client.get(APPLICATIONS), 401, "not_authenticated")


@pytest.mark.parametrize("status", [AccountStatus.PENDING, AccountStatus.SUSPENDED])
def test_the_keys_of_an_account_that_may_not_log_in_are_dead(world, program, status):
    client = program(world.ours.broker_user)
    User.objects.filter(pk=world.ours.broker_user.pk).update(status=status)
    assert_refused(client.get(APPLICATIONS), 401, "token_not_valid")


def test_a_key_dies_with_its_account(program, admin):
    owner = UserFactory.create()
    client = program(owner)
    Event.objects.filter(subject_id=owner.pk).delete()
    assert admin.delete(f"/api/users/users/{owner.pk}/").status_code == 204
    assert_refused(client.get(APPLICATIONS), 401, "token_not_valid")
    assert ApiKey.objects.count() == 0


def test_a_key_expires(world, program):
    client = program(world.admin, expires_at=timezone.now() + timedelta(hours=1))
    assert client.get(APPLICATIONS).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert_refused(client.get(APPLICATIONS), 401, "token_not_valid")


def test_a_new_role_of_the_owner_holds_at_once(world, program):
    client = program(world.admin, "read")
    User.objects.filter(pk=world.admin.pk).update(role="client")
    assert client.get(APPLICATIONS).json()["count"] == 0


def test_the_last_use_is_written_once_a_minute(world, program):
    client, start = program(world.admin), datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def last_used(seconds):
        moment = start + timedelta(seconds=seconds)
        with time_machine.travel(moment, tick=False), CaptureQueriesContext(connection) as queries:
            assert client.get(BRANCHES).status_code == 200
        client.key.refresh_from_db()
        writes = [query for query in queries if query["sql"].startswith("UPDATE")]
        return (client.key.last_used_at - start).total_seconds(), len(writes)

    assert [last_used(seconds) for seconds in (0, 1, 59, 60, 61)] == [
        (0, 1),
        (0, 0),
        (0, 0),
        (60, 1),
        (60, 0),
    ]


def test_a_request_with_a_key_costs_as_many_queries_as_one_with_a_login(world, program, api):
    client, person = program(world.admin), api(world.admin)
    client.get(BRANCHES)
    counts = []
    for caller in (client, person):
        with CaptureQueriesContext(connection) as queries:
            caller.get(BRANCHES)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- scopes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [
        (["read"], True, False),
        (["write"], True, True),
        (["branches:read"], True, False),
        (["branches:write"], True, True),
        (["brokers:read", "branches:read"], True, False),
        (["brokers:write"], False, False),
        (["read", "branches:write"], True, True),
    ],
)
def test_scopes_narrow_what_the_owner_may_do(world, program, scopes, reads, writes):
    client, branch = program(world.admin, *scopes), world.ours.branch
    url = f"{BRANCHES}{branch.pk}/"
    for reply in (client.get(BRANCHES), client.get(url)):
        assert reply.status_code == (200 if reads else 403)
    reply = client.patch(url, {"city": "Sydney"})
    assert reply.status_code == (200 if writes else 403)
    branch.refresh_from_db()
    assert branch.city == ("Sydney" if writes else "")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_key_that_reads_cannot_write(world, program, method):
    client = program(world.admin, "read", "applications:write")
    client.get(BRANCHES)  # its use is noted
    url = BRANCHES if method == "post" else f"{BRANCHES}{world.ours.branch.pk}/"
    with nothing_written():
        reply = getattr(client, method)(url, {})
    body = assert_refused(reply, 403, "permission_denied")
    assert body["detail"] == "This API key lacks the scope branches:write."


def test_a_missing_scope_tells_nothing_of_rows(world, program):
    client = program(world.admin, "brokers:read")
    replies = [client.get(f"{BRANCHES}{pk}/").json() for pk in (world.ours.branch.pk, 2**31 - 1)]
    details = {reply["detail"] for reply in replies}
    assert details == {"This API key lacks the scope branches:read."}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", KEYS, None),
        ("post", KEYS, {"name": "Another", "scopes": ["write"]}),
        ("post", "/api/users/auth/password/change/", {"current_password": "a", "new_password": "b"}),
        ("post", "/api/users/auth/logout/", {}),
        ("post", "/api/users/auth/logout-all/", {}),
        ("get", "/api/users/auth/sessions/", None),
        ("get", "/api/users/auth/profile/", None),
        ("patch", "/api/users/profile/update/", {"first_name": "Eve"}),
        ("get", "/api/users/notification-preferences/", None),
    ],
)
def test_keys_are_not_for_what_belongs_to_people(world, program, method, path, body):
    client = program(world.admin, "write")
    client.get(BRANCHES)  # its use is noted
    with nothing_written():
        reply = getattr(client, method)(path, body)
    assert_refused(reply, 403, "permission_denied")
    assert reply.json()["detail"] == "This is not for API keys. Log in."


def test_the_sessions_and_the_rotation_of_keys_are_for_people_too(world, program, api):
    client = program(world.admin, "write")
    client.get(BRANCHES)
    with nothing_written():
        for path in (f"/api/users/users/{world.admin.pk}/sessions/", at(client.key)):
            assert_refused(client.get(path), 403, "permission_denied")
        assert_refused(client.post(at(client.key, "rotate/"), {}), 403, "permission_denied")


USERS, MEMBERS = "/api/users/users/", "/api/users/team/members/"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", USERS, {"email": "eve@example.com", "role": "admin", "password": "correct horse battery"}),
        ("patch", f"{USERS}{{pk}}/", {"role": "admin"}),
        ("put", f"{USERS}{{pk}}/", {}),
        ("delete", f"{USERS}{{pk}}/", None),
        ("post", f"{USERS}{{pk}}/approve/", {}),
        ("post", f"{USERS}{{pk}}/activate/", {}),
        ("post", f"{USERS}{{pk}}/suspend/", {}),
        ("post", f"{USERS}{{pk}}/force-logout/", {}),
        ("delete", f"{USERS}{{pk}}/sessions/{{session}}/", None),
        ("post", MEMBERS, {"email": "eve@example.com", "password": "correct horse battery"}),
        ("patch", f"{MEMBERS}{{pk}}/", {"email": "eve@example.com"}),
        ("put", f"{MEMBERS}{{pk}}/", {}),
        ("delete", f"{MEMBERS}{{pk}}/", None),
    ],
)
def test_no_key_makes_changes_or_ends_a_person(world, program, api, method, path, body):
    person = UserFactory.create(role="admin")
    session = session_open(user=person, client=Client()).user.sessions.get()
    client = program(world.admin, "write", "users:write", "team-members:write")
    client.get(BRANCHES)  # its use is noted
    with nothing_written():
        reply = getattr(client, method)(path.format(pk=person.pk, session=session.pk), body)
    assert_refused(reply, 403, "permission_denied")
    assert reply.json()["detail"] == "This is not for API keys. Log in."


def test_a_key_reads_people(world, program):
    figures = ("applications:read", "notes:read", "leads:read")
    client = program(world.admin, "users:read", "team-members:read", *figures)
    for path in (USERS, f"{USERS}{world.admin.pk}/", MEMBERS, f"{MEMBERS}{world.admin.pk}/"):
        assert client.get(path).status_code == 200, path


def test_the_document_offers_no_key_where_people_write(admin):
    paths = SchemaGenerator().get_schema(public=True)["paths"]
    people = {path: item for path, item in paths.items() if path.startswith((USERS, MEMBERS))}
    assert len(people) > 8
    for path, item in people.items():
        for method in {"get", "post", "put", "patch", "delete"} & set(item):
            by_key = any("apiKeyAuth" in scheme for scheme in item[method]["security"])
            assert by_key is (method == "get" and "sessions" not in path), (method, path)


def test_a_key_opens_no_login(world, program, api):
    client = program(world.admin, "write")
    for path in ("verify/", "refresh/"):
        field = {"verify/": "token", "refresh/": "refresh"}[path]
        reply = api().post(f"/api/users/auth/{path}", {field: client.raw})
        assert_refused(reply, 401, "token_not_valid")


def test_a_key_opens_no_socket(world, program):
    with pytest.raises(TokenNotValid):
        access_token_session(program(world.admin, "write").raw)  # what the handshake asks


# --- rotation -------------------------------------------------------------------------------------


def rotate(admin, key, **body):
    return admin.post(at(key, "rotate/"), body)


def test_after_a_rotation_both_secrets_work_for_a_day(world, admin, program, api):
    old = program(world.ours.broker_user)
    start = timezone.now()
    reply = rotate(admin, old.key)
    assert reply.status_code == 200
    until = datetime.fromisoformat(reply.json()["previous_valid_until"])
    assert timedelta(hours=24) <= until - start < timedelta(hours=24, minutes=1)
    assert reply["Cache-Control"] == "no-store"
    new = using(api(), reply.json()["key"])
    assert new.raw != old.raw
    assert new.raw.split("_")[1] == old.raw.split("_")[1] == old.key.prefix
    assert (old.get(APPLICATIONS).status_code, new.get(APPLICATIONS).status_code) == (200, 200)
    with time_machine.travel(until + timedelta(seconds=1)):
        assert_refused(old.get(APPLICATIONS), 401, "token_not_valid")
        assert new.get(APPLICATIONS).status_code == 200
    event = Event.objects.get(type="api_key.rotated")
    assert event.data == {
        "label": "Website",
        "prefix": old.key.prefix,
        "previous_until": until.isoformat(),
    }
    assert (event.actor, event.recipients) == (world.admin, [world.ours.broker_user.pk])


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_leaked_secret_ends_at_once(world, admin, program, api, nothing):
    old = program(world.ours.broker_user)
    reply = rotate(admin, old.key, previous_valid_until=nothing)
    assert reply.json()["previous_valid_until"] is None
    assert_refused(old.get(APPLICATIONS), 401, "token_not_valid")
    assert using(api(), reply.json()["key"]).get(APPLICATIONS).status_code == 200
    assert ApiKey.objects.get().previous_hash == ""


def test_a_second_rotation_ends_the_first_secret(world, admin, program, api):
    first = program(world.ours.broker_user)
    second = using(api(), rotate(admin, first.key).json()["key"])
    third = using(api(), rotate(admin, first.key).json()["key"])
    statuses = [client.get(APPLICATIONS).status_code for client in (first, second, third)]
    assert statuses == [401, 200, 200]


@pytest.mark.parametrize("offset", [timedelta(seconds=-1), timedelta(days=7, minutes=1)])
def test_the_old_secret_goes_on_for_seven_days_at_most(world, admin, program, offset):
    client = program(world.admin)
    with nothing_written():
        reply = rotate(admin, client.key, previous_valid_until=(timezone.now() + offset).isoformat())
    message = "Must be within the next seven days."
    assert_refused(reply, 400, "invalid", previous_valid_until=[message])
    assert client.get(APPLICATIONS).status_code == 200


def test_an_expired_key_is_not_renewed(admin):
    key = ApiKeyFactory.create(expires_at=timezone.now())
    with nothing_written():
        assert_refused(rotate(admin, key), 409, "conflict")
    later = (timezone.now() + timedelta(days=1)).isoformat()
    assert admin.patch(at(key), {"expires_at": later}).status_code == 200
    assert rotate(admin, key).status_code == 200


def test_the_old_secret_does_not_outlive_the_key(world, admin, program):
    client = program(world.admin, expires_at=timezone.now() + timedelta(hours=1))
    rotate(admin, client.key)
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert_refused(client.get(APPLICATIONS), 401, "token_not_valid")


# --- limits, logs, constraints --------------------------------------------------------------------


def test_a_key_has_a_limit_of_its_own(world, program, api):
    limited, other = program(world.admin, requests_per_minute=2), program(world.admin)
    with time_machine.travel(datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC), tick=False):
        seen = [limited.get(BRANCHES) for _ in range(3)]
    assert [reply.status_code for reply in seen] == [200, 200, 429]
    assert [reply["RateLimit-Limit"] for reply in seen] == ["2"] * 3
    assert [reply["RateLimit-Remaining"] for reply in seen] == ["1", "0", "0"]
    assert (seen[2]["Retry-After"], seen[2].json()["code"]) == ("31", "throttled")
    assert other.get(BRANCHES)["RateLimit-Remaining"] == "999999"
    assert api(world.admin).get(BRANCHES)["RateLimit-Remaining"] == "999999"  # its owner's is untouched


def test_uploads_with_a_key_are_not_counted_as_its_owners(world, program, api, monkeypatch):
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "upload", "1/minute")
    clients = [program(world.admin), program(world.admin), api(world.admin)]
    for client in clients[:2]:
        ApiKey.objects.filter(pk=client.key.pk).update(scopes=["write"])
    address = f"{APPLICATIONS}bulk-import/"
    with time_machine.travel(datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC), tick=False):
        seen = [
            [client.post(address, {}, format="multipart").status_code for _ in range(2)]
            for client in clients[:2]
        ]
    assert seen == [[400, 429]] * 2
    assert clients[2].post(address, {}, format="multipart").status_code == 400


def test_guesses_at_keys_count_as_an_address_without_a_login(world, program):
    client = program(world.admin)
    using(client, "crm_aaaaaaaaaaaa_wrong")
    remaining = [int(client.get(BRANCHES)["RateLimit-Remaining"]) for _ in range(2)]
    assert remaining == [999999, 999998]


def test_a_key_is_in_no_log_line(world, program, capsys):
    client = program(world.admin)
    logging_config(level="INFO", form="json")
    try:
        client.get(BRANCHES)
        using(client, client.raw[:-1]).get(BRANCHES)
    finally:
        logging_config(level="CRITICAL", form="json")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["status"] for line in lines if line["event"] == "request"] == [200, 401]
    assert lines[0]["api_key"] == client.key.prefix
    assert client.raw.split("_", 2)[2][:-1] not in json.dumps(lines)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"scopes": []}, "api_key_has_scopes"),
        ({"requests_per_minute": 0}, "api_key_limit_positive"),
        ({"previous_hash": "0" * 64}, "api_key_previous_ends"),
    ],
)
def test_the_database_itself_refuses_a_bad_key(change, constraint):
    key = ApiKeyFactory.create()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        ApiKey.objects.filter(pk=key.pk).update(**change)


def test_revoking_is_on_the_audit_log(admin):
    key, last = ApiKeyFactory.create(), Event.objects.latest("pk").pk
    admin.delete(at(key))
    assert event_types(after=last) == ["api_key.revoked"]
    row = admin.get("/api/audit-logs/?action=api_key.revoked").json()["results"][0]
    assert row["summary"] == "API key Website revoked."
