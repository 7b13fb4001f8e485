"""Companies' directors and financials, mailing addresses, and all of it in a cascade, over HTTP."""

from typing import Any

import pytest

from borrowers.serializers.parties import COMPANY_FIELDS
from events.models import Event
from tests.factories import BorrowerFactory
from tests.integration.test_borrower_secrets import ACCOUNT, MASK_ERROR, PASSPORT, SECRETS, secrets_in
from tests.integration.test_borrowers_api import BORROWERS, COMPANY, PERSON, url_of
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

DIRECTOR = {
    "first_name": "Ann",
    "last_name": "Lee",
    "date_of_birth": "1980-02-29",
    "email": "ann@example.com",
    "phone": "+61293744000",
    "is_guarantor": True,
}
FINANCIALS = {
    "annual_revenue": "1000000.00",
    "net_profit": "-20000.00",
    "total_assets": "500000.00",
    "total_liabilities": "300000.00",
    "financials_as_at": "2026-06-30",
}


def test_a_company_has_directors_financials_and_a_mailing_address(world, api):
    client = api(world.ours.broker_user)
    mailing = {"street": "PO Box 1", "city": "Perth", "state": "WA", "postcode": "6000", "country": "AU"}
    body = {
        "company_name": "Lee Pty Ltd",
        "abn": "51824753556",
        "directors": [{**DIRECTOR, "phone": "02 9374 4000"}, {"first_name": "Bo", "last_name": "Li"}],
        "mailing_address": mailing,
        "bank_account": ACCOUNT,
        **FINANCIALS,
    }
    made = client.post(f"{BORROWERS}company/", body)
    assert made.status_code == 201
    url = f"{BORROWERS}{made.json()['id']}/"
    shown = client.get(url).json()
    assert {name: shown[name] for name in FINANCIALS} == FINANCIALS
    empty = {"date_of_birth": None, "email": "", "phone": "", "is_guarantor": False}
    assert shown["directors"] == [DIRECTOR, {"first_name": "Bo", "last_name": "Li", **empty}]
    assert shown["mailing_address"] == mailing
    assert shown["address"]["city"] == ""
    events = Event.objects.count()
    assert client.patch(url, {"directors": shown["directors"]}).status_code == 200
    assert Event.objects.count() == events
    assert client.patch(url, {"directors": []}).json()["directors"] == []
    assert Event.objects.latest("pk").data["field_names"] == "directors"


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        (
            {"directors": [{"first_name": "Bo"}]},
            {"directors": {"0": {"last_name": ["This field is required."]}}},
        ),
        (
            {"directors": [DIRECTOR, {**DIRECTOR, "phone": "1"}]},
            {"directors": {"1": {"phone": ["This is not a valid phone number."]}}},
        ),
        (
            {"directors": [{**DIRECTOR, "date_of_birth": "2999-01-01"}]},
            {"directors": {"0": {"date_of_birth": ["A date of birth lies between 1900 and today."]}}},
        ),
        (
            {"directors": [{**DIRECTOR, "shares": 3}]},
            {"directors": {"0": {"shares": ["There is no such field here."]}}},
        ),
        ({"directors": [DIRECTOR] * 51}, None),
        ({"total_assets": "-1"}, {"total_assets": ["Ensure this value is greater than or equal to 0."]}),
        ({"financials_as_at": "2999-01-01"}, {"financials_as_at": ["This date is in the future."]}),
        (
            {"mailing_address": {"postcode": "1"}},
            {"mailing_address": {"postcode": ["An Australian postcode has 4 digits."]}},
        ),
        ({"mailing_address": {"country": "Australia"}}, None),
        ({"identity_documents": []}, {"identity_documents": ["There is no such field here."]}),
    ],
)
def test_a_bad_part_of_a_company_is_refused_by_field(world, api, change, errors):
    client = api(world.ours.broker_user)
    body = {name: value for name, value in COMPANY.items() if name != "borrower_type"}
    with nothing_written():
        reply = client.post(f"{BORROWERS}company/", {**body, **change})
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == list(change)
    if errors is not None:
        assert reply.json()["errors"] == errors


def test_people_have_no_directors(world, api):
    client = api(world.ours.broker_user)
    with nothing_written():
        reply = client.post(BORROWERS, {**PERSON, "directors": [DIRECTOR]})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"directors": ["Only a company has this."]}
    firm = BorrowerFactory.create(**COMPANY, directors=[DIRECTOR], created_by=world.ours.broker_user)
    with nothing_written():
        reply = client.patch(url_of(firm), {**PERSON, "borrower_type": "individual"})
    stored = [name for name in COMPANY if name in COMPANY_FIELDS]
    assert reply.json()["errors"] == {name: ["Only a company has this."] for name in [*stored, "directors"]}


