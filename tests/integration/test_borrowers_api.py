"""Borrowers and guarantors over HTTP."""

from typing import Any

import pytest

from borrowers.models import Borrower
from borrowers.serializers.parties import PERSON_FIELDS
from events.models import Event
from tests.factories import BorrowerFactory, UserFactory
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

BORROWERS = "/api/borrowers/"
GUARANTORS = "/api/guarantors/"
PERSON = {"first_name": "Ann", "last_name": "Lee"}
COMPANY = {"borrower_type": "company", "company_name": "Lee Pty Ltd", "abn": "51824753556"}
FULL_PERSON: dict[str, Any] = {
    **PERSON,
    "borrower_type": "individual",
    "date_of_birth": "1980-02-29",
    "email": "ann@example.com",
    "phone": "02 9374 4000",
    "address": {
        "street": "1 Pitt St",
        "city": "Sydney",
        "state": "NSW",
        "postcode": "2000",
        "country": "AU",
    },
    "marital_status": "de_facto",
    "residency_status": "permanent_resident",
    "employment_type": "self_employed",
    "employer": "Herself",
    "job_title": "Baker",
    "months_employed": 30,
    "annual_income": "120000.50",
    "other_income": "0.00",
    "monthly_expenses": "3000.00",
    "referral_source": "A friend",
    "tags": ["first home", "vip"],
}


def ids(reply):
    assert reply.status_code == 200
    return [row["id"] for row in reply.json()["results"]]


def url_of(party):
    base = BORROWERS if isinstance(party, Borrower) else GUARANTORS
    return f"{base}{party.pk}/"


# --- people ---------------------------------------------------------------------------------------


def test_a_person_is_created_with_everything_and_read_back(world, broker):
    made = broker.post(BORROWERS, FULL_PERSON)
    assert made.status_code == 201
    shown = broker.get(f"{BORROWERS}{made.json()['id']}/")
    assert shown.status_code == 200
    assert {**shown.json(), "duplicates": []} == made.json()
    assert shown["ETag"] == made["ETag"]
    expected = {**FULL_PERSON, "phone": "+61293744000"}
    assert {name: shown.json()[name] for name in expected} == expected
    assert shown.json()["display_name"] == "Ann Lee"
    assert shown.json()["marital_status_display"] == "De facto"
    assert shown.json()["residency_status_display"] == "Permanent resident"
    assert shown.json()["employment_type_display"] == "Self-employed"
    assert shown.json()["user"] is None
    assert Borrower.objects.get(pk=made.json()["id"]).created_by == world.ours.broker_user
    event = Event.objects.latest("pk")
    assert (event.type, event.data, event.subject_id) == (
        "borrower.created",
        {"label": "Ann Lee"},
        made.json()["id"],
    )


def test_empty_dates_and_numbers_are_read_as_null(broker):
    empty = {
        "date_of_birth": "",
        "annual_income": "",
        "other_income": "",
        "monthly_expenses": "",
        "months_employed": "",
        "years_in_business": "",
        "annual_revenue": "",
        "user": "",
    }
    made = broker.post(BORROWERS, {**PERSON, **empty})
    assert made.status_code == 201
    assert {name: made.json()[name] for name in empty} == dict.fromkeys(empty)


def test_a_number_that_was_known_can_be_emptied(broker):
    made = broker.post(BORROWERS, FULL_PERSON).json()
    reply = broker.patch(f"{BORROWERS}{made['id']}/", {"annual_income": "", "date_of_birth": ""})
    assert reply.status_code == 200
    assert (reply.json()["annual_income"], reply.json()["date_of_birth"]) == (None, None)


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"first_name": ""}, {"first_name": ["A person needs both names."]}),
        ({"last_name": None}, {"last_name": ["This field may not be null."]}),
        ({"date_of_birth": "29.02.1980"}, None),
        (
            {"date_of_birth": "1899-12-31"},
            {"date_of_birth": ["A date of birth lies between 1900 and today."]},
        ),
        (
            {"date_of_birth": "2999-01-01"},
            {"date_of_birth": ["A date of birth lies between 1900 and today."]},
        ),
        ({"abn": "51824753557"}, {"abn": ["This is not a valid ABN."]}),
        ({"acn": "004085617"}, {"acn": ["This is not a valid ACN."]}),
        ({"phone": "0412 345"}, {"phone": ["This is not a valid phone number."]}),
        ({"email": "ann@"}, {"email": ["Enter a valid email address."]}),
        ({"annual_income": "-1"}, {"annual_income": ["Ensure this value is greater than or equal to 0."]}),
        ({"annual_income": "much"}, {"annual_income": ["A valid number is required."]}),
        ({"annual_income": "NaN"}, {"annual_income": ["A valid number is required."]}),
        ({"annual_income": "1.001"}, None),
        ({"months_employed": -1}, None),
        ({"months_employed": 1.5}, {"months_employed": ["A valid integer is required."]}),
        ({"marital_status": "happy"}, {"marital_status": ['"happy" is not a valid choice.']}),
        ({"tags": "vip"}, {"tags": ['Expected a list of items but got type "str".']}),
        ({"tags": ["x" * 41]}, None),
        ({"favourite_colour": "red"}, {"favourite_colour": ["There is no such field here."]}),
        ({"created_by": 1}, {"created_by": ["There is no such field here."]}),
        (
            {"address": {"postcode": "20"}},
            {"address": {"postcode": ["An Australian postcode has 4 digits."]}},
        ),
        ({"address": {"state": "NZ"}}, {"address": {"state": ['"NZ" is not a valid choice.']}}),
        ({"address": {"planet": "Mars"}}, {"address": {"planet": ["There is no such field here."]}}),
        ({"address": {"country": "Australia"}}, None),
        ({"address": "1 Pitt St"}, None),
    ],
)
def test_a_bad_person_is_refused_by_field(broker, change, errors):
    with nothing_written():
        reply = broker.post(BORROWERS, {**PERSON, **change})
    assert reply.status_code == 400
    assert reply.json()["code"] == "invalid"
    assert list(reply.json()["errors"]) == list(change)
    if errors is not None:
        assert reply.json()["errors"] == errors


