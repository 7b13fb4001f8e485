"""Duplicates: found by what is the same or alike, told of on creation, and never beyond what one sees."""

from datetime import date

import pytest
from django.db import connection

from borrowers.models import Borrower
from borrowers.selectors import Likeness, duplicates
from tests.checks import assert_refused
from tests.factories import BorrowerFactory
from tests.integration.test_borrowers_api import BORROWERS, ids
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

DUPLICATES = f"{BORROWERS}duplicates/"
TFN = "123456782"
ABN, ACN = "51824753556", "004085616"
BORN = date(1980, 2, 29)


@pytest.fixture
def john(world):
    """One of ours, with everything that can be the same."""
    return BorrowerFactory.create(
        created_by=world.ours.broker_user,
        first_name="John",
        last_name="Smith",
        date_of_birth=BORN,
        email="John.Smith@Example.com",
        tax_id=TFN,
        abn=ABN,
    )


@pytest.fixture
def firm(world):
    return BorrowerFactory.create(
        created_by=world.ours.broker_user,
        borrower_type="company",
        first_name="",
        last_name="",
        company_name="Harbour Building Pty Ltd",
        email="",
        acn=ACN,
    )


# --- asking ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "reasons", "similarity"),
    [
        ({"abn": "51 824 753 556"}, ["abn"], None),
        ({"email": "john.smith@example.COM"}, ["email"], None),
        ({"first_name": "John", "last_name": "Smith", "date_of_birth": "1980-02-29"}, ["person"], 1.0),
        ({"first_name": "JON", "last_name": "smith", "date_of_birth": "1980-02-29"}, ["person"], 0.62),
        (
            {
                "first_name": "Jon",
                "last_name": "Smith",
                "date_of_birth": "1980-02-29",
                "email": "john.smith@example.com",
                "abn": ABN,
            },
            ["abn", "email", "person"],
            0.62,
        ),
    ],
)
def test_a_person_is_found_by_what_is_the_same(broker, john, query, reasons, similarity):
    reply = broker.get(DUPLICATES, query)
    assert reply.status_code == 200
    assert reply.json()["results"] == [
        {
            "id": john.pk,
            "borrower_type": "individual",
            "borrower_type_display": "Individual",
            "display_name": "John Smith",
            "reasons": reasons,
            "similarity": similarity,
        }
    ]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"limit": 5},
        {"email": "smith@example.com"},
        {"acn": ACN},
        {"first_name": "John", "last_name": "Smith", "date_of_birth": "1980-02-28"},
        {"first_name": "Mary", "last_name": "Jones", "date_of_birth": "1980-02-29"},
        {"company_name": "John Smith"},
    ],
)
def test_who_is_not_alike_is_not_found(broker, john, query):
    reply = broker.get(DUPLICATES, query)
    assert (reply.status_code, reply.json()["results"]) == (200, [])


@pytest.mark.parametrize(
    ("query", "reasons"),
    [
        ({"acn": "004 085 616"}, ["acn"]),
        ({"company_name": "HARBOUR BUILDING PTY. LTD."}, ["company_name"]),
        ({"company_name": "Harbor Building Pty Ltd", "acn": ACN}, ["acn", "company_name"]),
    ],
)
def test_a_company_is_found_by_number_or_name(broker, firm, query, reasons):
    reply = broker.get(DUPLICATES, query)
    assert [(row["id"], row["reasons"]) for row in reply.json()["results"]] == [(firm.pk, reasons)]


@pytest.mark.parametrize("name", ["Wattle Plumbing Pty Ltd", "Building", "Pty Ltd", "Harbour Bakery Pty Ltd"])
def test_a_shared_word_or_legal_form_makes_no_duplicate(broker, firm, name):
    assert ids(broker.get(DUPLICATES, {"company_name": name})) == []