ONLY_PEOPLE: dict[str, Any] = {
    "date_of_birth": "1980-01-01",
    "marital_status": "single",
    "months_employed": 0,
    "identity_documents": [PASSPORT],
    "annual_income": "0.00",
    "monthly_expenses": "1.00",
}
ONLY_COMPANIES: dict[str, Any] = {
    "company_name": "Lee Pty Ltd",
    "acn": "004085616",
    "business_type": "pty_ltd",
    "years_in_business": 3,
    "net_profit": "-1.00",
    "financials_as_at": "2026-06-30",
}


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("company", ONLY_PEOPLE, "Only a person has this."),
        ("person", ONLY_COMPANIES, "Only a company has this."),
    ],
)
def test_neither_kind_has_what_is_the_others(world, api, kind, given, message):
    client = api(world.ours.broker_user)
    own = COMPANY if kind == "company" else PERSON
    body = {"loan_amount": "1", "loan_term": 1, "interest_rate": "1", "borrowers": [{**own, **given}]}
    errors = {name: [message] for name in given}
    made = client.post(BORROWERS, own).json()["id"]
    with nothing_written():
        created = client.post(BORROWERS, {**own, **given})
        changed = client.patch(f"{BORROWERS}{made}/", given)
        cascade = client.post("/api/applications/create-with-cascade/", body)
    assert [reply.status_code for reply in (created, changed, cascade)] == [400] * 3
    assert created.json()["errors"] == changed.json()["errors"] == errors
    assert cascade.json()["errors"] == {"borrowers": {"0": errors}}
    nothing = {name: "" if isinstance(value, str) else None for name, value in given.items()}
    nothing.pop("identity_documents", None)
    assert client.patch(f"{BORROWERS}{made}/", nothing).status_code == 200


def test_guarantors_keep_to_their_kind_as_well(world, api):
    client = api(world.ours.broker_user)
    company = {"guarantor_type": "company", "company_name": "Lee", "abn": "51824753556", "first_name": "Ann"}
    person = {"first_name": "Ann", "last_name": "Lee", "company_name": "Lee"}
    for body, errors in (
        (company, {"first_name": ["Only a person has this."]}),
        (person, {"company_name": ["Only a company has this."]}),
    ):
        with nothing_written():
            reply = client.post("/api/guarantors/", body)
        assert (reply.status_code, reply.json()["errors"]) == (400, errors)


def test_a_client_changes_the_mailing_address(world, api):
    client = api(world.ours.client_user)
    reply = client.patch(url_of(world.ours.borrower), {"mailing_address": {"city": "Perth", "state": "WA"}})
    assert reply.status_code == 200
    assert reply.json()["mailing_address"] == {
        "street": "", "city": "Perth", "state": "WA", "postcode": "", "country": "",
    }  # fmt: skip


def test_a_cascade_takes_every_part_of_a_borrower(world, api):
    firm = {
        **{k: v for k, v in COMPANY.items() if k != "borrower_type"},
        "directors": [DIRECTOR],
        **FINANCIALS,
    }
    body = {
        "loan_amount": "1.00",
        "loan_term": 1,
        "interest_rate": "1",
        "borrowers": [{**PERSON, **SECRETS}],
        "company_borrowers": [{**firm, "tax_id": "876543210", "bank_account": ACCOUNT}],
    }
    made = api(world.ours.broker_user).post("/api/applications/create-with-cascade/", body)
    assert made.status_code == 201
    admin = api(world.admin)
    person, company = (admin.get(f"{BORROWERS}{row['id']}/") for row in made.json()["borrowers"])
    assert secrets_in(person) == SECRETS
    shown = company.json()
    assert {name: shown[name] for name in firm} == firm
    assert (shown["tax_id"], shown["bank_account"]) == ("876543210", ACCOUNT)


@pytest.mark.parametrize(
    ("part", "bad", "errors"),
    [
        ("borrowers", {**PERSON, "tax_id": "1"}, {"tax_id": ["This is not a valid tax file number."]}),
        ("borrowers", {**PERSON, "tax_id": "•••••••••"}, {"tax_id": [MASK_ERROR]}),
        (
            "borrowers",
            {**PERSON, "identity_documents": [{**PASSPORT, "number": "1"}]},
            {"identity_documents": {"0": {"number": ["A number has 3 to 40 letters and digits."]}}},
        ),
        (
            "company_borrowers",
            {"company_name": "L", "abn": "51824753556", "directors": [{**DIRECTOR, "email": "x"}]},
            {"directors": {"0": {"email": ["Enter a valid email address."]}}},
        ),
    ],
)
def test_a_bad_part_of_a_borrower_in_a_cascade_is_refused_by_its_path(world, api, part, bad, errors):
    body = {"loan_amount": "1.00", "loan_term": 1, "interest_rate": "1", part: [bad]}
    client = api(world.ours.broker_user)
    with nothing_written():
        reply = client.post("/api/applications/create-with-cascade/", body)
    assert reply.status_code == 400
    assert reply.json()["errors"] == {part: {"0": errors}}
