"""An application with everybody and everything on it in one request: all or nothing."""

import pytest

from events.models import Event
from tests.factories import (
    UserFactory,
)
from tests.integration.application_kit import CASCADE, FUNDING, TERMS, ids, url
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db


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
