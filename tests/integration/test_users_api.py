"""Accounts: administration, scoping, lists, and one's own profile."""

import base64
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from django.utils import timezone

from events.models import Event
from notifications.mail import mails_send_due
from notifications.models import Notification
from tests.checks import assert_refused, event_types
from tests.clients import PASSWORD
from tests.factories import BdmFactory, UserFactory
from tests.writes import nothing_written
from users.choices import AccountStatus, Role
from users.models import Session, User

USERS = "/api/users/users/"
ME = "/api/users/profile/"
UPDATE = "/api/users/profile/update/"
NEW = {
    "email": "Nia@Example.com",
    "first_name": "Nia",
    "last_name": "Novak",
    "role": "broker",
    "password": PASSWORD,
}


def at(user, action=""):
    return f"{USERS}{user.pk}/{action}"


def ids(reply):
    assert reply.status_code == 200
    return {row["id"] for row in reply.json()["results"]}


# --- creating, changing, deleting -----------------------------------------------------------------


def test_an_administrator_makes_an_account_that_can_log_in(admin, api):
    last = Event.objects.order_by("pk").last().pk
    reply = admin.post(USERS, NEW)
    assert reply.status_code == 201
    user = User.objects.get(email="nia@example.com")
    assert reply["Location"] == f"http://testserver{USERS}{user.pk}/"
    assert (reply.json()["id"], reply.json()["status"], user.role) == (user.pk, "active", "broker")
    assert "password" not in reply.json()
    assert event_types(after=last) == ["user.created"]
    login = api().post("/api/users/auth/login/", {"email": user.email, "password": PASSWORD})
    assert login.status_code == 200


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"password": "short1"}, ["password"]),
        ({"role": "owner"}, ["role"]),
        ({"email": "taken@example.com"}, ["email"]),
        ({"email": "TAKEN@example.com"}, ["email"]),
        ({"status": "active", "is_staff": True}, ["is_staff"]),
    ],
)
def test_a_bad_account_is_refused(admin, change, errors):
    UserFactory.create(email="taken@example.com")
    with nothing_written():
        reply = admin.post(USERS, {**NEW, **change})
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == errors


def test_a_change_is_recorded_by_the_names_of_the_fields(world, admin):
    user = world.ours.client_user
    reply = admin.patch(at(user), {"first_name": "Noa", "phone": "0412345678"})
    assert reply.status_code == 200
    assert (reply.json()["first_name"], reply.json()["phone"]) == ("Noa", "+61412345678")
    event = Event.objects.order_by("pk").last()
    assert (event.type, event.actor, event.data) == (
        "user.updated",
        world.admin,
        {"field_names": "first_name, phone"},
    )


def test_an_unchanged_account_is_no_change(world, admin):
    user = world.ours.client_user
    with nothing_written():
        assert admin.patch(at(user), {"first_name": user.first_name}).status_code == 200


def test_a_new_address_is_unproven_ends_the_logins_and_is_told_to_the_old_one(
    world, admin, api, dispatch, mailbox
):
    user = world.ours.client_user
    User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now())
    client, before = api(user), user.email
    reply = admin.patch(at(user), {"email": "noa@new.example", "first_name": "Noa"})
    assert reply.status_code == 200
    assert (reply.json()["email"], reply.json()["email_verified"]) == ("noa@new.example", False)
    assert_refused(client.get(ME), 401, "token_not_valid")
    events = list(Event.objects.filter(type__in=["user.updated", "user.email_changed"]).order_by("pk"))
    assert [(event.type, event.data) for event in events] == [
        ("user.updated", {"field_names": "email, first_name"}),
        ("user.email_changed", {"previous": before}),
    ]
    dispatch()
    assert Notification.objects.get(event=events[1]).user == user
    assert mails_send_due() == 1
    assert [(mail.subject, mail.to) for mail in mailbox] == [("Your e-mail address was changed", [before])]
    assert "noa@new.example" not in mailbox[0].body


