"""Applications over HTTP: opening, editing, deleting."""

import pytest

from applications.models import (
    Application,
    ApplicationBorrower,
    Security,
    StageChange,
)
from borrowers.models import Borrower
from events.models import Event
from tests.factories import (
    BrokerFactory,
    UserFactory,
)
from tests.integration.application_kit import APPLICATIONS, CASCADE, TERMS, submit, url
from tests.threads import statuses, together
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db


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
