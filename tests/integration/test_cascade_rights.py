"""What a role may not make by itself it cannot smuggle in with an application either."""

import pytest

pytestmark = pytest.mark.django_db

TERMS = {"loan_amount": "1000", "loan_term": 12, "interest_rate": "5"}
FEES = dict.fromkeys(
    ["establishment_fee_rate", "monthly_line_fee_rate", "brokerage_fee_rate", "application_fee",
     "due_diligence_fee", "legal_fee_before_gst", "valuation_fee", "monthly_account_fee"], "1",
)  # fmt: skip
PARTS = {
    "borrowers": [{"first_name": "A", "last_name": "B"}],
    "company_borrowers": [{"company_name": "A", "abn": "51824753556"}],
    "guarantors": [{"first_name": "A", "last_name": "B"}],
    "funding_calculation_input": FEES,
}
ADDRESS = "/api/applications/create-with-cascade/"


@pytest.mark.parametrize("part", PARTS)
def test_a_client_adds_no_part_that_is_not_theirs_to_make(world, api, part):
    reply = api(world.ours.client_user).post(ADDRESS, {**TERMS, part: PARTS[part]})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {part: ["This is not yours to add."]}


def test_a_client_opens_an_application_with_empty_parts(world, api):
    empty = {part: [] for part, value in PARTS.items() if isinstance(value, list)}
    assert api(world.ours.client_user).post(ADDRESS, {**TERMS, **empty}).status_code == 201


def test_a_broker_adds_every_part(world, api):
    reply = api(world.ours.broker_user).post(ADDRESS, {**TERMS, **PARTS})
    assert reply.status_code == 201


def test_a_client_does_not_read_of_funding_in_the_timeline(world, api):
    address = f"/api/applications/{world.ours.application.pk}"
    assert api(world.ours.bd_user).post(f"{address}/funding-calculation/", FEES).status_code == 201
    types = {
        role: [row["type"] for row in api(user).get(f"{address}/timeline/").json()["results"]]
        for role, user in world.ours.users.items()
    }
    assert types == {
        "bd": ["application.funding_calculated"],
        "broker": ["application.funding_calculated"],
        "client": [],
    }
