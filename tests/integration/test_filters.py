"""What the filters of all lists have in common: booleans, ids, days, and how much they take."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications.models import Application, ApplicationBorrower
from brokers.models import Broker
from events.models import Event
from notifications.models import Notification
from tests.factories import ApplicationFactory, BorrowerFactory
from tests.integration.addresses import notification_of
from tests.plugins.route_table import operations

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_world")]

LISTS = [operation for operation in operations() if operation.action == "list" and "{" not in operation.path]
BOOLEANS = [
    "users/users/?is_active",
    "borrowers/?is_company",
    "borrowers/?has_applications",
    "borrowers/merges/?is_undone",
    "borrowers/duplicates/pairs/?is_dismissed",
    "customers/?is_company",
    "customers/?has_applications",
    "customers/?has_open_loan",
    "customers/?in_arrears",
    "users/team/members/?is_active",
    "users/auth/sessions/?is_active",
    "users/api-keys/?is_expired",
    "brokers/?is_active",
    "brokers/?has_login",
    "brokers/bdms/?is_active",
    "brokers/branches/?is_active",
    "products/?is_active",
    "chat/groups/?is_open",
    "products/?is_secured",
    "users/notifications/?is_read",
    "documents/repayments/?is_overdue",
    "documents/documents/?visible_to_client",
    "documents/notes/?is_due",
    "reviews/?is_hidden",
    "documents/signature-requests/?mine",
    "templates/?is_active",
    "leads/?follow_up_due",
    "reports/schedules/?is_paused",
]
# Whole numbers that are no ids, and may be 0.
NUMBERS = ["leads/?min_score", "leads/?max_score", "reviews/?rating"]
IDS = [
    "reports/saved/?owner",
    "reports/schedules/?report",
    "reports/files/?schedule",
    "reports/files/?job",
    "applications/?product",
    "applications/?broker",
    "applications/?bd",
    "applications/?branch",
    "applications/?borrower",
    "guarantors/?borrower",
    "borrowers/merges/?survivor",
    "borrowers/merges/?duplicate",
    "borrowers/duplicates/pairs/?borrower",
    "brokers/?branch",
    "brokers/bdms/?branch",
    "partnerships/?branch",
    "partnerships/?owner",
    "applications/?referral_partner",
    "users/users/?branch",
    "users/team/members/?branch",
    "users/api-keys/?user",
    "audit-logs/?actor",
    "audit-logs/?subject_id",
    "audit-logs/?application_id",
    "documents/fees/?application",
    "documents/repayments/?application",
    "documents/documents/?application",
    "documents/batches/?application",
    "documents/notes/?application",
    "chat/conversations/?application",
    "chat/search/?application",
    "chat/search/?author",
    "chat/search/?conversation",
    "alerts/?assigned_to",
    "users/mail-log/?user",
    "appointments/?host",
    "appointments/?lead",
    "appointments/?borrower",
    "appointments/?application",
    "office-hours/?host",
    "interactions/?lead",
    "interactions/?borrower",
    "interactions/?application",
    "interactions/?author",
    "reviews/?application",
    "reviews/?broker",
    "reviews/?branch",
    "documents/notes/?assigned_to",
    "documents/notes/?author",
    "documents/signature-requests/?document",
    "commissions/?application",
    "commissions/?branch",
    "commissions/?broker",
    "commissions/?partnership",
    "leads/?assignee",
    "leads/?branch",
    "leads/?partnership",
]
DAYS = [
    ("applications/", Application, "created_at"),
    ("users/notifications/", Notification, "created_at"),
    ("audit-logs/", Event, "occurred_at"),
]


def ids(reply):
    assert reply.status_code == 200, reply.json()
    return [row["id"] for row in reply.json()["results"]]


def documented(kind):
    """Query parameters of a type in the document, as `path?name`."""
    return {
        f"{operation.path.removeprefix('/api/')}?{parameter['name']}"
        for operation in LISTS
        for parameter in operation.documented["parameters"]
        if parameter["schema"].get("type") == kind
    }


def test_every_boolean_and_every_id_is_here():
    assert documented("boolean") == set(BOOLEANS)
    paging = {f"{operation.path.removeprefix('/api/')}?{name}" for operation in LISTS for name in
              ("limit", "offset")}  # fmt: skip
    assert documented("integer") - paging == set(IDS) | set(NUMBERS)


@pytest.mark.parametrize("address", BOOLEANS)
def test_a_boolean_is_true_or_false(admin, address):
    def found(value):
        return ids(admin.get(f"/api/{address}={value}"))

    everything = ids(admin.get(f"/api/{address.partition('?')[0]}"))
    assert found("true") == found("TRUE") == found("True") == found("1")
    assert found("false") == found("FALSE") == found("False") == found("0")
    assert found("") == everything
    assert sorted(found("true") + found("false")) == sorted(everything)
    for value in ("yes", "maybe", "2", "null", "tru", "%00", "true,"):
        reply = admin.get(f"/api/{address}={value}")
        assert reply.status_code == 400, value
        assert reply.json()["errors"] == {address.partition("?")[2]: ["Must be true or false."]}


@pytest.mark.parametrize("address", NUMBERS)
@pytest.mark.parametrize("value", ["-1", "1.0", "x", "1_0", "%00"])
def test_a_number_is_a_whole_one(admin, address, value):
    reply = admin.get(f"/api/{address}={value}")
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [address.partition("?")[2]]
    assert admin.get(f"/api/{address}=0").status_code == 200


@pytest.mark.parametrize("address", IDS)
def test_an_id_is_a_number_and_need_not_be_of_anything(admin, address):
    for pk in (2**31 - 1, 2**31, 2**63, 10**30):
        assert ids(admin.get(f"/api/{address}={pk}")) == [], pk
    assert ids(admin.get(f"/api/{address}=")) == ids(admin.get(f"/api/{address.partition('?')[0]}"))
    for value in ("x", "1.0", "1_0", "1e3", "-1", "0", "%00", "%D9%A1", "9" * 5000):
        reply = admin.get(f"/api/{address}={value}")
        assert reply.status_code == 400, value
        assert list(reply.json()["errors"]) == [address.partition("?")[2]]


def test_an_id_does_not_tell_whether_it_exists(world, api):
    client = api(world.ours.client_user)
    there, not_there = world.theirs.borrower.pk, 2**31 - 1
    for pk in (there, not_there):
        assert ids(client.get(f"/api/guarantors/?borrower={pk}")) == []
    client = api(world.ours.bd_user)
    assert not Broker.objects.visible_to(world.ours.bd_user).filter(branch=world.theirs.branch).exists()
    for pk in (world.theirs.branch.pk, not_there):
        assert ids(client.get(f"/api/brokers/?branch={pk}")) == []


@pytest.mark.parametrize(("address", "model", "field"), DAYS)
def test_a_day_is_one_in_utc(world, admin, address, model, field):
    noted = [notification_of(world.admin) for _ in range(4)]
    rows = {
        Application: lambda: [ApplicationFactory.create() for _ in range(4)],
        Notification: lambda: noted,
        Event: lambda: [row.event for row in noted],
    }[model]()
    start = datetime(2021, 2, 1, tzinfo=UTC)
    moments = [
        start - timedelta(microseconds=1),
        start,
        start + timedelta(days=1, microseconds=-1),
        start + timedelta(days=1),
    ]
    model.objects.exclude(pk__in=[row.pk for row in rows]).update(**{field: datetime(2030, 1, 1, tzinfo=UTC)})
    for row, moment in zip(rows, moments, strict=True):
        model.objects.filter(pk=row.pk).update(**{field: moment})
    before, first, last, after = (row.pk for row in rows)
    for query, expected in (
        ("date_to=2021-01-31", {before}),
        ("date_from=2021-02-01&date_to=2021-02-01", {first, last}),
        ("date_from=2021-02-02&date_to=2021-12-31", {after}),
    ):
        assert set(ids(admin.get(f"/api/{address}?{query}"))) == expected, query
    everything = model.objects.all()
    if model is Notification:
        everything = everything.filter(user=world.admin)
    for query in ("date_to=9999-12-31", "date_from=0001-01-01"):
        assert len(ids(admin.get(f"/api/{address}?{query}&limit=100"))) == everything.count(), query
    assert admin.get(f"/api/{address}?date_to=10000-01-01").status_code == 400


def test_a_day_is_sought_in_the_timestamp_itself(admin):
    with CaptureQueriesContext(connection) as queries:
        admin.get("/api/applications/?date_from=2021-02-01&date_to=2021-02-01")
    (sql,) = {
        query["sql"]
        for query in queries
        if "count(*)" in query["sql"].lower() and "created_at" in query["sql"]
    }
    assert "AT TIME ZONE" not in sql
    assert "2021-02-02" in sql


def test_a_borrower_on_two_applications_is_listed_once(world, admin):
    ApplicationBorrower.objects.create(
        application=world.theirs.application, borrower=world.ours.borrower, position=1
    )
    free = BorrowerFactory.create()
    with CaptureQueriesContext(connection) as queries:
        found = ids(admin.get("/api/borrowers/?has_applications=true"))
    assert sorted(found) == sorted([world.ours.borrower.pk, world.theirs.borrower.pk])
    assert not [query for query in queries if "DISTINCT" in query["sql"]]
    assert ids(admin.get("/api/borrowers/?has_applications=false")) == [free.pk]


@pytest.mark.parametrize("value", ["-1e999999999", "1e999999999", "1e-999999999", "0e999999999", "-1e40"])
@pytest.mark.parametrize("name", ["broker", "min_loan_amount", "borrower"])
def test_a_number_of_absurd_size_is_refused_at_once(world, api, name, value):
    assert api(world.ours.client_user).get("/api/applications/", {name: value}).status_code == 400


@pytest.mark.parametrize(
    ("address", "name"),
    [("/api/guarantors/", "borrower"), ("/api/brokers/", "branch"), ("/api/brokers/bdms/", "branch")],
)
def test_a_filter_does_not_tell_whether_a_hidden_row_exists(world, api, address, name):
    client = api(world.ours.broker_user)
    hidden = {"borrower": world.theirs.borrower, "branch": world.theirs.branch}[name].pk
    there, nowhere = (client.get(address, {name: pk}) for pk in (hidden, 2**31))
    assert there.status_code == nowhere.status_code == 200
    assert nowhere.json()["results"] == []


def test_a_search_takes_ten_words_and_no_more(world, api):
    client = api(world.admin)
    assert client.get("/api/borrowers/", {"search": "a " * 10}).status_code == 200
    reply = client.get("/api/borrowers/", {"search": "a " * 11})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"search": ["At most 10 words."]}


@pytest.mark.parametrize(
    ("name", "is_found"),
    [("O'Neil D'Arcy", True), ("D'Arcy,\tO'Neil", True), ("o'neil", True), ("\"O'Neil D'Arcy\"", True),
     ("\"D'Arcy O'Neil\"", False), ('O"Neil', False), ("'D'Arcy'", False)],
)  # fmt: skip
def test_words_have_apostrophes_and_phrases_have_quotation_marks(world, api, name, is_found):
    world.ours.borrower.first_name, world.ours.borrower.last_name = "Niamh", "O'Neil D'Arcy"
    world.ours.borrower.save()
    reply = api(world.admin).get("/api/borrowers/", {"search": name})
    assert [row["id"] for row in reply.json()["results"]] == [world.ours.borrower.pk] * is_found


@pytest.mark.parametrize("value", ["0.5", "x", "-1", "1" * 19])
@pytest.mark.parametrize(
    ("name", "paging"), [("limit", {}), ("limit", {"cursor": ""}), ("offset", {}), ("offset", {"cursor": ""})]
)
def test_a_page_that_cannot_be_counted_is_refused(world, api, name, paging, value):
    reply = api(world.admin).get("/api/borrowers/", {**paging, name: value})
    assert reply.status_code == 400
    least = {"limit": 1, "offset": 0}[name]
    assert reply.json()["errors"] == {name: [f"Must be a whole number from {least}."]}


def test_a_limit_above_the_cap_is_the_cap_and_an_empty_one_the_default(world, api):
    client = api(world.admin)
    BorrowerFactory.create_batch(101)
    assert len(client.get("/api/borrowers/", {"limit": 500}).json()["results"]) == 100
    assert len(client.get("/api/borrowers/", {"limit": 500, "cursor": ""}).json()["results"]) == 100
    assert len(client.get("/api/borrowers/", {"limit": ""}).json()["results"]) == 20


def test_a_number_may_be_as_small_as_any_that_javascript_knows(world, api):
    client = api(world.admin)
    assert client.get("/api/applications/", {"min_loan_amount": "5e-324"}).json()["count"] == 2
    assert client.get("/api/applications/", {"max_loan_amount": "1e30"}).json()["count"] == 2
    assert client.get("/api/applications/", {"max_loan_amount": "1.1e30"}).status_code == 400
