"""Guarantors over HTTP."""

import pytest
from django.urls import reverse
from django.utils import timezone

from applications.models import ApplicationGuarantor
from borrowers.models import Guarantor
from tests.factories import GuarantorFactory
from tests.integration.test_borrowers_api import GUARANTORS, PERSON, ids, url_of
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db


def test_a_guarantor_is_created_read_changed_and_deleted(world, broker, admin):
    body = {
        **PERSON,
        "guarantor_type": "individual",
        "relationship": "spouse",
        "borrower": world.ours.borrower.pk,
        "email": "gus@example.com",
        "address": {"street": "1 A St", "city": "Perth", "state": "WA", "postcode": "6000", "country": "AU"},
    }
    made = broker.post(GUARANTORS, body)
    assert made.status_code == 201
    url = f"{GUARANTORS}{made.json()['id']}/"
    shown = broker.get(url).json()
    assert shown == made.json()
    assert {name: shown[name] for name in body} == body
    assert (shown["relationship_display"], shown["display_name"]) == ("Spouse", "Ann Lee")
    assert broker.patch(url, {"relationship": "friend"}).json()["relationship"] == "friend"
    assert sorted(ids(broker.get(url_of(world.ours.borrower) + "guarantors/"))) == sorted(
        [world.ours.guarantor.pk, made.json()["id"]]
    )
    with nothing_written():
        assert broker.delete(url).status_code == 403
    assert admin.delete(url).status_code == 204
    assert broker.get(url).status_code == 404


def test_a_company_answers_for_a_borrower(world, broker):
    body = {
        "guarantor_type": "company",
        "relationship": "business_partner",
        "company_name": "Lee Pty Ltd",
        "acn": "004085616",
        "borrower": world.ours.borrower.pk,
        "phone": "+61293744000",
        "mailing_address": {
            "street": "PO Box 9",
            "city": "",
            "state": "NSW",
            "postcode": "2000",
            "country": "AU",
        },
    }
    made = broker.post(GUARANTORS, body)
    assert made.status_code == 201
    shown = broker.get(f"{GUARANTORS}{made.json()['id']}/").json()
    assert shown == made.json()
    assert {name: shown[name] for name in body} == body
    assert "tax_id" not in shown


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["firm", "aunt", "theirs", "ours"]),
        ("guarantor_type=company", ["firm"]),
        ("guarantor_type=robot", []),
        ("relationship=parent", ["aunt"]),
        ("search=zed", ["aunt"]),
        ("search=acme", ["firm"]),
        ("ordering=last_name", ["firm", "ours", "theirs", "aunt"]),
        ("ordering=-company_name", ["firm", "aunt", "theirs", "ours"]),
        ("ordering=created_at&limit=1", ["ours"]),
    ],
)
def test_guarantors_are_filtered_searched_and_ordered(world, admin, query, expected):
    Guarantor.objects.filter(pk=world.ours.guarantor.pk).update(last_name="M")
    Guarantor.objects.filter(pk=world.theirs.guarantor.pk).update(last_name="N")
    rows = {"ours": world.ours.guarantor, "theirs": world.theirs.guarantor}
    rows["aunt"] = GuarantorFactory.create(last_name="Zed", relationship="parent")
    rows["firm"] = GuarantorFactory.create(
        guarantor_type="company", company_name="Acme", first_name="", last_name=""
    )
    found = ids(admin.get(f"{GUARANTORS}?{query}"))
    by_pk = {row.pk: name for name, row in rows.items()}
    assert [by_pk[pk] for pk in found] == expected


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "first_name"),
        ({**PERSON, "tax_id": "123456782"}, "tax_id"),
        ({**PERSON, "mailing_address": {"postcode": "20"}}, "mailing_address"),
        ({"guarantor_type": "company"}, "company_name"),
        ({**PERSON, "relationship": "pet"}, "relationship"),
        ({**PERSON, "borrower": 0}, "borrower"),
        ({**PERSON, "annual_income": "1"}, "annual_income"),
    ],
)
def test_a_bad_guarantor_is_refused_by_field(broker, body, field):
    with nothing_written():
        reply = broker.post(GUARANTORS, body)
    assert reply.status_code == 400
    assert field in reply.json()["errors"]


def test_a_guarantor_cannot_be_tied_to_an_invisible_borrower(world, broker):
    pk = world.theirs.borrower.pk
    with nothing_written():
        reply = broker.post(GUARANTORS, {**PERSON, "borrower": pk})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"borrower": [f'Invalid pk "{pk}" - object does not exist.']}


def test_each_role_sees_its_guarantors(world, api):
    mine = GuarantorFactory.create(created_by=world.ours.broker_user)
    linked = GuarantorFactory.create()
    ApplicationGuarantor.objects.create(application=world.ours.application, guarantor=linked)
    nobodys = GuarantorFactory.create()
    ours, theirs = world.ours.guarantor.pk, world.theirs.guarantor.pk
    for role, seen in (
        ("admin", [ours, theirs, mine.pk, linked.pk, nobodys.pk]),
        ("bd", [ours, linked.pk]),
        ("broker", [ours, mine.pk, linked.pk]),
        ("client", [ours]),
    ):
        assert sorted(ids(api(world.user(role)).get(GUARANTORS))) == sorted(seen), role


def test_guarantors_are_filtered_and_searched(world, admin):
    firm = GuarantorFactory.create(
        guarantor_type="company", company_name="Acme", first_name="", last_name="", relationship="parent"
    )
    ours = world.ours.guarantor.pk
    for query, seen in (
        ("guarantor_type=company", [firm.pk]),
        ("relationship=parent", [firm.pk]),
        ("relationship=pet", []),
        (f"borrower={world.ours.borrower.pk}", [ours]),
        ("search=acme", [firm.pk]),
    ):
        assert ids(admin.get(f"{GUARANTORS}?{query}")) == seen, query
    assert admin.get(f"{GUARANTORS}?borrower=x").status_code == 400


def test_the_applications_that_a_guarantor_answers_for(world, api):
    ApplicationGuarantor.objects.create(application=world.ours.application, guarantor=world.ours.guarantor)
    url = reverse("guarantor-guaranteed-applications", args=[world.ours.guarantor.pk])
    for role in ("admin", "bd", "broker", "client"):
        assert ids(api(world.user(role)).get(url)) == [world.ours.application.pk], role
    assert api(world.theirs.broker_user).get(url).status_code == 404


def test_a_guarantor_on_an_application_stays(world, admin):
    ApplicationGuarantor.objects.create(application=world.ours.application, guarantor=world.ours.guarantor)
    with nothing_written():
        assert admin.delete(url_of(world.ours.guarantor)).status_code == 409
    assert Guarantor.objects.get(pk=world.ours.guarantor.pk).created_at < timezone.now()
