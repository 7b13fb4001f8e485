"""Applications over HTTP: opening, finding, reading, editing, deleting, and the people on them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from applications.models import (
    Application,
    ApplicationBorrower,
    ApplicationGuarantor,
    FundingCalculation,
    Security,
    StageChange,
)
from borrowers.models import Borrower, Guarantor
from events.models import Event
from tests.factories import (
    ApplicationFactory,
    BorrowerFactory,
    BrokerFactory,
    GuarantorFactory,
    SecurityFactory,
    UserFactory,
)
from tests.threads import statuses, together
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

APPLICATIONS = "/api/applications/"
CASCADE = f"{APPLICATIONS}create-with-cascade/"
TERMS = {"loan_amount": "450000.00", "loan_term": 360, "interest_rate": "6.2500"}
FUNDING = {
    "establishment_fee_rate": "1.5",
    "capped_interest_months": 9,
    "monthly_line_fee_rate": "0.1",
    "brokerage_fee_rate": "1",
    "application_fee": "500",
    "due_diligence_fee": "750.00",
    "legal_fee_before_gst": "1000",
    "valuation_fee": "880",
    "monthly_account_fee": "10",
}


def ids(reply):
    assert reply.status_code == 200
    return [row["id"] for row in reply.json()["results"]]


def url(application, tail=""):
    pk = application if isinstance(application, int) else application.pk
    return f"{APPLICATIONS}{pk}/{tail}"


def submit(application):
    Application.objects.filter(pk=application.pk).update(stage="app_submitted")


@pytest.fixture
def admin(world, api):
    return api(world.admin)


@pytest.fixture
def broker(world, api):
    return api(world.ours.broker_user)


@pytest.fixture
def client(world, api):
    return api(world.ours.client_user)


# --- opening --------------------------------------------------------------------------------------


def test_a_broker_opens_an_application_of_their_own(world, broker):
    body = {
        **TERMS,
        "application_type": "refinance",
        "purpose": "A better rate.",
        "repayment_frequency": "fortnightly",
        "estimated_settlement_date": "2030-01-31",
        "bd": world.ours.bdm.pk,
        "borrowers": [world.ours.borrower.pk],
        "guarantors": [world.ours.guarantor.pk],
    }
    made = broker.post(APPLICATIONS, body)
    assert made.status_code == 201
    pk = made.json()["id"]
    assert made["Location"] == f"http://testserver{url(pk)}"
    shown = broker.get(url(pk))
    assert shown.json() == made.json()
    assert shown["ETag"] == made["ETag"]
    data = shown.json()
    terms = [*TERMS, "application_type", "purpose", "repayment_frequency", "estimated_settlement_date"]
    assert {name: data[name] for name in terms} == {name: body[name] for name in terms}
    assert (data["stage"], data["stage_display"], data["came_from"]) == ("inquiry", "Inquiry", "")
    assert (data["application_type_display"], data["repayment_frequency_display"]) == (
        "Refinance",
        "Fortnightly",
    )
    assert data["broker"] == {"id": world.ours.broker.pk, "name": world.ours.broker.full_name}
    assert data["bd"] == {"id": world.ours.bdm.pk, "name": world.ours.bd_user.full_name}
    assert data["branch"] == {"id": world.ours.branch.pk, "name": world.ours.branch.name}
    assert [party["id"] for party in data["borrowers"]] == [world.ours.borrower.pk]
    assert [party["id"] for party in data["guarantors"]] == [world.ours.guarantor.pk]
    assert (data["securities"], data["loan_to_value_ratio"]) == ([], None)
    reference = data["reference_number"]
    assert len(reference) == 12
    assert reference.startswith("APP-")
    application = Application.objects.get(pk=pk)
    assert application.created_by == world.ours.broker_user
    move = StageChange.objects.get(application=application)
    assert (move.from_stage, move.to_stage, move.actor) == ("", "inquiry", world.ours.broker_user)
    event = Event.objects.latest("pk")
    assert (event.type, event.subject_id, event.application_id) == ("application.created", pk, pk)
    assert event.recipients == sorted([world.admin.pk, world.ours.bd_user.pk, world.ours.client_user.pk])


def test_a_broker_without_a_profile_is_told_so(api):
    lone = api(UserFactory.create(role="broker"))
    with nothing_written():
        reply = lone.post(APPLICATIONS, TERMS)
    assert reply.status_code == 400
    assert reply.json()["errors"] == {
        "broker": ["Your login has no broker profile yet. Ask the lender for one."]
    }


def test_an_administrator_opens_one_for_anybody(world, admin):
    other = BrokerFactory.create(branch=world.theirs.branch)
    made = admin.post(APPLICATIONS, {**TERMS, "broker": other.pk, "approved_amount": "400000.00"})
    assert made.status_code == 201
    shown = admin.get(url(made.json()["id"])).json()
    assert (shown["broker"]["id"], shown["branch"]["id"]) == (other.pk, world.theirs.branch.pk)
    assert shown["approved_amount"] == "400000.00"


def test_the_branch_is_the_bdms_rather_than_the_brokers(world, admin):
    body = {**TERMS, "broker": world.ours.broker.pk, "bd": world.theirs.bdm.pk}
    assert admin.post(APPLICATIONS, body).json()["branch"]["id"] == world.theirs.branch.pk


def test_a_client_opens_one_with_their_own_profile(world, client):
    made = client.post(APPLICATIONS, TERMS)
    assert made.status_code == 201
    shown = client.get(url(made.json()["id"])).json()
    assert [party["id"] for party in shown["borrowers"]] == [world.ours.borrower.pk]
    assert (shown["broker"], shown["bd"], shown["branch"]) == (None, None, None)
    assert Borrower.objects.filter(user=world.ours.client_user).count() == 1


def test_a_clients_profile_is_made_at_the_first_application(api):
    user = UserFactory.create(first_name="Nia", last_name="New", phone="+61412345678")
    client = api(user)
    made = client.post(APPLICATIONS, TERMS)
    assert made.status_code == 201
    profile = Borrower.objects.get(user=user)
    assert (profile.first_name, profile.last_name) == ("Nia", "New")
    assert (profile.email, profile.phone, profile.created_by) == (user.email, "+61412345678", user)
    assert [party["id"] for party in made.json()["borrowers"]] == [profile.pk]
    assert Event.objects.filter(type="borrower.created", subject_id=profile.pk).count() == 1
    assert client.post(APPLICATIONS, TERMS).status_code == 201
    assert Borrower.objects.filter(user=user).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_first_applications_at_once_make_one_profile(api):
    user = UserFactory.create()
    one, two = api(user), api(user)
    replies = together(lambda: one.post(APPLICATIONS, TERMS), lambda: two.post(APPLICATIONS, TERMS))
    assert statuses(replies) == [201, 201]
    assert Borrower.objects.filter(user=user).count() == 1
    assert Application.objects.count() == ApplicationBorrower.objects.count() == 2


def test_a_bdm_opens_none(world, api):
    staff = api(world.ours.bd_user)
    with nothing_written():
        assert staff.post(APPLICATIONS, TERMS).status_code == 403
        assert staff.post(CASCADE, TERMS).status_code == 403


@pytest.mark.parametrize(
    ("role", "field"),
    [
        ("broker", "approved_amount"),
        ("broker", "branch"),
        ("broker", "broker"),
        ("client", "approved_amount"),
        ("client", "branch"),
        ("client", "broker"),
    ],
)
@pytest.mark.parametrize("address", [APPLICATIONS, CASCADE])
def test_what_is_the_lenders_to_set_is_refused(world, api, role, field, address):
    value = {"approved_amount": "1.00", "branch": world.ours.branch.pk, "broker": world.ours.broker.pk}[field]
    caller = api(world.user(role))
    with nothing_written():
        reply = caller.post(address, {**TERMS, field: value})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {field: ["This is not yours to set."]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"loan_amount": "0"}, "loan_amount"),
        ({"loan_amount": "-5"}, "loan_amount"),
        ({"loan_amount": ""}, "loan_amount"),
        ({"loan_amount": None}, "loan_amount"),
        ({"loan_amount": "1.005"}, "loan_amount"),
        ({"loan_amount": "1e30"}, "loan_amount"),
        ({"loan_amount": "Infinity"}, "loan_amount"),
        ({"loan_term": 0}, "loan_term"),
        ({"loan_term": 601}, "loan_term"),
        ({"loan_term": "long"}, "loan_term"),
        ({"interest_rate": "-0.1"}, "interest_rate"),
        ({"interest_rate": "100.1"}, "interest_rate"),
        ({"application_type": "boat"}, "application_type"),
        ({"repayment_frequency": "daily"}, "repayment_frequency"),
        ({"estimated_settlement_date": "31/01/2030"}, "estimated_settlement_date"),
        ({"purpose": "x" * 501}, "purpose"),
        ({"borrowers": [0]}, "borrowers"),
        ({"borrowers": 3}, "borrowers"),
        ({"bd": 0}, "bd"),
        ({"stage": "settled"}, "stage"),
        ({"reference_number": "APP-00000000"}, "reference_number"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_bad_terms_are_refused_by_field(broker, change, field):
    with nothing_written():
        reply = broker.post(APPLICATIONS, {**TERMS, **change})
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


def test_missing_terms_are_named(broker):
    with nothing_written():
        reply = broker.post(APPLICATIONS, {})
    assert reply.json()["errors"] == {name: ["This field is required."] for name in TERMS}


def test_an_empty_date_is_read_as_null(broker):
    made = broker.post(APPLICATIONS, {**TERMS, "estimated_settlement_date": "", "bd": ""})
    assert made.status_code == 201
    assert (made.json()["estimated_settlement_date"], made.json()["bd"]) == (None, None)


def test_invisible_people_cannot_be_put_on_a_new_application(world, broker):
    for field, row in (("borrowers", world.theirs.borrower), ("guarantors", world.theirs.guarantor)):
        with nothing_written():
            reply = broker.post(APPLICATIONS, {**TERMS, field: [row.pk]})
        assert reply.status_code == 400
        assert list(reply.json()["errors"]) == [field]


@pytest.mark.parametrize("field", ["borrowers", "guarantors"])
def test_a_party_named_twice_is_refused(world, broker, field):
    pk = getattr(world.ours, field.removesuffix("s")).pk
    with nothing_written():
        reply = broker.post(APPLICATIONS, {**TERMS, field: [pk, pk]})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {field: ["Each may be named once."]}


# --- everything at once ---------------------------------------------------------------------------


def cascade_body():
    return {
        **TERMS,
        "borrowers": [
            {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com", "phone": "0412345678"},
            {"first_name": "Bob", "last_name": "Lee", "email": "bob@example.com"},
        ],
        "company_borrowers": [{"company_name": "Lee Pty Ltd", "abn": "51824753556"}],
        "guarantors": [{"first_name": "Cy", "last_name": "Lee", "relationship": "parent"}],
        "securities": [
            {"security_type": "first_mortgage", "value": "600000.00", "state": "NSW", "postcode": "2000"},
            {"security_type": "caveat", "value": "100000.00"},
        ],
        "funding_calculation_input": dict(FUNDING),
    }


def test_a_cascade_writes_everything_and_every_part_can_be_read(world, broker):
    made = broker.post(CASCADE, cascade_body())
    assert made.status_code == 201
    pk = made.json()["id"]
    shown = broker.get(url(pk)).json()
    assert shown == made.json()
    people = [party["display_name"] for party in shown["borrowers"]]
    assert people == ["Ann Lee", "Bob Lee", "Lee Pty Ltd"]
    assert [party["display_name"] for party in shown["guarantors"]] == ["Cy Lee"]
    assert [security["value"] for security in shown["securities"]] == ["600000.00", "100000.00"]
    assert shown["loan_to_value_ratio"] == "64.29"
    assert shown["broker"]["id"] == world.ours.broker.pk
    for party in shown["borrowers"]:
        read = broker.get(f"/api/borrowers/{party['id']}/")
        assert read.status_code == 200
        assert read.json()["display_name"] == party["display_name"]
    assert broker.get(f"/api/borrowers/{shown['borrowers'][0]['id']}/").json()["phone"] == "+61412345678"
    read = broker.get(f"/api/guarantors/{shown['guarantors'][0]['id']}/").json()
    assert read["relationship"] == "parent"
    assert ids(broker.get(url(pk, "borrowers/"))) == [party["id"] for party in shown["borrowers"]]
    assert ids(broker.get(url(pk, "guarantors/"))) == [shown["guarantors"][0]["id"]]
    assert ids(broker.get(url(pk, "securities/"))) == [row["id"] for row in shown["securities"]]
    runs = broker.get(url(pk, "funding-calculation-history/")).json()
    assert runs["count"] == 1
    assert runs["results"][0]["result"]["establishment_fee"] == "7425.00"
    assert runs["results"][0]["result"]["security_value_less_fees"] is not None
    types = [entry["type"] for entry in broker.get(url(pk, "timeline/")).json()["results"]]
    assert types == ["application.funding_calculated", "application.created"]
    assert Event.objects.filter(type="borrower.created").count() == 3
    assert Event.objects.filter(type="guarantor.created").count() == 1
    assert broker.get(made["Location"]).status_code == 200


def test_a_clients_cascade_has_their_own_profile(world, client):
    made = client.post(CASCADE, {**TERMS, "securities": cascade_body()["securities"][:1]})
    assert made.status_code == 201
    names = [party["display_name"] for party in made.json()["borrowers"]]
    assert names == [world.ours.borrower.display_name]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("borrowers.1.email", "not an address"),
        ("borrowers.0.last_name", ""),
        ("borrowers.1.address", {"postcode": "1"}),
        ("borrowers.1.user", 1),
        ("company_borrowers.0.abn", "51824753557"),
        ("company_borrowers.0.first_name", "Ann"),
        ("guarantors.0.relationship", "pet"),
        ("guarantors.0.colour", "red"),
        ("securities.1.value", "-1"),
        ("securities.0.security_type", "promise"),
        ("funding_calculation_input.application_fee", "-1"),
        ("funding_calculation_input.valuation_fee", None),
    ],
)
def test_a_cascade_with_one_mistake_writes_nothing_and_names_its_path(broker, path, value):
    body = cascade_body()
    *parents, name = path.split(".")
    target = body
    for part in parents:
        target = target[int(part) if part.isdigit() else part]
    target[name] = value
    with nothing_written():
        reply = broker.post(CASCADE, body)
    assert reply.status_code == 400
    errors = reply.json()["errors"]
    for part in path.split("."):
        assert list(errors) == [part]
        errors = errors[part]


def test_a_cascade_that_fails_half_way_leaves_nothing(broker, monkeypatch):
    def broken(**kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr("applications.services.cascade.funding_calculate", broken)
    broker.raise_request_exception = False
    with nothing_written():
        assert broker.post(CASCADE, cascade_body()).status_code == 500


def test_a_cascade_of_a_broker_without_a_profile_leaves_nothing(api):
    lone = api(UserFactory.create(role="broker"))
    with nothing_written():
        reply = lone.post(CASCADE, cascade_body())
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == ["broker"]


# --- finding --------------------------------------------------------------------------------------


def test_each_role_sees_its_applications(world, api):
    free = ApplicationFactory.create()
    branch_only = ApplicationFactory.create(branch=world.ours.branch)
    ours, theirs = world.ours.application.pk, world.theirs.application.pk
    for role, seen in (
        ("admin", [ours, theirs, free.pk, branch_only.pk]),
        ("bd", [ours, branch_only.pk]),
        ("broker", [ours]),
        ("client", [ours]),
    ):
        caller = api(world.user(role))
        assert sorted(ids(caller.get(APPLICATIONS))) == sorted(seen), role
        for pk in (theirs, free.pk, branch_only.pk):
            assert caller.get(url(pk)).status_code == (200 if pk in seen else 404), (role, pk)


def test_a_row_of_the_list_is_flat_and_light(world, broker):
    row = broker.get(APPLICATIONS).json()["results"][0]
    assert row["broker_name"] == world.ours.broker.full_name
    assert row["bd_name"] == world.ours.bd_user.full_name
    assert row["branch_name"] == world.ours.branch.name
    assert (row["borrower_count"], row["loan_amount"], row["stage"]) == (1, "450000.00", "inquiry")
    assert not any(isinstance(value, dict | list) for value in row.values())


QUERIES = [
    ("", "cba"),
    ("stage=inquiry", "cb"),
    ("stage=settled", "a"),
    ("stage=funded", "a"),
    ("stage=nowhere", ""),
    ("application_type=smsf", "b"),
    ("application_type=boat", ""),
    ("repayment_frequency=weekly", "c"),
    ("min_loan_amount=200", "cb"),
    ("max_loan_amount=200", "ba"),
    ("min_loan_amount=150&max_loan_amount=250", "b"),
    ("min_interest_rate=6", "cb"),
    ("max_interest_rate=5.5", "a"),
    ("date_from=2021-02-01", "cb"),
    ("date_to=2021-02-01", "ba"),
    ("date_from=2021-02-01&date_to=2021-02-01", "b"),
    ("created_after=2021-02-01T00:00:00Z", "cb"),
    ("created_before=2021-02-01T00:00:00Z", "a"),
    ("search=app-bbbb", "b"),
    ("search=HOUSE", "a"),
    ("search=nothing", ""),
    ("ordering=loan_amount", "abc"),
    ("ordering=-loan_amount", "cba"),
    ("ordering=created_at", "abc"),
    ("ordering=interest_rate,-created_at", "acb"),
    ("ordering=stage_entered_at", "cba"),
    ("ordering=-reference_number", "cba"),
    ("ordering=estimated_settlement_date,reference_number", "abc"),
    ("limit=2", "cb"),
    ("limit=2&offset=2", "a"),
    ("offset=5", ""),
    ("limit=1&offset=1&ordering=created_at", "b"),
]


@pytest.fixture
def three(db):
    """a, b and c."""
    made = {}
    for number, (name, extra) in enumerate(
        {
            "a": {"purpose": "Buy a house", "stage": "settled", "interest_rate": Decimal(5)},
            "b": {"application_type": "smsf", "interest_rate": Decimal(7)},
            "c": {"repayment_frequency": "weekly", "interest_rate": Decimal(6)},
        }.items(),
        start=1,
    ):
        moment = datetime(2021, number, 1, 12, tzinfo=UTC)
        row = ApplicationFactory.create(
            loan_amount=Decimal(100 * number),
            reference_number=f"APP-{name.upper() * 8}",
            stage_entered_at=moment.replace(month=13 - number),
            **extra,
        )
        Application.objects.filter(pk=row.pk).update(created_at=moment)
        made[row.pk] = name
    return made


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_applications_are_filtered_searched_and_ordered(three, api, query, expected):
    reply = api(UserFactory.create(role="admin")).get(f"{APPLICATIONS}?{query}")
    assert "".join(three[pk] for pk in ids(reply)) == expected


def test_applications_are_found_by_their_people(world, admin):
    ours = [world.ours.application.pk]
    for query in (
        f"broker={world.ours.broker.pk}",
        f"bd={world.ours.bdm.pk}",
        f"branch={world.ours.branch.pk}",
        f"borrower={world.ours.borrower.pk}",
    ):
        assert ids(admin.get(f"{APPLICATIONS}?{query}")) == ours, query
    assert ids(admin.get(f"{APPLICATIONS}?borrower={2**31}")) == []


def test_applications_are_searched_by_the_names_of_their_people(world, admin):
    for party in (world.ours.broker, world.ours.borrower):
        for word in (party.last_name, party.email):
            assert ids(admin.get(f"{APPLICATIONS}?search={word}")) == [world.ours.application.pk], word


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("date_from=yesterday", "date_from"),
        ("date_to=2021-13-01", "date_to"),
        ("created_after=soon", "created_after"),
        ("min_loan_amount=lots", "min_loan_amount"),
        ("broker=me", "broker"),
        ("borrower=0", "borrower"),
        ("ordering=purpose", "ordering"),
        ("ordering=--loan_amount", "ordering"),
    ],
)
def test_a_malformed_filter_is_refused(admin, query, field):
    reply = admin.get(f"{APPLICATIONS}?{query}")
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


def test_pages_by_offset_count_and_link(world, admin):
    ApplicationFactory.create_batch(23)
    first = admin.get(APPLICATIONS).json()
    assert (first["count"], len(first["results"]), first["previous"]) == (25, 20, None)
    assert first["next"] == f"http://testserver{APPLICATIONS}?limit=20&offset=20"
    second = admin.get(first["next"]).json()
    assert (len(second["results"]), second["next"]) == (5, None)
    assert len({row["id"] for page in (first, second) for row in page["results"]}) == 25
    assert len(admin.get(f"{APPLICATIONS}?limit=1000").json()["results"]) == 25


def test_a_page_has_at_most_a_hundred_rows(admin):
    ApplicationFactory.create_batch(101)
    assert len(admin.get(f"{APPLICATIONS}?limit=1000").json()["results"]) == 100


@pytest.mark.parametrize("ordering", ["", "&ordering=loan_amount", "&ordering=-loan_amount"])
def test_pages_by_cursor_are_stable_while_rows_arrive(world, admin, ordering):
    rows = [ApplicationFactory.create(loan_amount=Decimal(1 + number // 3)).pk for number in range(12)]
    page = admin.get(f"{APPLICATIONS}?cursor=&limit=5{ordering}").json()
    assert set(page) == {"next", "previous", "results"}
    seen = [row["id"] for row in page["results"]]
    while page["next"]:
        ApplicationFactory.create(loan_amount=Decimal(100) if "-" in ordering else Decimal("0.5"))
        page = admin.get(page["next"]).json()
        seen += [row["id"] for row in page["results"]]
    there = [*rows, world.ours.application.pk, world.theirs.application.pk]
    assert sorted(seen) == sorted(there), "none twice, none missing, and none of the new ones"


def test_a_bad_cursor_is_not_found(admin):
    reply = admin.get(f"{APPLICATIONS}?cursor=nonsense")
    assert reply.status_code == 404
    assert reply.json()["code"] == "not_found"


# --- editing and deleting -------------------------------------------------------------------------


def test_a_broker_edits_until_submission(world, broker):
    application = world.ours.application
    reply = broker.patch(url(application), {"purpose": "A boat.", "loan_term": 120})
    assert reply.status_code == 200
    assert broker.get(url(application)).json() == reply.json()
    assert (reply.json()["purpose"], reply.json()["loan_term"]) == ("A boat.", 120)
    event = Event.objects.latest("pk")
    assert (event.type, event.data["field_names"]) == ("application.updated", "loan_term, purpose")
    assert event.recipients == []
    submit(application)
    with nothing_written():
        refused = broker.patch(url(application), {"purpose": "A house."})
    assert refused.status_code == 403
    assert refused.json()["detail"] == "A submitted application is the lender's to change."


@pytest.mark.parametrize("role", ["admin", "bd"])
def test_staff_edit_after_submission(world, api, role):
    submit(world.ours.application)
    reply = api(world.user(role)).patch(url(world.ours.application), {"approved_amount": "440000.00"})
    assert reply.status_code == 200
    assert reply.json()["approved_amount"] == "440000.00"


def test_a_client_edits_nothing(world, client):
    with nothing_written():
        assert client.patch(url(world.ours.application), {"purpose": "x"}).status_code == 403
        assert client.put(url(world.ours.application), TERMS).status_code == 403


def test_a_put_needs_every_required_term(world, broker):
    with nothing_written():
        reply = broker.put(url(world.ours.application), {"purpose": "x"})
    assert reply.status_code == 400
    assert sorted(reply.json()["errors"]) == sorted(TERMS)
    assert broker.put(url(world.ours.application), TERMS).status_code == 200


def test_an_edit_that_changes_nothing_tells_nobody(world, broker):
    events = Event.objects.count()
    assert broker.patch(url(world.ours.application), TERMS).status_code == 200
    assert Event.objects.count() == events


@pytest.mark.parametrize(
    ("role", "change"),
    [
        ("broker", {"broker": "theirs"}),
        ("broker", {"broker": None}),
        ("broker", {"branch": None}),
        ("bd", {"bd": None}),
        ("bd", {"broker": None}),
        ("bd", {"branch": None}),
    ],
)
def test_who_is_responsible_is_the_administrators_to_change(world, api, role, change):
    caller = api(world.user(role))
    body = {name: value and getattr(world.theirs, name).pk for name, value in change.items()}
    with nothing_written():
        reply = caller.patch(url(world.ours.application), body)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == list(change)


def test_only_an_administrator_deletes_and_only_before_submission(world, api, admin):
    application = world.ours.application
    world.ours.signature.delete()
    for role in ("bd", "broker", "client"):
        caller = api(world.user(role))
        with nothing_written():
            assert caller.delete(url(application)).status_code == 403
    submit(application)
    with nothing_written():
        refused = admin.delete(url(application))
    assert refused.status_code == 409
    assert refused.json()["detail"] == "A submitted application is withdrawn, not deleted."
    Application.objects.filter(pk=application.pk).update(stage="iloo_signed")
    assert admin.delete(url(application)).status_code == 204
    assert admin.get(url(application)).status_code == 404
    assert not Security.objects.filter(pk=world.ours.security.pk).exists()
    assert Borrower.objects.filter(pk=world.ours.borrower.pk).exists()
    event = Event.objects.latest("pk")
    assert (event.type, event.data) == (
        "application.deleted",
        {"reference": application.reference_number},
    )


def test_a_submitted_application_that_was_declined_still_counts_as_submitted(world, admin, broker):
    Application.objects.filter(pk=world.ours.application.pk).update(
        stage="declined", came_from="valuation_ordered"
    )
    with nothing_written():
        assert admin.delete(url(world.ours.application)).status_code == 409
        assert broker.patch(url(world.ours.application), {"purpose": "x"}).status_code == 403


# --- the people on it -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tail", "link", "make"),
    [
        ("borrowers", ApplicationBorrower, BorrowerFactory),
        ("guarantors", ApplicationGuarantor, GuarantorFactory),
    ],
)
def test_exactly_the_named_people_are_put_on_it_in_that_order(world, broker, tail, link, make):
    address = url(world.ours.application, f"{tail}/")
    one, two, three = make.create_batch(3, created_by=world.ours.broker_user)
    for wanted in ([two, one, three], [three], [one, three]):
        wanted_ids = [row.pk for row in wanted]
        reply = broker.put(address, {tail: wanted_ids})
        assert reply.status_code == 200
        assert [row["id"] for row in reply.json()[tail]] == wanted_ids
        assert ids(broker.get(address)) == wanted_ids
        assert link.objects.filter(application=world.ours.application).count() == len(wanted)
    event = Event.objects.latest("pk")
    assert event.type == "application.parties_changed"
    assert (event.data["added"], event.data["removed"]) == ([one.pk], [])
    events = Event.objects.count()
    assert broker.put(address, {tail: [one.pk, three.pk]}).status_code == 200
    assert Event.objects.count() == events, "nothing changed"


@pytest.mark.parametrize("tail", ["borrowers", "guarantors"])
def test_bad_people_are_refused(world, broker, tail):
    address = url(world.ours.application, f"{tail}/")
    ours = getattr(world.ours, tail.removesuffix("s")).pk
    theirs = getattr(world.theirs, tail.removesuffix("s")).pk
    bodies: list[dict[str, object]] = [{tail: given} for given in ([ours, ours], [theirs], [0], "x")]
    for body in [*bodies, {}, {"people": []}]:
        with nothing_written():
            reply = broker.put(address, body)
        assert reply.status_code == 400, body


def test_an_application_keeps_at_least_one_borrower_but_needs_no_guarantor(world, broker):
    with nothing_written():
        assert broker.put(url(world.ours.application, "borrowers/"), {"borrowers": []}).status_code == 400
    assert broker.put(url(world.ours.application, "guarantors/"), {"guarantors": []}).status_code == 200


@pytest.mark.parametrize("tail", ["borrowers", "guarantors"])
def test_people_are_put_on_it_by_brokers_until_submission_and_never_by_clients(world, api, tail):
    body = {tail: [getattr(world.ours, tail.removesuffix("s")).pk]}
    submit(world.ours.application)
    for role in ("broker", "client"):
        caller = api(world.user(role))
        with nothing_written():
            reply = caller.put(url(world.ours.application, f"{tail}/"), body)
        assert reply.status_code == 403, role
        assert caller.get(url(world.ours.application, f"{tail}/")).status_code == 200


# --- securities -----------------------------------------------------------------------------------


def test_a_security_is_added_read_changed_and_removed(world, broker):
    base = url(world.ours.application, "securities/")
    body = {
        "security_type": "second_mortgage",
        "street": "2 Pitt St",
        "city": "Sydney",
        "state": "NSW",
        "postcode": "2000",
        "description": "A flat.",
        "value": "300000.00",
        "valuation_amount": "",
        "valuation_date": "",
    }
    made = broker.post(base, body)
    assert made.status_code == 201
    one = f"{base}{made.json()['id']}/"
    shown = broker.get(one).json()
    assert shown == made.json()
    assert shown["lending_value"] == "300000.00"
    assert (shown["valuation_amount"], shown["valuation_date"]) == (None, None)
    assert ids(broker.get(base)) == [world.ours.security.pk, shown["id"]]
    changed = broker.patch(one, {"valuation_amount": "250000.00", "valuation_date": "2026-01-01"})
    assert changed.json()["lending_value"] == "250000.00"
    detail = broker.get(url(world.ours.application)).json()
    assert detail["loan_to_value_ratio"] == str(round(Decimal(450000) / Decimal(850000) * 100, 2))
    assert broker.delete(one).status_code == 204
    assert ids(broker.get(base)) == [world.ours.security.pk]
    kinds = Event.objects.filter(type="application.security_changed").order_by("pk")
    assert [event.data["what"] for event in kinds] == ["added", "changed", "removed"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"value": "0"}, "value"),
        ({"value": ""}, "value"),
        ({"security_type": "hope"}, "security_type"),
        ({"postcode": "1"}, "postcode"),
        ({"state": "XX"}, "state"),
        ({"application": 1}, "application"),
        ({"valuation_amount": "-1"}, "valuation_amount"),
    ],
)
def test_a_bad_security_is_refused_by_field(world, broker, change, field):
    body = {"security_type": "caveat", "value": "1.00", **change}
    with nothing_written():
        reply = broker.post(url(world.ours.application, "securities/"), body)
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


def test_securities_are_the_lenders_after_submission(world, api, broker):
    submit(world.ours.application)
    base = url(world.ours.application, "securities/")
    one = f"{base}{world.ours.security.pk}/"
    body = {"security_type": "caveat", "value": "1.00"}
    with nothing_written():
        assert broker.post(base, body).status_code == 403
        assert broker.patch(one, {"value": "2.00"}).status_code == 403
        assert broker.delete(one).status_code == 403
    assert api(world.ours.bd_user).post(base, body).status_code == 201


def test_a_security_is_found_only_under_its_own_application(world, api, admin):
    foreign = SecurityFactory.create(application=world.theirs.application)
    assert admin.get(url(world.ours.application, f"securities/{foreign.pk}/")).status_code == 404
    caller = api(world.ours.broker_user)
    with nothing_written():
        base = url(world.theirs.application, "securities/")
        assert caller.get(base).status_code == 404
        assert caller.post(base, {"security_type": "caveat", "value": "1"}).status_code == 404
        assert caller.delete(f"{base}{foreign.pk}/").status_code == 404


# --- funding --------------------------------------------------------------------------------------


def test_every_run_of_the_calculator_is_kept(world, api):
    caller = api(world.ours.bd_user)
    for fee in ("500.00", "600.00"):
        made = caller.post(
            url(world.ours.application, "funding-calculation/"), {**FUNDING, "application_fee": fee}
        )
        assert made.status_code == 201
        assert made.json()["result"]["application_fee"] == fee
        assert made.json()["calculated_by"]["id"] == world.ours.bd_user.pk
    runs = caller.get(url(world.ours.application, "funding-calculation-history/")).json()
    assert [run["result"]["application_fee"] for run in runs["results"]] == ["600.00", "500.00"]
    result = runs["results"][1]["result"]
    fees = [value for name, value in result.items() if name.endswith(("_fee", "_interest"))]
    assert Decimal(result["total_fees"]) == sum(map(Decimal, fees))
    assert Decimal(result["funds_available"]) == Decimal(450000) - Decimal(result["total_fees"])


def test_a_bad_calculation_is_refused_and_not_kept(world, broker):
    for change, field in (({"valuation_fee": "-1"}, "valuation_fee"), ({"extra": 1}, "extra")):
        with nothing_written():
            reply = broker.post(url(world.ours.application, "funding-calculation/"), {**FUNDING, **change})
        assert reply.status_code == 400
        assert list(reply.json()["errors"]) == [field]
    assert FundingCalculation.objects.count() == 0


def test_a_client_neither_runs_nor_reads_calculations(world, client):
    with nothing_written():
        assert client.post(url(world.ours.application, "funding-calculation/"), FUNDING).status_code == 403
    assert client.get(url(world.ours.application, "funding-calculation-history/")).status_code == 403


# --- notes and timeline ---------------------------------------------------------------------------


def test_a_note_reaches_those_it_is_meant_for(world, api):
    staff = api(world.ours.bd_user)
    base = url(world.ours.application, "notes/")
    for text, visibility in (("Inside", "internal"), ("Between us", "broker"), ("For all", "client")):
        made = staff.post(base, {"text": text, "visibility": visibility})
        assert made.status_code == 201
        assert made.json()["author"] == {"id": world.ours.bd_user.pk, "name": world.ours.bd_user.full_name}
    world.ours.note.delete()
    for role, texts in (
        ("admin", ["For all", "Between us", "Inside"]),
        ("bd", ["For all", "Between us", "Inside"]),
        ("broker", ["For all", "Between us"]),
        ("client", ["For all"]),
    ):
        rows = api(world.user(role)).get(base).json()["results"]
        assert [row["text"] for row in rows] == texts, role
    told = dict(Event.objects.filter(type__startswith="note.").values_list("type", "recipients"))
    admin, broker, client = world.admin.pk, world.ours.broker_user.pk, world.ours.client_user.pk
    assert told == {
        "note.added_internal": [admin],
        "note.added_for_broker": sorted([admin, broker]),
        "note.added": sorted([admin, broker, client]),
    }


@pytest.mark.parametrize(
    ("role", "default"), [("admin", "internal"), ("bd", "internal"), ("broker", "broker")]
)
def test_a_note_without_a_reach_stays_close(world, api, role, default):
    made = api(world.user(role)).post(url(world.ours.application, "notes/"), {"text": "Hm."})
    assert made.status_code == 201
    assert made.json()["visibility"] == default


def test_bad_notes_are_refused(world, api, broker, client):
    base = url(world.ours.application, "notes/")
    with nothing_written():
        for body, field in (
            ({}, "text"),
            ({"text": "  "}, "text"),
            ({"text": "x" * 10_001}, "text"),
            ({"text": "x", "visibility": "world"}, "visibility"),
            ({"text": "x", "visibility": "internal"}, "visibility"),
            ({"text": "x", "application": 1}, "application"),
        ):
            reply = broker.post(base, body)
            assert reply.status_code == 400, body
            assert list(reply.json()["errors"]) == [field], body
        assert client.post(base, {"text": "x"}).status_code == 403
        assert broker.post(url(world.theirs.application, "notes/"), {"text": "x"}).status_code == 404
        assert broker.get(url(world.theirs.application, "notes/")).status_code == 404


def test_a_timeline_shows_each_reader_what_is_theirs_to_know(world, api):
    staff = api(world.ours.bd_user)
    base = url(world.ours.application)
    for visibility in ("internal", "broker", "client"):
        staff.post(f"{base}notes/", {"text": "x", "visibility": visibility})
    staff.put(f"{base}stage/", {"stage": "sent_to_lender"})
    everything = ["application.stage_changed", "note.added", "note.added_for_broker", "note.added_internal"]
    for role, hidden in (("admin", 0), ("bd", 0), ("broker", 1), ("client", 2)):
        reply = api(world.user(role)).get(f"{base}timeline/").json()
        types = [entry["type"] for entry in reply["results"]]
        assert types == everything[: 4 - hidden], role
        assert reply["count"] == 4 - hidden
    entry = reply["results"][0]
    assert entry["summary"] == "Stage changed from Inquiry to Sent to lender."
    assert entry["actor"] == {"id": world.ours.bd_user.pk, "name": world.ours.bd_user.full_name}
    assert api(world.theirs.broker_user).get(f"{base}timeline/").status_code == 404


def test_parties_of_an_application_are_really_gone_from_it(world, broker):
    other = BorrowerFactory.create(created_by=world.ours.broker_user)
    broker.put(url(world.ours.application, "borrowers/"), {"borrowers": [other.pk]})
    assert ids(broker.get(f"/api/borrowers/{other.pk}/applications/")) == [world.ours.application.pk]
    assert Guarantor.objects.count() == 2