def test_a_borrower_is_compared_with_all_that_is_known_and_not_with_itself(world, admin, john):
    twin = BorrowerFactory.create(created_by=world.ours.broker_user, tax_id=TFN)
    cousin = BorrowerFactory.create(
        created_by=world.ours.broker_user, first_name="Jon", last_name="Smith", date_of_birth=BORN, tax_id=TFN
    )
    rows = admin.get(DUPLICATES, {"borrower": john.pk}).json()["results"]
    assert [(row["id"], row["reasons"]) for row in rows] == [
        (cousin.pk, ["tax_id", "person"]),
        (twin.pk, ["tax_id"]),
    ]
    assert ids(admin.get(DUPLICATES, {"borrower": john.pk, "limit": 1, "offset": 1})) == [twin.pk]
    page = admin.get(DUPLICATES, {"borrower": john.pk, "limit": 1, "cursor": ""}).json()
    assert [row["id"] for row in page["results"]] == [cousin.pk]
    assert ids(admin.get(page["next"])) == [twin.pk]


def test_only_visible_ones_are_named(world, api, john):
    for user, found in (
        (world.admin, [john.pk]),
        (world.ours.broker_user, [john.pk]),
        (world.theirs.broker_user, []),
    ):
        assert ids(api(user).get(DUPLICATES, {"abn": ABN})) == found
    theirs = api(world.theirs.broker_user)
    made = theirs.post(BORROWERS, {"first_name": "J", "last_name": "S", "tax_id": TFN, "abn": ABN})
    assert (made.status_code, made.json()["duplicates"]) == (201, [])
    assert api(world.ours.client_user).get(DUPLICATES, {"abn": ABN}).status_code == 403


NAME_ERROR = "A person is compared by both names and the date of birth together."


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"abn": "1"}, {"abn": ["This is not a valid ABN."]}),
        ({"acn": "1"}, {"acn": ["This is not a valid ACN."]}),
        ({"email": "x"}, {"email": ["Enter a valid email address."]}),
        ({"tax_id": TFN}, {"tax_id": ["There is no such field here."]}),
        ({"first_name": "A"}, {"last_name": [NAME_ERROR], "date_of_birth": [NAME_ERROR]}),
        ({"first_name": "A", "last_name": "B"}, {"date_of_birth": [NAME_ERROR]}),
    ],
)
def test_a_bad_question_is_refused_by_field(broker, query, errors):
    body = assert_refused(broker.get(DUPLICATES, query), 400, "invalid", **errors)
    assert TFN not in str(body)


def test_an_invisible_borrower_cannot_be_compared_with(world, broker):
    pk = world.theirs.borrower.pk
    message = f'Invalid pk "{pk}" - object does not exist.'
    assert_refused(broker.get(DUPLICATES, {"borrower": pk}), 400, "invalid", borrower=[message])


# --- the warning ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["broker", "bd"])
def test_a_guessed_tax_file_number_is_not_answered(world, api, john, role):
    client = api(world.user(role))
    body = {"first_name": "A", "last_name": "B", "tax_id": TFN}
    made = client.post(BORROWERS, body)
    assert (made.status_code, made.json()["duplicates"]) == (201, [])
    probe = BorrowerFactory.create(created_by=world.user(role))
    assert client.patch(f"{BORROWERS}{probe.pk}/", {"tax_id": TFN}).status_code == 200
    assert ids(client.get(DUPLICATES, {"borrower": probe.pk})) == []


def test_an_equal_tax_file_number_adds_nothing_to_another_likeness(broker, john):
    made = broker.post(BORROWERS, {"first_name": "A", "last_name": "B", "tax_id": TFN, "abn": ABN})
    assert [(row["id"], row["reasons"]) for row in made.json()["duplicates"]] == [(john.pk, ["abn"])]


def test_a_new_person_is_made_with_a_warning_that_later_reads_do_not_repeat(admin, john):
    body = {"first_name": "Jon", "last_name": "Smith", "date_of_birth": "1980-02-29", "tax_id": TFN}
    made = admin.post(BORROWERS, body)
    assert made.status_code == 201
    assert [(row["id"], row["reasons"]) for row in made.json()["duplicates"]] == [
        (john.pk, ["tax_id", "person"])
    ]
    shown = admin.get(f"{BORROWERS}{made.json()['id']}/")
    assert "duplicates" not in shown.json()
    assert shown["ETag"] == made["ETag"]
    assert "duplicates" not in admin.patch(f"{BORROWERS}{made.json()['id']}/", {"job_title": "Cook"}).json()