def test_an_address_that_stays_is_still_proven(world, admin, api):
    user = world.ours.client_user
    User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now())
    client = api(user)
    reply = admin.patch(at(user), {"email": user.email.upper(), "first_name": "Noa"})
    assert (reply.status_code, reply.json()["email_verified"]) == (200, True)
    assert client.get(ME).status_code == 200
    assert not Event.objects.filter(type="user.email_changed").exists()


def test_who_changes_their_own_address_stays_logged_in(world, admin):
    assert admin.patch(at(world.admin), {"email": "ada@new.example"}).status_code == 200
    assert admin.get(ME).json()["email"] == "ada@new.example"


def test_a_new_role_ends_the_logins_that_carry_the_old_one(world, admin, api):
    user = world.ours.client_user
    client = api(user)
    assert admin.patch(at(user), {"role": "broker"}).status_code == 200
    assert_refused(client.get(ME), 401, "token_not_valid")


@pytest.mark.parametrize(("role", "new", "words"), [("bd", "admin", "BDM"), ("broker", "bd", "broker")])
def test_who_has_a_profile_keeps_their_role(world, admin, role, new, words):
    user = world.user(role)
    with nothing_written():
        reply = admin.patch(at(user), {"role": new, "first_name": "Noa"})
    errors = [f"This account has a {words} profile, which keeps its role."]
    assert_refused(reply, 400, "invalid", role=errors)


def test_an_administrator_keeps_their_own_role(world, admin):
    with nothing_written():
        reply = admin.patch(at(world.admin), {"role": "client"})
    assert_refused(reply, 409, "conflict")
    assert admin.patch(at(world.admin), {"role": "admin", "first_name": "Ada"}).status_code == 200


def test_an_account_without_a_trace_can_be_deleted(admin):
    user = UserFactory.create()
    last = Event.objects.order_by("pk").last().pk
    assert admin.delete(at(user)).status_code == 204
    assert not User.objects.filter(pk=user.pk).exists()
    assert event_types(after=last) == ["user.deleted"]
    assert_refused(admin.get(at(user)), 404, "not_found")


def test_an_account_with_a_history_stays(admin, api):
    user = UserFactory.create()
    api(user)  # it has logged in
    with nothing_written():
        assert_refused(admin.delete(at(user)), 409, "conflict")


def test_an_account_of_a_borrower_stays(world, admin):
    with nothing_written():
        assert_refused(admin.delete(at(world.ours.client_user)), 409, "conflict")


@pytest.mark.parametrize("header", ['"0"', 'W/"0"', '"0", "1"'])
@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_change_of_an_older_version_is_refused(admin, header, method):
    user = UserFactory.create()
    with nothing_written():
        reply = getattr(admin, method)(at(user), {"first_name": "Noa"}, headers={"If-Match": header})
    assert_refused(reply, 412, "stale_version")


def test_a_change_of_the_version_that_was_read_works_once(admin):
    user = UserFactory.create()
    tag = admin.get(at(user))["ETag"]
    assert admin.get(at(user), headers={"If-None-Match": tag}).status_code == 304
    first = admin.patch(at(user), {"first_name": "Noa"}, headers={"If-Match": tag})
    assert first.status_code == 200
    with nothing_written():
        second = admin.patch(at(user), {"first_name": "Zoe"}, headers={"If-Match": tag})
    assert_refused(second, 412, "stale_version")
    assert admin.delete(at(user), headers={"If-Match": first["ETag"]}).status_code == 204


# --- approving, suspending, activating, ending logins ---------------------------------------------

PENDING, ACTIVE, SUSPENDED = AccountStatus.PENDING, AccountStatus.ACTIVE, AccountStatus.SUSPENDED


