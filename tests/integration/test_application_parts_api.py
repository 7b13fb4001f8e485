"""What is on an application: people, securities, funding tables, notes, its timeline."""

from decimal import Decimal

import pytest

from applications.models import (
    ApplicationBorrower,
    ApplicationGuarantor,
    FundingCalculation,
)
from borrowers.models import Guarantor
from events.models import Event
from tests.factories import (
    BorrowerFactory,
    GuarantorFactory,
    SecurityFactory,
)
from tests.integration.application_kit import FUNDING, ids, submit, url
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db


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