@pytest.mark.parametrize("body", ["[]", '"x"', "3", "null", "{", ""])
def test_a_body_that_is_no_object_is_refused(broker, body):
    with nothing_written():
        reply = broker.generic("POST", BORROWERS, body, content_type="application/json")
    assert reply.status_code == 400
    assert reply["Content-Type"] == "application/problem+json"


def test_an_address_is_changed_without_losing_its_other_parts(broker):
    made = broker.post(BORROWERS, FULL_PERSON).json()
    reply = broker.patch(f"{BORROWERS}{made['id']}/", {"address": {"street": "2 Pitt St"}})
    assert reply.json()["address"] == {**FULL_PERSON["address"], "street": "2 Pitt St"}
    event = Event.objects.latest("pk")
    assert (event.type, event.data["field_names"]) == ("borrower.updated", "street")


def test_a_change_that_changes_nothing_tells_nobody(broker):
    made = broker.post(BORROWERS, FULL_PERSON).json()
    events = Event.objects.count()
    assert broker.patch(f"{BORROWERS}{made['id']}/", FULL_PERSON).status_code == 200
    assert Event.objects.count() == events


# --- companies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"abn": "51 824 753 556"}, {"abn": "51824753556", "acn": ""}),
        ({"acn": "004 085 616"}, {"abn": "", "acn": "004085616"}),
        ({"abn": "51-824-753-556", "acn": "004085616"}, {"abn": "51824753556", "acn": "004085616"}),
    ],
)
def test_a_company_needs_its_name_and_an_abn_or_acn(broker, given, kept):
    made = broker.post(f"{BORROWERS}company/", {"company_name": "Lee Pty Ltd", **given})
    assert made.status_code == 201
    shown = broker.get(f"{BORROWERS}{made.json()['id']}/").json()
    assert {**shown, "duplicates": []} == made.json()
    assert {name: shown[name] for name in kept} == kept
    assert (shown["borrower_type"], shown["display_name"]) == ("company", "Lee Pty Ltd")


def test_a_company_may_also_be_created_among_the_borrowers(broker):
    body = {**COMPANY, "business_type": "pty_ltd", "years_in_business": 4, "annual_revenue": "1000000.00"}
    made = broker.post(BORROWERS, body)
    assert made.status_code == 201
    assert {name: made.json()[name] for name in body} == body


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"abn": "51824753556"}, ["company_name"]),
        ({"company_name": "", "abn": "51824753556"}, ["company_name"]),
        ({"company_name": "Lee"}, ["abn"]),
        ({}, ["company_name", "abn"]),
        ({"company_name": "Lee", "abn": "51824753556", "first_name": "Ann"}, ["first_name"]),
        ({"company_name": "Lee", "abn": "51824753556", "marital_status": "single"}, ["marital_status"]),
    ],
)
def test_a_bad_company_is_refused_by_field(broker, body, fields):
    with nothing_written():
        reply = broker.post(f"{BORROWERS}company/", body)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == fields


def test_a_person_cannot_become_a_company_without_its_name(broker):
    made = broker.post(BORROWERS, PERSON).json()
    with nothing_written():
        reply = broker.patch(f"{BORROWERS}{made['id']}/", {"borrower_type": "company"})
    assert reply.status_code == 400
    stored = sorted(name for name in PERSON if name in PERSON_FIELDS)
    assert sorted(reply.json()["errors"]) == sorted(["abn", "company_name", *stored])