@pytest.mark.parametrize(
    ("before", "action", "after", "event"),
    [
        (PENDING, "approve", ACTIVE, "user.approved"),
        (PENDING, "suspend", SUSPENDED, "user.suspended"),
        (ACTIVE, "suspend", SUSPENDED, "user.suspended"),
        (SUSPENDED, "activate", ACTIVE, "user.activated"),
    ],
)
def test_a_step_changes_the_status_and_is_recorded(world, admin, before, action, after, event):
    user = UserFactory.create(status=before)
    last = Event.objects.order_by("pk").last().pk
    reply = admin.post(at(user, f"{action}/"))
    assert (reply.status_code, reply.json()["status"]) == (200, after)
    assert event_types(after=last) == [event]
    assert Event.objects.get(type=event).actor == world.admin


@pytest.mark.parametrize(
    ("status", "action"), [(ACTIVE, "approve"), (ACTIVE, "activate"), (SUSPENDED, "suspend")]
)
def test_a_step_that_is_taken_already_changes_nothing(admin, status, action):
    user = UserFactory.create(status=status)
    with nothing_written():
        reply = admin.post(at(user, f"{action}/"))
    assert (reply.status_code, reply.json()["status"]) == (200, status)


@pytest.mark.parametrize(("status", "action"), [(SUSPENDED, "approve"), (PENDING, "activate")])
def test_a_step_from_the_wrong_status_is_a_conflict(admin, status, action):
    user = UserFactory.create(status=status)
    with nothing_written():
        assert_refused(admin.post(at(user, f"{action}/")), 409, "conflict")


def test_suspending_ends_the_logins_at_once_and_for_good(admin, api):
    user = UserFactory.create()
    client = api(user)
    assert admin.post(at(user, "suspend/")).status_code == 200
    assert_refused(client.get(ME), 401, "token_not_valid")
    assert admin.post(at(user, "activate/")).status_code == 200
    assert_refused(client.get(ME), 401, "token_not_valid")
    user.refresh_from_db()
    assert api(user).get(ME).status_code == 200


def test_force_logout_ends_every_login_of_one_account(world, admin, api):
    user, other = world.ours.broker_user, api(world.ours.client_user)
    clients = [api(user), api(user)]
    reply = admin.post(at(user, "force-logout/"))
    assert (reply.status_code, reply.json()) == (200, {"message": "Logged out everywhere."})
    for client in clients:
        assert_refused(client.get(ME), 401, "token_not_valid")
    assert other.get(ME).status_code == 200
    assert Session.objects.filter(user=user).filter(revoked_at=None).count() == 0
    event = Event.objects.order_by("pk").last()
    assert (event.type, event.actor, event.data) == (
        "user.logged_out_everywhere",
        world.admin,
        {"reason": "by an administrator"},
    )


def test_an_administrator_cannot_shut_themselves_out(world, admin):
    with nothing_written():
        assert_refused(admin.post(at(world.admin, "suspend/")), 409, "conflict")
        assert_refused(admin.delete(at(world.admin)), 409, "conflict")


# --- who sees whom --------------------------------------------------------------------------------


def test_each_role_lists_whom_it_may_see(world, api):
    ours, theirs = world.ours, world.theirs
    everyone = {world.admin, *ours.users.values(), *theirs.users.values()}
    assert ids(api(world.admin).get(USERS)) == {user.pk for user in everyone}
    assert ids(api(ours.bd_user).get(USERS)) == {ours.bd_user.pk, ours.broker_user.pk}
    assert ids(api(ours.broker_user).get(USERS)) == {ours.broker_user.pk}
    assert ids(api(ours.client_user).get(USERS)) == {ours.client_user.pk}


def test_a_bdm_sees_the_other_bdms_of_the_branch(world, api):
    colleague = BdmFactory.create(branch=world.ours.branch).user
    client = api(world.ours.bd_user)
    assert colleague.pk in ids(client.get(USERS))
    assert client.get(at(colleague)).status_code == 200
    assert_refused(client.get(at(world.theirs.bd_user)), 404, "not_found")
    assert_refused(client.get(at(world.ours.client_user)), 404, "not_found")


def test_a_bdm_without_a_profile_sees_only_themselves(world, api):
    user = UserFactory.create(role=Role.BD)
    assert ids(api(user).get(USERS)) == {user.pk}


