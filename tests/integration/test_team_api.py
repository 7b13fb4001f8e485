"""The lender's team: accounts of staff together with their BDM profiles."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from applications.models import Application, StageChange
from brokers.models import Bdm, Branch
from events.models import Event
from tests.checks import assert_refused, event_types
from tests.clients import PASSWORD
from tests.factories import ApplicationFactory, BdmFactory, BranchFactory, UserFactory
from tests.writes import nothing_written
from users.models import User

pytestmark = pytest.mark.django_db

MEMBERS = "/api/users/team/members/"
FIGURES = (
    "open_applications",
    "open_amount",
    "settled_applications_90_days",
    "settled_amount_90_days",
)


@pytest.fixture
def new(world):
    return {
        "email": "Nia@Example.com",
        "first_name": "Nia",
        "last_name": "Novak",
        "phone": "0412 345 678",
        "password": PASSWORD,
        "branch": world.ours.branch.pk,
        "job_title": "Senior BDM",
    }


def at(user):
    return f"{MEMBERS}{user.pk}/"


def ids(reply):
    assert reply.status_code == 200
    return [row["id"] for row in reply.json()["results"]]


def figures(row):
    return tuple(row[name] for name in FIGURES)


# --- making and editing ---------------------------------------------------------------------------


def test_a_new_member_is_a_bdm_who_can_log_in(world, admin, api, new):
    last = Event.objects.latest("pk").pk
    reply = admin.post(MEMBERS, new)
    assert reply.status_code == 201
    user = User.objects.get(email="nia@example.com")
    assert reply["Location"] == f"http://testserver{at(user)}"
    body = reply.json()
    assert admin.get(at(user)).json() == body
    assert {name: body[name] for name in ("role", "status", "branch", "job_title", "phone")} == {
        "role": "bd",
        "status": "active",
        "branch": world.ours.branch.pk,
        "job_title": "Senior BDM",
        "phone": "+61412345678",
    }
    assert (body["bdm"], body["branch_name"]) == (user.bdm.pk, world.ours.branch.name)
    assert figures(body) == (0, "0.00", 0, "0.00")
    assert "password" not in body
    assert event_types(after=last) == ["user.created", "bdm.created"]
    assert set(Event.objects.filter(pk__gt=last).values_list("actor", flat=True)) == {world.admin.pk}
    login = api().post("/api/auth/login/", {"email": user.email, "password": PASSWORD})
    assert login.status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": "short1"}, "password"),
        ({"email": "taken@example.com"}, "email"),
        ({"email": ""}, "email"),
        ({"branch": 0}, "branch"),
        ({"branch": None}, "branch"),
        ({"phone": "12"}, "phone"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"job_title": "x" * 101}, "job_title"),
        ({"role": "admin"}, "role"),
    ],
)
def test_a_bad_member_is_refused_and_nothing_is_left_behind(admin, new, change, field):
    UserFactory.create(email="taken@example.com")
    with nothing_written():
        reply = admin.post(MEMBERS, {**new, **change})
    assert (reply.status_code, list(reply.json()["errors"])) == (400, [field])


def test_a_new_member_needs_a_branch(admin, new):
    del new["branch"]
    with nothing_written():
        assert_refused(admin.post(MEMBERS, new), 400, "invalid", branch=["This field is required."])


def test_a_closed_branch_takes_nobody(world, admin, new):
    closed = BranchFactory.create(is_active=False)
    person, refusal = UserFactory.create(role="bd"), {"branch": ["This branch is closed."]}
    with nothing_written():
        for reply in (
            admin.post(MEMBERS, {**new, "branch": closed.pk}),
            admin.patch(at(world.ours.bd_user), {"branch": closed.pk, "first_name": "Dora"}),
            admin.patch(at(person), {"branch": closed.pk}),
        ):
            assert_refused(reply, 400, "invalid", **refusal)


def test_who_works_in_a_branch_that_closed_is_still_changed(world, admin):
    user, branch = world.ours.bd_user, world.ours.branch
    Branch.objects.filter(pk=branch.pk).update(is_active=False)
    reply = admin.patch(at(user), {"branch": branch.pk, "job_title": "Lead"})
    assert (reply.status_code, reply.json()["job_title"]) == (200, "Lead")


def test_account_and_profile_are_changed_together(world, admin):
    user, last = world.ours.bd_user, Event.objects.latest("pk").pk
    change = {"first_name": "Dora", "branch": world.theirs.branch.pk, "job_title": "Lead"}
    reply = admin.patch(at(user), change)
    assert reply.status_code == 200
    assert {**reply.json(), **change} == reply.json()
    events = Event.objects.filter(pk__gt=last).order_by("pk")
    assert [(event.type, event.data["field_names"]) for event in events] == [
        ("user.updated", "first_name"),
        ("bdm.updated", "branch, job_title"),
    ]


def test_a_put_needs_the_account(world, admin):
    with nothing_written():
        reply = admin.put(at(world.ours.bd_user), {"job_title": "Lead"})
    required = ["This field is required."]
    assert_refused(reply, 400, "invalid", email=required, first_name=required, last_name=required)


def test_a_change_that_changes_nothing_tells_nobody(world, admin):
    user = world.ours.bd_user
    with nothing_written():
        reply = admin.patch(at(user), {"first_name": user.first_name, "branch": world.ours.branch.pk})
    assert reply.status_code == 200


def test_a_change_of_an_older_version_is_refused(world, admin):
    user = world.ours.bd_user
    tag = admin.get(at(user))["ETag"]
    assert admin.patch(at(user), {"job_title": "Lead"}, headers={"If-Match": tag}).status_code == 200
    with nothing_written():
        reply = admin.patch(at(user), {"job_title": "Head"}, headers={"If-Match": tag})
    assert_refused(reply, 412, "stale_version")


def test_a_bdm_who_registered_gets_a_profile(world, admin):
    user = UserFactory.create(role="bd")
    assert admin.get(at(user)).json()["bdm"] is None
    with nothing_written():
        reply = admin.patch(at(user), {"job_title": "BDM"})
    assert_refused(reply, 400, "invalid", branch=["A BDM belongs to a branch."])
    last = Event.objects.latest("pk").pk
    reply = admin.patch(at(user), {"branch": world.ours.branch.pk})
    assert (reply.status_code, reply.json()["branch"]) == (200, world.ours.branch.pk)
    assert event_types(after=last) == ["bdm.created"]


def test_an_administrator_belongs_to_no_branch(world, admin):
    with nothing_written():
        reply = admin.patch(
            at(world.admin), {"first_name": "Ada", "branch": world.ours.branch.pk, "job_title": "Boss"}
        )
    words = ["An administrator belongs to no branch."]
    assert_refused(reply, 400, "invalid", branch=words, job_title=words)
    reply = admin.patch(at(world.admin), {"first_name": "Ada"})
    assert (reply.status_code, reply.json()["first_name"]) == (200, "Ada")
    assert [reply.json()[name] for name in ("bdm", "branch", "branch_name", "job_title")] == [None] * 4


# --- leaving --------------------------------------------------------------------------------------


def test_a_member_with_open_applications_stays(world, admin):
    with nothing_written():
        reply = admin.delete(at(world.ours.bd_user))
    body = reply.json()
    assert (reply.status_code, body["code"], body["open_applications"]) == (409, "conflict", 1)
    assert body["detail"] == "They have 1 open application. Assign them to others first."


@pytest.mark.parametrize("stage", ["more_info_required", "settlement_conditions"])
def test_every_open_stage_holds_a_member(world, admin, stage):
    came_from = "inquiry" if stage == "more_info_required" else ""
    Application.objects.filter(pk=world.ours.application.pk).update(stage=stage, came_from=came_from)
    with nothing_written():
        assert admin.delete(at(world.ours.bd_user)).status_code == 409


def test_a_member_who_left_cannot_log_in_and_keeps_their_history(world, admin, api):
    user, client = world.ours.bd_user, api(world.ours.bd_user)
    Application.objects.filter(pk=world.ours.application.pk).update(stage="settled")
    last = Event.objects.latest("pk").pk
    assert admin.delete(at(user)).status_code == 204
    assert event_types(after=last) == ["user.suspended", "bdm.updated"]
    assert_refused(client.get("/api/users/profile/"), 401, "token_not_valid")
    assert Bdm.objects.get(user=user).is_active is False
    assert Application.objects.get(pk=world.ours.application.pk).bd.user == user
    body = admin.get(at(user)).json()
    assert (body["status"], body["is_active"]) == ("suspended", False)
    with nothing_written():
        assert admin.delete(at(user)).status_code == 204


def test_an_administrator_does_not_close_their_own_account(world, admin):
    with nothing_written():
        assert_refused(admin.delete(at(world.admin)), 409, "conflict")
    other = UserFactory.create(role="admin")
    assert admin.delete(at(other)).status_code == 204


# --- reading --------------------------------------------------------------------------------------


def test_the_team_is_staff_only(world, api, admin):
    colleague = BdmFactory.create(branch=world.ours.branch).user
    staff = {world.admin.pk, world.ours.bd_user.pk, world.theirs.bd_user.pk, colleague.pk}
    assert set(ids(admin.get(MEMBERS))) == staff
    assert set(ids(api(world.ours.bd_user).get(MEMBERS))) == {world.ours.bd_user.pk, colleague.pk}
    for role in ("broker", "client"):
        assert_refused(api(world.user(role)).get(MEMBERS), 403, "permission_denied")
    for user in (world.ours.broker_user, world.ours.client_user):
        assert_refused(admin.get(at(user)), 404, "not_found")
        with nothing_written():
            assert_refused(admin.delete(at(user)), 404, "not_found")
            assert_refused(admin.patch(at(user), {"first_name": "x"}), 404, "not_found")


def test_a_bdm_reads_the_own_branch_and_writes_nothing(world, api, new):
    colleague, client = BdmFactory.create(branch=world.ours.branch).user, api(world.ours.bd_user)
    assert client.get(at(colleague)).status_code == 200
    with nothing_written():
        assert_refused(client.get(at(world.theirs.bd_user)), 404, "not_found")
        assert_refused(client.post(MEMBERS, new), 403, "permission_denied")
        assert_refused(client.patch(at(colleague), {"job_title": "x"}), 403, "permission_denied")
        assert_refused(client.delete(at(world.ours.bd_user)), 403, "permission_denied")


def settle(application, days_ago):
    Application.objects.filter(pk=application.pk).update(stage="settled")
    moment = timezone.now() - timedelta(days=days_ago)
    StageChange.objects.create(application=application, to_stage="settled", changed_at=moment)


def test_workload_and_performance(world, admin, api):
    ours = world.ours

    def add(**fields):
        return ApplicationFactory.create(**{"bd": ours.bdm, "branch": ours.branch, **fields})

    add(stage="more_info_required", came_from="inquiry", loan_amount=Decimal("0.50"))
    add(stage="declined", came_from="inquiry")
    settle(add(loan_amount=Decimal("7.00"), approved_amount=Decimal("5.00")), days_ago=89)
    settle(add(loan_amount=Decimal("2.00")), days_ago=1)
    settle(add(loan_amount=Decimal("100.00")), days_ago=91)
    add(stage="settled", loan_amount=Decimal("100.00"))  # whose move was not recorded
    for client in (admin, api(ours.bd_user)):
        assert figures(client.get(at(ours.bd_user)).json()) == (2, "450000.50", 2, "7.00")


def test_figures_are_of_what_the_reader_may_see(world, admin, api):
    colleague = BdmFactory.create(branch=world.ours.branch)
    ApplicationFactory.create(bd=colleague, branch=world.theirs.branch)
    assert figures(admin.get(at(colleague.user)).json())[0] == 1
    assert figures(api(world.ours.bd_user).get(at(colleague.user)).json())[0] == 0


def test_filters_search_and_ordering(world, admin):
    ours, theirs = world.ours.bd_user, world.theirs.bd_user
    User.objects.filter(pk=world.admin.pk).update(last_name="Zimmer", email="ada@lender.example")
    User.objects.filter(pk=ours.pk).update(last_name="Adams")
    User.objects.filter(pk=theirs.pk).update(last_name="Brown", status="suspended")
    ApplicationFactory.create(bd=world.theirs.bdm, loan_amount=Decimal("1.00"))
    settle(world.ours.application, days_ago=1)
    for query, found in (
        ("", [ours, theirs, world.admin]),
        ("ordering=-last_name", [world.admin, theirs, ours]),
        ("ordering=-open_applications,last_name", [theirs, ours, world.admin]),
        ("ordering=-open_amount,last_name", [theirs, ours, world.admin]),
        ("ordering=-settled_applications_90_days,-last_name", [ours, world.admin, theirs]),
        ("ordering=-settled_amount_90_days,-last_name", [ours, world.admin, theirs]),
        (f"branch={world.theirs.branch.pk}", [theirs]),
        ("role=admin", [world.admin]),
        ("role=client", []),
        ("is_active=false", [theirs]),
        ("is_active=true", [ours, world.admin]),
        ("search=lender.example", [world.admin]),
        ("search=adams", [ours]),
    ):
        assert ids(admin.get(f"{MEMBERS}?{query}")) == [user.pk for user in found], query
    assert admin.get(f"{MEMBERS}?ordering=password").status_code == 400
    assert admin.get(f"{MEMBERS}?branch=none").status_code == 400


@pytest.mark.parametrize("ordering", ["-open_applications", "settled_amount_90_days", "last_login"])
def test_pages_by_cursor_hold_everybody_once(world, admin, ordering):
    for _ in range(3):
        BdmFactory.create(branch=world.ours.branch)
    found, url = [], f"{MEMBERS}?cursor=&limit=2&ordering={ordering}"
    while url:
        body = admin.get(url).json()
        found += [row["id"] for row in body["results"]]
        url = body["next"]
    assert found == ids(admin.get(f"{MEMBERS}?ordering={ordering}"))
    assert len(found) == len(set(found)) == 6