# --- the client and the login ---------------------------------------------------------------------


def test_a_client_edits_own_contact_data(world, api):
    client = api(world.ours.client_user)
    body = {
        "email": "new@example.com",
        "phone": "0412345678",
        "address": {"street": "3 Pitt St", "city": "Sydney", "state": "NSW", "postcode": "2000"},
    }
    reply = client.patch(url_of(world.ours.borrower), body)
    assert reply.status_code == 200
    shown = client.get(url_of(world.ours.borrower)).json()
    assert shown == reply.json()
    assert (shown["email"], shown["phone"]) == ("new@example.com", "+61412345678")
    assert shown["address"]["street"] == "3 Pitt St"


@pytest.mark.parametrize(
    "change",
    [
        {"annual_income": "1000000.00"},
        {"last_name": "Rich"},
        {"tags": ["vip"]},
        {"residency_status": "citizen"},
        {"email": "new@example.com", "first_name": "Other"},
    ],
)
def test_a_client_edits_nothing_else(world, api, change):
    client = api(world.ours.client_user)
    with nothing_written():
        reply = client.patch(url_of(world.ours.borrower), change)
    assert reply.status_code == 400
    name = list(change)[-1]
    assert reply.json()["errors"] == {name: ["Ask your broker or the lender to change this."]}


@pytest.mark.parametrize("role", ["admin", "bd", "broker", "client"])
def test_what_was_read_may_be_sent_back(world, api, role):
    client = api(world.user(role))
    shown = client.get(url_of(world.ours.borrower)).json()
    writable = {
        name: value
        for name, value in shown.items()
        if not name.endswith("_display") and name not in ("id", "display_name", "created_at", "updated_at")
    }
    events = Event.objects.count()
    assert client.put(url_of(world.ours.borrower), writable).status_code == 200
    assert Event.objects.count() == events


def test_a_client_sees_no_other_profile(world, api):
    client = api(world.ours.client_user)
    assert ids(client.get(BORROWERS)) == [world.ours.borrower.pk]
    with nothing_written():
        assert client.patch(url_of(world.theirs.borrower), {"email": "x@example.com"}).status_code == 404
        assert client.post(BORROWERS, PERSON).status_code == 403
        assert client.post(f"{BORROWERS}company/", {}).status_code == 403
        assert client.delete(url_of(world.ours.borrower)).status_code == 403


def test_only_administrators_link_a_login(world, api, admin):
    free = UserFactory.create(role="client")
    for role in ("bd", "broker"):
        client = api(world.user(role))
        with nothing_written():
            reply = client.patch(url_of(world.ours.borrower), {"user": free.pk})
        assert reply.status_code == 400, role
        assert list(reply.json()["errors"]) == ["user"]
    assert admin.patch(url_of(world.ours.borrower), {"user": free.pk}).status_code == 200
    assert admin.get(url_of(world.ours.borrower)).json()["user"] == free.pk
    assert api(free).get(url_of(world.ours.borrower)).status_code == 200
    with nothing_written():
        reply = admin.patch(url_of(world.ours.borrower), {"user": world.ours.broker_user.pk})
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == ["user"]


def test_nobody_but_an_administrator_takes_a_login_away(world, api, admin):
    for role in ("bd", "broker", "client"):
        client = api(world.user(role))
        with nothing_written():
            reply = client.patch(url_of(world.ours.borrower), {"user": None})
        assert reply.status_code == 400, role
        assert list(reply.json()["errors"]) == ["user"]
    assert admin.patch(url_of(world.ours.borrower), {"user": None}).status_code == 200


# --- who sees whom --------------------------------------------------------------------------------


def test_each_role_sees_its_borrowers(world, api):
    mine = BorrowerFactory.create(created_by=world.ours.broker_user)
    of_staff = BorrowerFactory.create(created_by=world.ours.bd_user)
    nobodys = BorrowerFactory.create()
    ours, theirs = world.ours.borrower.pk, world.theirs.borrower.pk
    for role, seen in (
        ("admin", [ours, theirs, mine.pk, of_staff.pk, nobodys.pk]),
        ("bd", [ours, of_staff.pk]),
        ("broker", [ours, mine.pk]),
        ("client", [ours]),
    ):
        client = api(world.user(role))
        assert sorted(ids(client.get(BORROWERS))) == sorted(seen), role
        for party in (mine, of_staff, nobodys, world.theirs.borrower):
            status = client.get(url_of(party)).status_code
            assert status == (200 if party.pk in seen else 404), (role, party)