def test_a_new_company_is_made_with_a_warning(broker, firm):
    made = broker.post(f"{BORROWERS}company/", {"company_name": "Harbour Building", "acn": ACN})
    assert made.status_code == 201
    assert [(row["id"], row["reasons"]) for row in made.json()["duplicates"]] == [
        (firm.pk, ["acn", "company_name"])
    ]


def test_the_warning_names_at_most_ten(world, broker):
    for _ in range(12):
        BorrowerFactory.create(created_by=world.ours.broker_user, abn=ABN)
    made = broker.post(BORROWERS, {"first_name": "A", "last_name": "B", "abn": ABN})
    assert len(made.json()["duplicates"]) == 10


def test_duplicates_is_no_field_that_one_can_send(broker):
    with nothing_written():
        reply = broker.post(BORROWERS, {"first_name": "A", "last_name": "B", "duplicates": []})
    assert_refused(reply, 400, "invalid", duplicates=["There is no such field here."])


def test_a_key_that_is_being_replaced_still_finds_equal_numbers(admin, john, settings):
    from cryptography.fernet import Fernet

    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEYS]
    made = admin.post(BORROWERS, {"first_name": "A", "last_name": "B", "tax_id": TFN})
    assert [row["id"] for row in made.json()["duplicates"]] == [john.pk]


# --- indexes --------------------------------------------------------------------------------------------


def plan_of(rows):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        return rows.explain()


def test_every_reason_is_looked_for_in_an_index(world):
    everything = Likeness(
        abn=ABN,
        acn=ACN,
        tax_id=TFN,
        email="a@example.com",
        first_name="Jon",
        last_name="Smith",
        date_of_birth=BORN,
        company_name="Harbour Building",
    )
    plan = plan_of(duplicates(Borrower.objects.all(), everything, reader=world.admin))
    names = ("abn", "acn", "tax_id", "email", "born", "search")
    assert [name for name in names if f"borrower_{name}" not in plan] == [], plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize(
    ("model", "query", "index"),
    [
        ("borrowers", {"ordering": "last_name"}, "borrower_last_name"),
        ("borrowers", {"ordering": "company_name"}, "borrower_company_name"),
        ("borrowers", {"ordering": "-created_at"}, "borrower_recent"),
        ("borrowers", {"ordering": "updated_at"}, "borrower_changed"),
        ("borrowers", {"tag": "vip"}, "borrower_tags"),
        ("borrowers", {"search": "harbour"}, "borrower_search"),
        ("guarantors", {"ordering": "last_name"}, "guarantor_last_name"),
        ("guarantors", {"ordering": "company_name"}, "guarantor_company_name"),
        ("guarantors", {"search": "harbour"}, "guarantor_search"),
    ],
)
def test_orderings_and_searches_use_their_index(world, rf, model, query, index):
    from django.test.utils import CaptureQueriesContext
    from rest_framework.test import force_authenticate

    from borrowers.views import BorrowerViewSet, GuarantorViewSet

    view = {"borrowers": BorrowerViewSet, "guarantors": GuarantorViewSet}[model].as_view({"get": "list"})
    request = rf.get("/", {**query, "cursor": ""})
    force_authenticate(request, world.admin)
    with CaptureQueriesContext(connection) as captured:
        assert view(request).status_code == 200
    sql = next(entry["sql"] for entry in captured if f"borrowers_{model[:-1]}" in entry["sql"])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        # With a few rows any way is quick: leave the planner only ways of the kind that is meant. Filters
        # have more than one of those; tests/project/test_indexes.py asks for theirs.
        by_bitmap = {"search", "tag"} & query.keys()
        cursor.execute(f"SET LOCAL {'enable_indexscan' if by_bitmap else 'enable_sort'} = off")
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert index in plan, plan
