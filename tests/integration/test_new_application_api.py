"""The form of a new application, the trial of a body, the board, and time in stages."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from applications.choices import Stage
from applications.models import Application
from tests.checks import assert_refused
from tests.factories import ApplicationFactory
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

APPLICATIONS = "/api/applications/"
TRIAL = f"{APPLICATIONS}validate-schema/"
TERMS = {"loan_amount": "450000.00", "loan_term": 360, "interest_rate": "6.2500"}


@pytest.mark.parametrize("role", ["admin", "broker", "client"])
def test_the_form_filled_in_is_accepted_as_it_is(world, api, role):
    client = api(world.user(role))
    form = client.get(f"{APPLICATIONS}new/").json()
    assert form["required_fields"] == ["loan_amount", "loan_term", "interest_rate"]
    body = {**form["template"], **TERMS}
    assert client.post(TRIAL, body).json() == {"valid": True}
    assert client.post(f"{APPLICATIONS}create-with-cascade/", body).status_code == 201


def test_the_form_has_items_choices_and_products(world, api):
    form = api(world.ours.broker_user).get(f"{APPLICATIONS}new/").json()
    assert set(form["item_templates"]) == {
        "borrowers", "company_borrowers", "guarantors", "securities", "funding_calculation_input",
    }  # fmt: skip
    assert form["template"]["application_type"] == "residential"
    assert form["template"]["valuer"] == {"company": "", "contact": "", "phone": "", "email": ""}
    assert form["item_templates"]["borrowers"]["borrower_type"] == "individual"
    assert {"value": "caveat", "display": "Caveat"} in form["choices"]["securities"]["security_type"]
    assert {"value": "smsf", "display": "Self-managed super fund"} in form["choices"]["application_type"]
    assert [product["id"] for product in form["products"]] == [world.product.pk]
    items = form["item_templates"]
    body = {
        **TERMS,
        "borrowers": [{**items["borrowers"], "first_name": "Bo", "last_name": "Li"}],
        "guarantors": [{**items["guarantors"], "first_name": "Gu", "last_name": "Li"}],
        "securities": [{**items["securities"], "security_type": "caveat", "value": "9"}],
    }
    assert api(world.ours.broker_user).post(TRIAL, body).json() == {"valid": True}


def test_a_client_is_offered_what_is_theirs_to_add(world, api):
    client = api(world.ours.client_user)
    assert list(client.get(f"{APPLICATIONS}new/").json()["item_templates"]) == ["securities"]
    with nothing_written():
        reply = client.post(TRIAL, {**TERMS, "funding_calculation_input": {}})
    assert_refused(reply, 400, "invalid", funding_calculation_input=["This is not yours to add."])


def test_a_trial_writes_nothing_even_for_a_first_time_client(world, api):
    client = api(world.ours.client_user)
    world.ours.application.borrower_links.all().delete()
    body = {**TERMS, "securities": [{"security_type": "caveat", "value": "700000"}]}
    with nothing_written():
        assert client.post(TRIAL, body).status_code == 200


def test_a_trial_says_what_creating_would_say(world, api):
    client = api(world.ours.broker_user)
    body = {**TERMS, "securities": [{"security_type": "castle", "value": "0"}], "broker": 2**31}
    with nothing_written():
        tried, made = client.post(TRIAL, body), client.post(f"{APPLICATIONS}create-with-cascade/", body)
    assert tried.status_code == 400
    assert {**tried.json(), "request_id": ""} == {**made.json(), "request_id": ""}


# --- firms that work on it ----------------------------------------------------------------------


def test_valuer_and_quantity_surveyor_are_kept(world, api):
    client = api(world.ours.bd_user)
    one = f"{APPLICATIONS}{world.ours.application.pk}/"
    firm = {"company": "Plumb Line", "contact": "Vi Ng", "phone": "+61412345678", "email": "vi@plumb.example"}
    reply = client.patch(one, {"valuer": {**firm, "phone": "0412 345 678"}, "quantity_surveyor": firm})
    assert (reply.json()["valuer"], reply.json()["quantity_surveyor"]) == (firm, firm)
    reply = client.patch(one, {"valuer": {"contact": "Wu"}})
    assert reply.json()["valuer"] == {**firm, "contact": "Wu"}
    assert reply.json()["quantity_surveyor"] == firm


def test_bad_contact_data_of_a_firm_is_refused_by_path(world, api):
    body = {"valuer": {"phone": "12", "email": "x", "fax": "1"}, "quantity_surveyor": {"company": "x" * 201}}
    client = api(world.ours.bd_user)
    with nothing_written():
        first = client.patch(f"{APPLICATIONS}{world.ours.application.pk}/", body)
        del body["valuer"]["fax"]
        second = client.patch(f"{APPLICATIONS}{world.ours.application.pk}/", body)
    assert first.json()["errors"]["valuer"] == {"fax": ["There is no such field here."]}
    assert_refused(
        second,
        400,
        "invalid",
        valuer={
            "phone": ["This is not a valid phone number."],
            "email": ["Enter a valid email address."],
        },
        quantity_surveyor={"company": ["Ensure this field has no more than 200 characters."]},
    )


# --- securities ---------------------------------------------------------------------------------


def test_the_ratio_is_told_for_each_security_and_in_total(world, api):
    client = api(world.ours.bd_user)
    one = f"{APPLICATIONS}{world.ours.application.pk}/"
    second = {"security_type": "second_mortgage", "value": "300000", "valuation_amount": "400000",
              "valuation_date": "2026-01-05"}  # fmt: skip
    made = client.post(f"{one}securities/", second)
    # 450,000 over 400,000; the other security is worth 600,000; over both it is 450,000 / 1,000,000.
    assert (made.json()["lending_value"], made.json()["loan_to_value_ratio"]) == ("400000.00", "112.50")
    shown = client.get(one).json()
    assert [row["loan_to_value_ratio"] for row in shown["securities"]] == ["75.00", "112.50"]
    assert shown["loan_to_value_ratio"] == "45.00"


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"valuation_date": "2026-01-05"}, {"valuation_amount": ["A dated valuation needs its amount."]}),
        (
            {"valuation_amount": "1", "valuation_date": "2999-01-01"},
            {"valuation_date": ["This date lies in the future."]},
        ),
    ],
)
def test_a_valuation_that_cannot_be_is_refused(world, api, change, errors):
    client = api(world.ours.bd_user)
    securities = f"{APPLICATIONS}{world.ours.application.pk}/securities/"
    with nothing_written():
        replies = [
            client.patch(f"{securities}{world.ours.security.pk}/", change),
            client.post(securities, {"security_type": "caveat", "value": "1", **change}),
        ]
    for reply in replies:
        assert_refused(reply, 400, "invalid", **errors)


# --- the board ----------------------------------------------------------------------------------


@time_machine.travel("2026-06-30T00:00:00Z", tick=False)
def test_the_pipeline_counts_and_sums_what_one_sees(world, api):
    now = timezone.now()
    for days, amount in ((1, "100.10"), (4, "200.20")):
        ApplicationFactory.create(
            broker=world.ours.broker,
            stage="iloo_issued",
            loan_amount=Decimal(amount),
            stage_entered_at=now - timedelta(days=days),
        )
    board = api(world.ours.broker_user).get(f"{APPLICATIONS}pipeline/").json()
    assert [column["stage"] for column in board["stages"]] == Stage.values
    columns = {column["stage"]: column for column in board["stages"]}
    assert columns["settled"] == {
        "stage": "settled",
        "stage_display": "Settled",
        "count": 0,
        "total_amount": "0.00",
        "average_days_in_stage": None,
        "oldest": None,
    }
    assert (columns["iloo_issued"]["count"], columns["iloo_issued"]["total_amount"]) == (2, "300.30")
    assert columns["iloo_issued"]["oldest"] == "2026-06-26T00:00:00Z"
    assert (board["count"], board["total_amount"]) == (3, "450300.30")
    everything = api(world.admin).get(f"{APPLICATIONS}pipeline/").json()
    assert (everything["count"], everything["total_amount"]) == (4, "900300.30")


def test_the_pipeline_takes_the_filters_of_the_list(world, api):
    client = api(world.admin)
    board = client.get(f"{APPLICATIONS}pipeline/?broker={world.ours.broker.pk}").json()
    assert board["count"] == 1
    assert client.get(f"{APPLICATIONS}pipeline/?search=nobody").json()["count"] == 0
    assert_refused(
        client.get(f"{APPLICATIONS}pipeline/?broker=x"), 400, "invalid", broker=["Enter a whole number."]
    )


# --- time in stages -----------------------------------------------------------------------------


def test_the_history_tells_how_long_it_was_where(world, api):
    opened = "2026-03-02T09:00:00Z"
    with time_machine.travel(opened, tick=False) as clock:
        client = api(world.ours.broker_user)
        pk = client.post(APPLICATIONS, TERMS).json()["id"]
        staff = api(world.admin)
        for seconds, to in ((3600, "sent_to_lender"), (86400, "funding_table_issued")):
            clock.shift(seconds)
            reply = staff.put(f"{APPLICATIONS}{pk}/stage/", {"stage": to})
            if reply.status_code == 401:  # the login is older than its token allows
                staff = api(world.admin)
                reply = staff.put(f"{APPLICATIONS}{pk}/stage/", {"stage": to})
            assert reply.status_code == 200
        clock.shift(60)
        rows = staff.get(f"{APPLICATIONS}{pk}/stage-history/").json()["results"]
    assert [(row["to_stage"], row["seconds_in_stage"], row["seconds_in_to_stage"]) for row in rows] == [
        ("inquiry", 0, 3600),
        ("sent_to_lender", 3600, 86400),
        ("funding_table_issued", 86400, 60),
    ]
    assert [row["left_at"] for row in rows] == ["2026-03-02T10:00:00Z", "2026-03-03T10:00:00Z", None]
    assert Application.objects.get(pk=pk).stage == "funding_table_issued"
