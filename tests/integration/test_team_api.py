"""The lender's team: accounts of staff together with their BDM profiles."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from django.utils import timezone

from applications.models import Application, StageChange
from applications.selectors.portfolios import APPROVED
from brokers.models import Bdm, Branch
from documents.models import Note
from engagement.choices import LeadStatus
from engagement.models import Lead
from events.models import Event
from servicing.dates import business_date
from tests.checks import assert_refused, event_types
from tests.clients import PASSWORD
from tests.factories import (
    ApplicationFactory,
    BdmFactory,
    BranchFactory,
    LeadFactory,
    NoteFactory,
    UserFactory,
)
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


# --- workload and performance of one member -------------------------------------------------------------


def history(application, *moves):
    """An application that went through these stages, each so many days after the first of March."""
    StageChange.objects.filter(application=application).delete()
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for stage, days in moves:
        StageChange.objects.create(
            application=application, to_stage=stage, changed_at=start + timedelta(days=days)
        )
    Application.objects.filter(pk=application.pk).update(
        stage=moves[-1][0],
        came_from=moves[-2][0] if moves[-1][0] == "declined" else "",
        created_at=start + timedelta(days=moves[0][1]),
    )


@pytest.fixture
def lives(world):
    """Applications of our BDM: settled, settled later, approved and declined, and on their way."""
    Application.objects.filter(pk=world.ours.application.pk).update(bd=None)
    rows = [ApplicationFactory.create(bd=world.ours.bdm, loan_amount=Decimal(100 + n)) for n in range(4)]
    history(rows[0], ("inquiry", 0), ("formal_approval", 10), ("settled", 30.5))
    history(rows[1], ("inquiry", 5), ("loan_docs_issued", 9), ("settled", 70))
    history(rows[2], ("inquiry", 2), ("formal_approval", 6), ("declined", 8))
    history(rows[3], ("inquiry", 40), ("valuation_ordered", 41))
    return rows


@pytest.mark.parametrize(
    ("first", "last"),
    [(None, None), ("2026-03-01", "2026-03-31"), ("2026-03-31", "2026-03-31"), ("2026-05-10", "2026-05-10")],
)
def test_performance_is_what_counting_the_rows_gives(world, admin, lives, first, last):
    query = {name: value for name, value in (("date_from", first), ("date_to", last)) if value}
    reply = admin.get(f"{at(world.ours.bd_user)}performance/", query)
    assert reply.status_code == 200
    body = reply.json()

    def within(moment):
        day = moment.date().isoformat()
        return (first or day) <= day <= (last or day)

    def mean(spans):
        days = [Decimal(span.total_seconds()) / 86400 for span in spans]
        return str((sum(days) / len(days)).quantize(Decimal("0.01"))) if days else None

    opened, approved_ever, to_approval, settled, amount, onwards, whole = 0, 0, [], 0, Decimal(0), [], []
    for application in Application.objects.filter(bd=world.ours.bdm):
        moves = list(application.stage_changes.order_by("changed_at"))
        approval = next((m.changed_at for m in moves if m.to_stage in APPROVED), None)
        settlement = next((m.changed_at for m in moves if m.to_stage == "settled"), None)
        if within(application.created_at):
            opened += 1
            approved_ever += approval is not None
        if approval and within(approval):
            to_approval.append(approval - moves[0].changed_at)
        if settlement and within(settlement):
            settled += 1
            amount += application.loan_amount
            onwards.append(settlement - approval)
            whole.append(settlement - moves[0].changed_at)
    rate = (Decimal(approved_ever) / opened * 100).quantize(Decimal("0.01")) if opened else None
    definitions = body.pop("definitions")
    assert set(definitions) == set(body) - {"date_from", "date_to"}
    assert body == {
        "date_from": first,
        "date_to": last,
        "opened_applications": opened,
        "approved_applications": approved_ever,
        "settled_applications": settled,
        "settled_amount": f"{amount:.2f}",
        "approval_rate": None if rate is None else str(rate),
        "average_days_to_approval": mean(to_approval),
        "average_days_approval_to_settlement": mean(onwards),
        "average_days_to_settlement": mean(whole),
    }


def test_workload_is_what_is_open_and_when_it_should_settle(world, admin, lives):
    today = datetime.now(UTC).date()
    for days, amount in ((0, 1), (30, 10), (31, 100), (-1, 1000)):
        ApplicationFactory.create(
            bd=world.ours.bdm, loan_amount=amount, estimated_settlement_date=today + timedelta(days=days)
        )
    Application.objects.filter(bd=world.ours.bdm, loan_amount=1).update(
        stage_entered_at=datetime.now(UTC) - timedelta(days=20)
    )
    body = admin.get(f"{at(world.ours.bd_user)}workload/").json()
    assert (body["open_applications"], body["open_amount"]) == (5, "1214.00")
    stages = {row["stage"]: (row["count"], row["amount"]) for row in body["by_stage"] if row["count"]}
    assert stages == {"inquiry": (4, "1111.00"), "valuation_ordered": (1, "103.00")}
    assert body["upcoming_settlements"] == {"count": 2, "amount": "11.00"}
    assert body["overdue_settlements"] == {"count": 1, "amount": "1000.00"}
    assert body["stale"] == {"count": 1, "amount": "1.00"}


def test_figures_of_a_member_are_for_those_who_see_them(world, api):
    client = api(world.ours.bd_user)
    for name in ("workload", "performance"):
        assert client.get(f"{at(world.ours.bd_user)}{name}/").status_code == 200
        assert_refused(client.get(f"{at(world.theirs.bd_user)}{name}/"), 404, "not_found")
        assert_refused(api(world.ours.broker_user).get(f"{at(world.ours.bd_user)}{name}/"), 404, "not_found")
    refused = client.get(
        f"{at(world.ours.bd_user)}performance/", {"date_from": "2026-02-01", "date_to": "2026-01-01"}
    )
    assert refused.status_code == 400


# --- what waits besides applications ---------------------------------------------------------------


@pytest.fixture
def waiting(world):
    """Notes and leads of our BDM, their colleague and an administrator, before, on and after today."""
    ours, today = world.ours, business_date()
    colleague = BdmFactory.create(branch=ours.branch).user
    people = [None, ours.bd_user, colleague, world.admin]
    days = [None, *(today + timedelta(days=n) for n in (-400, -1, 0, 1))]
    for application in (ours.application, ApplicationFactory.create(branch=world.theirs.branch)):
        for assignee, author, day in product(people, people[1:], days):
            NoteFactory.create(application=application, author=author, assigned_to=assignee, remind_date=day)
    for side, assignee, day, status in product(
        (ours, world.theirs), people, days, (LeadStatus.NEW, LeadStatus.NURTURE, LeadStatus.LOST)
    ):
        LeadFactory.create(
            branch=side.branch,
            assignee=assignee,
            follow_up_on=day,
            status=status,
            lost_reason="Elsewhere" if status == LeadStatus.LOST else "",
        )
    return [ours.bd_user, colleague, world.admin]


def counted(user, reader):
    """The same by looking at every row that the reader sees."""
    today = business_date()
    notes = [
        note
        for note in Note.objects.all().visible_to(reader)
        if note.remind_date and note.remind_date < today and (note.assigned_to or note.author) == user
    ]
    leads = [
        lead
        for lead in Lead.objects.all().visible_to(reader)
        if lead.follow_up_on and lead.follow_up_on < today
        if lead.assignee == user and lead.status in ("new", "contacted", "qualified", "nurture")
    ]
    return len(notes), len(leads)


def test_what_waits_is_what_counting_the_rows_gives(world, api, waiting):
    found = {}
    for reader in (world.admin, world.ours.bd_user):
        client = api(reader)
        rows = client.get(f"{MEMBERS}?limit=100").json()["results"]
        shown = {row["id"]: (row["overdue_notes"], row["overdue_follow_ups"]) for row in rows}
        for user in waiting:
            if user.pk not in shown:
                continue
            assert shown[user.pk] == counted(user, reader)
            body = client.get(f"{at(user)}workload/").json()
            assert (body["overdue_notes"], body["overdue_follow_ups"]) == shown[user.pk]
            assert {"overdue_notes", "overdue_follow_ups"} < set(body["definitions"])
            found[reader, user] = shown[user.pk]
    # An administrator sees both books, a BDM the own one: half of it.
    bd = world.ours.bd_user
    assert found[world.admin, bd] == (16, 8)
    assert found[bd, bd] == (8, 4)


def test_the_team_is_ordered_by_what_waits(world, admin, waiting):
    NoteFactory.create(
        application=world.ours.application,
        author=world.admin,
        remind_date=business_date() - timedelta(days=1),
    )
    LeadFactory.create(
        branch=world.ours.branch,
        assignee=world.ours.bd_user,
        follow_up_on=business_date() - timedelta(days=1),
    )
    assert ids(admin.get(f"{MEMBERS}?ordering=-overdue_notes"))[0] == world.admin.pk
    assert ids(admin.get(f"{MEMBERS}?ordering=-overdue_follow_ups"))[0] == world.ours.bd_user.pk
    assert ids(admin.get(f"{MEMBERS}?ordering=overdue_notes"))[0] == world.theirs.bd_user.pk