@pytest.mark.parametrize("role", ["bd", "broker"])
def test_an_invisible_borrower_cannot_be_changed(world, api, role):
    client = api(world.user(role))
    with nothing_written():
        for method in (client.put, client.patch):
            assert method(url_of(world.theirs.borrower), PERSON).status_code == 404
        assert client.delete(url_of(world.ours.borrower)).status_code == 403


def test_a_borrower_on_two_applications_is_listed_once(world, api):
    client = api(world.ours.broker_user)
    made = client.post(
        "/api/applications/",
        {"loan_amount": "1", "loan_term": 1, "interest_rate": "1", "borrowers": [world.ours.borrower.pk]},
    )
    assert made.status_code == 201
    reply = client.get(BORROWERS)
    assert (reply.json()["count"], ids(reply)) == (1, [world.ours.borrower.pk])
    reply = client.get(f"{BORROWERS}?has_applications=true")
    assert (reply.json()["count"], ids(reply)) == (1, [world.ours.borrower.pk])
    reply = client.get(url_of(world.ours.borrower) + "applications/")
    assert sorted(ids(reply)) == sorted([world.ours.application.pk, made.json()["id"]])


def test_the_applications_of_a_borrower_are_those_that_the_caller_sees(world, api):
    shared = world.ours.borrower
    world.theirs.application.borrowers.add(shared)
    url = url_of(shared) + "applications/"
    ours, theirs = world.ours.application.pk, world.theirs.application.pk
    for user, seen in (
        (world.admin, [ours, theirs]),
        (world.ours.broker_user, [ours]),
        (world.theirs.broker_user, [theirs]),
        (world.ours.client_user, [ours, theirs]),
    ):
        assert sorted(ids(api(user).get(url))) == sorted(seen)
    assert api(world.theirs.client_user).get(url).status_code == 404


# --- finding --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["free", "firm", "theirs", "ours"]),
        ("ordering=created_at", ["ours", "theirs", "firm", "free"]),
        ("ordering=last_name", ["firm", "free", "ours", "theirs"]),
        ("borrower_type=company", ["firm"]),
        ("is_company=true", ["firm"]),
        ("is_company=false", ["free", "theirs", "ours"]),
        ("borrower_type=robot", []),
        ("residency_status=citizen", ["free"]),
        ("residency_status=martian", []),
        ("marital_status=widowed", ["free"]),
        ("state=VIC", ["free"]),
        ("tag=vip", ["free"]),
        ("tag=vi", []),
        ("ordering=-company_name", ["firm", "free", "theirs", "ours"]),
        ("ordering=-updated_at", ["free", "firm", "theirs", "ours"]),
        ("has_applications=true", ["theirs", "ours"]),
        ("has_applications=false", ["free", "firm"]),
        ("search=acme", ["firm"]),
        ("search=FREE@example", ["free"]),
        ("search=aardvark", ["free"]),
        ("search=nobody", []),
        ("limit=1", ["free"]),
        ("limit=2&offset=1", ["firm", "theirs"]),
        ("search=fred aardvark", ["free"]),
    ],
)
def test_borrowers_are_filtered_searched_and_ordered(world, admin, query, expected):
    Borrower.objects.filter(pk=world.ours.borrower.pk).update(last_name="M")
    Borrower.objects.filter(pk=world.theirs.borrower.pk).update(last_name="N")
    rows = {"ours": world.ours.borrower, "theirs": world.theirs.borrower}
    rows["firm"] = BorrowerFactory.create(
        borrower_type="company", company_name="Acme", first_name="", last_name="", email=""
    )
    rows["free"] = BorrowerFactory.create(
        first_name="Fred",
        last_name="Aardvark",
        email="free@example.com",
        residency_status="citizen",
        marital_status="widowed",
        state="VIC",
        tags=["first home", "vip"],
    )
    found = ids(admin.get(f"{BORROWERS}?{query}"))
    by_pk = {row.pk: name for name, row in rows.items()}
    assert [by_pk[pk] for pk in found] == expected


def test_a_malformed_filter_is_refused(admin):
    for query, field in (("ordering=email", "ordering"),):
        reply = admin.get(f"{BORROWERS}?{query}")
        assert reply.status_code == 400
        assert list(reply.json()["errors"]) == [field]


# --- deleting -------------------------------------------------------------------------------------


def test_a_borrower_on_an_application_stays(world, admin):
    with nothing_written():
        reply = admin.delete(url_of(world.ours.borrower))
    assert reply.status_code == 409
    assert reply.json()["detail"] == "Other records refer to this one, so it has to stay."


def test_a_free_borrower_is_deleted(admin):
    free = BorrowerFactory.create()
    assert admin.delete(url_of(free)).status_code == 204
    assert not Borrower.objects.filter(pk=free.pk).exists()
    event = Event.objects.latest("pk")
    assert (event.type, event.subject_id) == ("borrower.deleted", free.pk)