@pytest.mark.parametrize("role", Role.values)
def test_me_is_ones_own_account(world, api, role):
    user = world.user(role)
    reply = api(user).get(f"{USERS}me/")
    assert (reply.status_code, reply.json()["id"], reply.json()["role"]) == (200, user.pk, role)


# --- lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("role=broker", {"ours.broker_user", "theirs.broker_user"}),
        ("role=nonsense", set()),
        ("status=pending", {"pending"}),
        ("is_active=false", {"pending", "suspended"}),
        ("is_active=true&role=admin", {"admin"}),
        ("search=zebra", {"pending"}),
        ("search=ZEB", {"pending"}),
        ("search=zebra suspended", set()),
        ("status=suspended&search=example.org", {"suspended"}),
    ],
)
def test_filters_and_search(world, admin, query, names):
    people = {
        "pending": UserFactory.create(status=PENDING, last_name="Zebra"),
        "suspended": UserFactory.create(status=SUSPENDED, email="sue@example.org"),
        "admin": world.admin,
        "ours.broker_user": world.ours.broker_user,
        "theirs.broker_user": world.theirs.broker_user,
    }
    assert ids(admin.get(f"{USERS}?{query}")) == {people[name].pk for name in names}


def test_people_of_a_branch(world, admin):
    ours = {world.ours.bd_user.pk, world.ours.broker_user.pk}
    assert ids(admin.get(f"{USERS}?branch={world.ours.branch.pk}")) == ours
    assert ids(admin.get(f"{USERS}?branch={world.ours.branch.pk}&role=bd")) == {world.ours.bd_user.pk}
    assert ids(admin.get(f"{USERS}?branch={2**31 - 1}")) == set()
    assert admin.get(f"{USERS}?branch=none").status_code == 400


@pytest.mark.parametrize(("name", "column"), [("created", "created_at"), ("last_login", "last_login")])
def test_people_of_a_time(world, admin, name, column):
    moment = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    early, at_once, late = (UserFactory.create(last_name="Zebra") for _ in range(3))
    for user, offset in ((early, -1), (at_once, 0), (late, 1)):
        User.objects.filter(pk=user.pk).update(**{column: moment + timedelta(seconds=offset)})
    text = "2020-01-02T03:04:05Z"
    found = {
        f"{name}_after={text}": {at_once.pk, late.pk},
        f"{name}_before={text}": {early.pk},
        f"{name}_after={text}&{name}_before=2020-01-02T03:04:06Z": {at_once.pk},
    }
    for query, seen in found.items():
        assert ids(admin.get(f"{USERS}?search=zebra&{query}")) == seen, query
    refused = admin.get(f"{USERS}?{name}_before=yesterday")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [f"{name}_before"])


def test_a_bdm_filters_only_whom_they_see(world, api):
    client = api(world.ours.bd_user)
    assert ids(client.get(f"{USERS}?branch={world.theirs.branch.pk}")) == set()


def test_ordering_and_pages(world, admin):
    emails = sorted(User.objects.all().values_list("email", flat=True), reverse=True)
    reply = admin.get(f"{USERS}?ordering=-email&limit=3")
    body = reply.json()
    assert set(body) == {"count", "next", "previous", "results"}
    assert (body["count"], body["previous"]) == (len(emails), None)
    second = admin.get(body["next"]).json()
    found = [row["email"] for row in [*body["results"], *second["results"]]]
    assert found == emails[:6]


def test_cursor_pages_cover_every_row_once(world, admin):
    found, url = [], f"{USERS}?cursor=&limit=2"
    while url:
        body = admin.get(url).json()
        assert set(body) == {"next", "previous", "results"}
        found += [row["id"] for row in body["results"]]
        url = body["next"]
    assert found == list(User.objects.all().order_by("-id").values_list("id", flat=True))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("ordering=password", "ordering"),
        ("ordering=--email", "ordering"),
        ("ordering=%00", "ordering"),
        ("role=%00", "role"),
        ("status=a%00", "status"),
    ],
)
def test_malformed_parameters_400(admin, query, field):
    reply = admin.get(f"{USERS}?{query}")
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


