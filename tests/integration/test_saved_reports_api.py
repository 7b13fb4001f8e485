"""Saved reports: whose figures are shown, with whom they are shared, and what became of old definitions."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from openpyxl import load_workbook

from applications.models import Application
from events.models import Event
from reports.models import SavedReport
from reports.registry import REPORTS
from reports.selectors.saved import readers_of
from reports.services.rollups import rollups_rebuild
from tests.factories import ApplicationFactory, SavedReportFactory
from tests.writes import nothing_written
from users.models import User

SAVED = "/api/reports/saved/"
BY_BROKER = {"source": "applications", "dimensions": ["broker"], "measures": ["count", "total_loan_amount"]}
pytestmark = pytest.mark.django_db


def saved(client, **fields):
    reply = client.post(SAVED, {"name": "By broker", "definition": BY_BROKER, **fields})
    assert reply.status_code == 201, reply.content
    return reply.json()


def refusal(client, **fields):
    with nothing_written():
        reply = client.post(SAVED, {"name": "By broker", "definition": BY_BROKER, **fields})
    assert reply.status_code == 400, reply.content
    return reply.json()["errors"]


def test_a_definition_is_kept_as_it_was_given(world, api):
    bd = api(world.ours.bd_user)
    shown = saved(bd, description="Who brings what.")
    assert shown == {
        "id": SavedReport.objects.get().pk,
        "name": "By broker",
        "description": "Who brings what.",
        "kind": "custom",
        "source": "applications",
        "owner": shown["owner"],
        "shared_with": "nobody",
        "shared_with_display": "Nobody",
        "branch": None,
        "created_at": shown["created_at"],
        "updated_at": shown["updated_at"],
        "definition": BY_BROKER,
    }
    assert shown["owner"]["id"] == world.ours.bd_user.pk
    read = bd.get(f"{SAVED}{shown['id']}/")
    changed = bd.patch(f"{SAVED}{shown['id']}/", {"name": "Brokers"}, headers={"If-Match": read["ETag"]})
    assert changed.json()["name"] == "Brokers"
    with nothing_written():
        stale = bd.patch(f"{SAVED}{shown['id']}/", {"name": "Again"}, headers={"If-Match": read["ETag"]})
    assert stale.status_code == 412
    assert bd.delete(f"{SAVED}{shown['id']}/").status_code == 204
    told = Event.objects.filter(subject_type="savedreport").order_by("pk").values_list("type", flat=True)
    assert list(told) == ["saved_report.created", "saved_report.updated", "saved_report.deleted"]


def test_a_definition_is_checked_when_it_is_saved(world, api):
    bd = api(world.ours.bd_user)
    assert set(refusal(bd, definition={**BY_BROKER, "dimensions": ["colour"]})["definition"]) == {
        "dimensions"
    }
    assert set(refusal(bd, definition={**BY_BROKER, "name": "Another"})["definition"]) == {"name"}
    assert "definition" in refusal(bd, definition=[1])
    assert "definition" in refusal(bd, definition=None)
    report = saved(bd)
    with nothing_written():
        reply = bd.patch(f"{SAVED}{report['id']}/", {"definition": {"measures": ["count"]}})
    assert set(reply.json()["errors"]["definition"]) == {"source"}


def test_readers_get_their_own_figures_never_the_owners(world, api):
    ApplicationFactory.create(broker=world.ours.broker, branch=world.ours.branch, loan_amount="70.00")
    report = saved(api(world.admin), shared_with="brokers")
    path = f"{SAVED}{report['id']}/run/"

    def figures(user):
        client = api(user)
        with nothing_written():
            reply = client.get(path)
        assert reply.status_code == 200
        direct = client.post("/api/reports/custom/", {**BY_BROKER, "name": "By broker"})
        assert {**reply.json(), "as_of": None} == {**direct.json(), "as_of": None}
        return {row["broker"]: row["count"] for row in reply.json()["rows"]}, reply.json()["totals"]["count"]

    ours, theirs = world.ours.broker, world.theirs.broker
    assert figures(world.admin) == ({ours.pk: 2, theirs.pk: 1}, 3)
    assert figures(ours.user) == ({ours.pk: 2}, 2)
    assert figures(theirs.user) == ({theirs.pk: 1}, 1)
    # An id of somebody else's in the definition finds nothing.
    report = saved(
        api(world.admin),
        shared_with="brokers",
        definition={**BY_BROKER, "filters": [{"field": "broker", "values": [theirs.pk]}]},
    )
    assert api(ours.user).get(f"{SAVED}{report['id']}/run/").json()["rows"] == []
    csv = api(ours.user).get(f"{SAVED}{report['id']}/export/?format=csv")
    assert csv.getvalue().decode().splitlines() == ["broker,count,total_loan_amount"]


# --- of the seven -----------------------------------------------------------------------------------

VOLUME = {"report": "application-volume", "period": "last_30_days", "grouping": "week", "compare": "previous"}


def kept(client, definition, **fields):
    return saved(client, name="Kept", definition=definition, **fields)


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_a_standard_report_is_kept_and_answers_as_its_address(world, api, name):
    ApplicationFactory.create(broker=world.ours.broker, bd=world.ours.bdm, branch=world.ours.branch)
    client, filters = api(world.ours.bd_user), {"branch_id": world.ours.branch.pk}
    if "period" in REPORTS[name].filters:
        filters["period"] = "year_to_date"
    report = kept(client, {"report": name, **filters})
    assert (report["kind"], report["source"]) == (name, "")
    assert report["definition"] == {"report": name, **filters}
    with nothing_written():
        run = client.get(f"{SAVED}{report['id']}/run/")
    live = client.get(f"/api/reports/{name}/", filters)
    assert (run.status_code, live.status_code) == (200, 200)
    assert {**run.json(), "as_of": None} == {**live.json(), "as_of": None}
    csv = client.get(f"{SAVED}{report['id']}/export/?format=csv")
    direct = client.get("/api/reports/export/?format=csv", {"report": name, **filters})
    assert (csv.status_code, csv.getvalue()) == (200, direct.getvalue())


def test_a_standard_report_is_refused_as_its_address_refuses_it(world, api):
    bd = api(world.ours.bd_user)
    for definition in (
        {"report": "arrears-ageing", "start_date": "2026-01-01"},
        {"report": "arrears-ageing", "period": "today"},
        {"report": "commission", "grouping": "week"},
        {"report": "commission", "broker_id": world.theirs.broker.pk},
        {"report": "commission", "start_date": "2026-02-01", "end_date": "2026-01-31"},
        {"report": "commission", "period": "last_month", "end_date": "2026-01-31"},
        {"report": "commission", "period": "some_day"},
        {"report": "commission", "compare": "previous"},
        {"report": "commission", "colour": "red"},
        {"report": "commission", "source": "applications"},
    ):
        name, filters = definition["report"], {**definition}
        del filters["report"]
        live = bd.get(f"/api/reports/{name}/", filters)
        assert live.status_code == 400
        assert refusal(bd, definition=definition)["definition"] == live.json()["errors"]
    for name in ("gone", "custom", "", None, ["commission"]):
        assert set(refusal(bd, definition={"report": name})["definition"]) == {"report"}


def test_readers_of_a_standard_report_get_their_own_figures(world, api):
    ours, theirs = world.ours.broker, world.theirs.broker
    ApplicationFactory.create(broker=ours, branch=world.ours.branch)
    admin = api(world.admin)
    everybody = kept(admin, VOLUME, shared_with="brokers")["id"]
    of_theirs = kept(admin, {**VOLUME, "broker_id": theirs.pk}, shared_with="brokers")["id"]

    def totals(user, pk):
        return api(user).get(f"{SAVED}{pk}/run/").json()["total_applications"]

    # All of them were opened today, and the last 30 days end yesterday.
    Application.objects.update(created_at=datetime.now(UTC) - timedelta(days=10))
    rollups_rebuild()
    assert [totals(user, everybody) for user in (world.admin, ours.user, theirs.user)] == [3, 2, 1]
    assert [totals(user, of_theirs) for user in (world.admin, theirs.user)] == [1, 1]
    for path in ("run/", "export/?format=csv"):
        reply = api(ours.user).get(f"{SAVED}{of_theirs}/{path}")
        assert (reply.status_code, reply.json()["code"]) == (409, "saved_report_outdated")
        assert set(reply.json()["errors"]) == {"broker_id"}


def test_one_kind_becomes_the_other(world, api):
    bd = api(world.ours.bd_user)
    report = saved(bd)
    path = f"{SAVED}{report['id']}/"
    changed = bd.patch(path, {"definition": VOLUME}).json()
    assert (changed["kind"], changed["source"]) == ("application-volume", "")
    assert set(bd.get(f"{path}run/").json()["comparison"]) == {"start_date", "end_date", "figures"}
    back = bd.patch(path, {"definition": BY_BROKER}).json()
    assert (back["kind"], back["source"]) == ("custom", "applications")


def test_a_workbook_has_all_tables_of_a_standard_report(world, api):
    bd = api(world.ours.bd_user)
    report = kept(bd, {"report": "application-volume", "grouping": "week"})
    ours = load_workbook(BytesIO(bd.get(f"{SAVED}{report['id']}/export/?format=xlsx").getvalue()))
    live = "/api/reports/export/?report=application-volume&grouping=week&format=xlsx"
    assert ours.sheetnames == load_workbook(BytesIO(bd.get(live).getvalue())).sheetnames
    assert len(ours.sheetnames) > 2


def test_sharing_with_a_branch_or_a_role(world, api):
    ours, theirs = world.ours, world.theirs
    of_branch = saved(api(ours.broker_user), shared_with="branch")
    assert of_branch["branch"] == ours.branch.pk
    bdms = saved(api(ours.bd_user), shared_with="bdms")
    brokers = saved(api(ours.bd_user), shared_with="brokers")
    private = saved(api(ours.bd_user))
    named = saved(api(world.admin), shared_with="branch", branch=theirs.branch.pk)
    everything = [of_branch, bdms, brokers, private, named]
    seen = {
        world.admin: everything,
        ours.broker_user: [of_branch, brokers],
        ours.bd_user: [of_branch, bdms, brokers, private],
        theirs.broker_user: [brokers, named],
        theirs.bd_user: [bdms, named],
    }
    for user, reports in seen.items():
        listed = api(user).get(SAVED).json()["results"]
        assert {row["id"] for row in listed} == {row["id"] for row in reports}
    assert api(ours.client_user).get(SAVED).status_code == 403


def test_who_may_share_with_whom(world, api):
    broker, bd = api(world.ours.broker_user), api(world.ours.bd_user)
    assert "shared_with" in refusal(broker, shared_with="brokers")
    assert "branch" in refusal(bd, shared_with="branch", branch=world.theirs.branch.pk)
    assert "branch" in refusal(bd, branch=world.ours.branch.pk)
    assert "branch" in refusal(api(world.admin), shared_with="branch")
    report = saved(bd, shared_with="branch")
    with nothing_written():
        assert broker.patch(f"{SAVED}{report['id']}/", {"name": "Mine"}).status_code == 403
        assert broker.delete(f"{SAVED}{report['id']}/").status_code == 403
    taken_back = bd.patch(f"{SAVED}{report['id']}/", {"shared_with": "nobody"}).json()
    assert (taken_back["shared_with"], taken_back["branch"]) == ("nobody", None)
    assert broker.get(f"{SAVED}{report['id']}/").status_code == 404


def test_readers_are_those_who_see_it(world):
    User.objects.filter(pk=world.theirs.broker_user.pk).update(status="suspended")
    for fields in (
        {"shared_with": "nobody"},
        {"shared_with": "branch", "branch": world.ours.branch},
        {"shared_with": "bdms"},
        {"shared_with": "brokers"},
    ):
        report = SavedReportFactory.create(owner=world.theirs.bd_user, **fields)
        seeing = {
            user.pk
            for user in User.objects.all()
            if SavedReport.objects.visible_to(user).filter(pk=report.pk).exists()
        }
        assert set(readers_of(report).values_list("pk", flat=True)) == seeing
        assert len(seeing) >= 2


@pytest.mark.parametrize(
    "definition",
    [
        {**BY_BROKER, "measures": ["count", "gone"]},
        {**BY_BROKER, "source": "gone"},
        {**BY_BROKER, "filters": [{"field": "stage", "values": ["gone"]}]},
        {"measures": []},
        {"report": "gone"},
        {"report": "arrears-ageing", "period": "today"},
        "no definition",
    ],
    ids=json.dumps,
)
def test_what_is_off_the_list_now_is_a_conflict(world, api, definition):
    report = SavedReportFactory.create(owner=world.ours.bd_user, definition=definition)
    bd = api(world.ours.bd_user)
    for path in ("run/", "export/?format=csv"):
        reply = bd.get(f"{SAVED}{report.pk}/{path}")
        assert (reply.status_code, reply.json()["code"]) == (409, "saved_report_outdated")
        assert reply.json()["errors"]
    assert bd.get(f"{SAVED}{report.pk}/").json()["definition"] == definition
    assert bd.patch(f"{SAVED}{report.pk}/", {"definition": BY_BROKER}).status_code == 200
    assert bd.get(f"{SAVED}{report.pk}/run/").status_code == 200


def test_saved_reports_are_filtered_and_ordered(world, api):
    admin = api(world.admin)
    first = SavedReportFactory.create(owner=world.ours.bd_user, name="B", shared_with="bdms")
    second = SavedReportFactory.create(
        owner=world.ours.broker_user,
        name="A",
        kind="commission",
        source="",
        definition={"report": "commission"},
    )
    cases = {
        "": [second, first],
        "kind=custom": [first],
        "kind=commission": [second],
        "kind=loan-portfolio": [],
        "ordering=-name": [first, second],
        "ordering=created_at": [first, second],
        f"owner={world.ours.bd_user.pk}": [first],
        "shared_with=bdms": [first],
        "shared_with=nobody": [second],
        "shared_with=no_such": [],
    }
    for query, rows in cases.items():
        found = admin.get(f"{SAVED}?{query}").json()["results"]
        assert [row["id"] for row in found] == [row.pk for row in rows], query