def cursor(*parts):
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("search=%00", 400),
        (f"limit={10**30}", 400),
        (f"offset={10**30}", 400),
        ("limit=-1&offset=x", 400),
        ("created_after=0250-05-17T06:34:11%2B22:40", 200),
        ("created_after=0001-01-01T00:00:00%2B22:40", 400),
        ("is_active=%00", 400),
        ("cursor=nonsense", 404),
        ("cursor=%C3%BC", 404),
        ("cursor=" + "W" * 10000, 404),
        (f"cursor={cursor('-id', False, None)}", 200),
        (f"cursor={cursor('-id', False, ['7'])}", 200),
        (f"cursor={cursor('-id', False, ['9' * 40])}", 200),
        (f"cursor={cursor('-id', False, [None])}", 200),
        (f"cursor={cursor('-id', False, ['9' * 5000])}", 404),
        (f"cursor={cursor('-id', False, ['abc'])}", 404),
        (f"cursor={cursor('-id', False, [7])}", 404),
        (f"cursor={cursor('-id', False, [])}", 404),
        (f"cursor={cursor('-id', False, ['7', '7'])}", 404),
        (f"cursor={cursor('-id', 'no', ['7'])}", 404),
        (f"cursor={cursor('-id', False)}", 404),
        (f"cursor={cursor('id', False, ['7'])}", 404),
        (f"ordering=email&cursor={cursor('-id', False, ['7'])}", 404),
        (f"ordering=email&cursor={cursor('email,id', False, [chr(0), '7'])}", 404),
        (f"ordering=created_at&cursor={cursor('created_at,id', False, ['yesterday', '7'])}", 404),
        (f"ordering=created_at&cursor={cursor('created_at,id', False, ['2026-01-01 00:00:00', '7'])}", 404),
        ("no_such_parameter=1", 200),
    ],
)
def test_odd_parameters_never_break_a_list(admin, query, status):
    assert admin.get(f"{USERS}?{query}").status_code == status


# --- one's own profile ----------------------------------------------------------------------------


def test_the_profile_is_read_and_changed(world, api):
    user = world.ours.client_user
    client = api(user)
    reply = client.patch(UPDATE, {"first_name": "Noa", "timezone": "Australia/Perth"})
    assert reply.status_code == 200
    assert reply.json() == client.get(ME).json()
    user.refresh_from_db()
    assert (user.first_name, user.timezone) == ("Noa", "Australia/Perth")
    assert Event.objects.order_by("pk").last().data == {"field_names": "first_name, timezone"}
    assert client.get(ME).status_code == 200  # the login goes on


def test_put_needs_the_names(world, api):
    client = api(world.ours.client_user)
    with nothing_written():
        reply = client.put(UPDATE, {"first_name": "Noa"})
    assert_refused(reply, 400, "invalid", last_name=["This field is required."])
    assert client.put(UPDATE, {"first_name": "Noa", "last_name": "Ng"}).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "admin"),
        ("email", "admin@example.com"),
        ("status", "suspended"),
        ("is_active", False),
        ("email_verified", True),
        ("id", 1),
    ],
)
@pytest.mark.parametrize("role", [Role.BD, Role.BROKER, Role.CLIENT])
def test_role_email_and_status_are_not_ones_own_to_change(world, api, role, field, value):
    client = api(world.user(role))
    before = client.get(ME).json()
    with nothing_written():
        reply = client.patch(UPDATE, {field: value})
    assert (reply.status_code, reply.json()) == (200, before)


@pytest.mark.parametrize("field", ["password", "token_version", "email_verified_at", "is_superuser"])
def test_other_columns_are_no_fields_of_the_profile(world, api, field):
    client = api(world.ours.client_user)
    with nothing_written():
        reply = client.patch(UPDATE, {field: "1"})
    assert_refused(reply, 400, "invalid", **{field: ["There is no such field here."]})
