"""Branches, BDMs and brokers over HTTP."""

import pytest

from brokers.models import Bdm, Branch, Broker
from events.models import Event
from tests.factories import BdmFactory, BranchFactory, BrokerFactory, UserFactory
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

BRANCHES = "/api/brokers/branches/"
BDMS = "/api/brokers/bdms/"
BROKERS = "/api/brokers/"
VALID_ABN = "51 824 753 556"


def names(reply, field="name"):
    assert reply.status_code == 200
    return [row[field] for row in reply.json()["results"]]


def ids(reply):
    return names(reply, "id")


def latest_event():
    event = Event.objects.latest("pk")
    return event.type, event.data


# --- branches -------------------------------------------------------------------------------------


def test_a_branch_is_created_read_changed_and_deleted(admin):
    body = {
        "name": "Hobart",
        "code": "HOB",
        "state": "TAS",
        "street": "1 Elizabeth St",
        "city": "Hobart",
        "postcode": "7000",
        "phone": "(03) 6234 1111",
        "email": "hobart@example.com",
    }
    made = admin.post(BRANCHES, body)
    assert made.status_code == 201
    pk = made.json()["id"]
    assert made["Location"] == f"http://testserver{BRANCHES}{pk}/"
    assert latest_event() == ("branch.created", {"label": "Hobart"})
    read = admin.get(f"{BRANCHES}{pk}/")
    assert read.status_code == 200
    assert read.json() == made.json()
    shown = {name: read.json()[name] for name in body}
    assert shown == {**body, "phone": "+61362341111"}
    assert (read.json()["state_display"], read.json()["is_active"]) == ("Tasmania", True)

    changed = admin.patch(f"{BRANCHES}{pk}/", {"city": "Sandy Bay", "name": "Hobart"})
    assert changed.status_code == 200
    assert changed.json()["city"] == "Sandy Bay"
    assert latest_event() == ("branch.updated", {"label": "Hobart", "field_names": "city"})

    assert admin.delete(f"{BRANCHES}{pk}/").status_code == 204
    assert latest_event() == ("branch.deleted", {"label": "Hobart"})
    assert admin.get(f"{BRANCHES}{pk}/").status_code == 404
    assert not Branch.objects.filter(pk=pk).exists()


def test_a_put_replaces_a_branch_and_needs_every_required_field(world, admin):
    url = f"{BRANCHES}{world.ours.branch.pk}/"
    with nothing_written():
        refused = admin.put(url, {"name": "North"})
    assert refused.status_code == 400
    assert refused.json()["errors"] == {
        "code": ["This field is required."],
        "state": ["This field is required."],
    }
    replaced = admin.put(url, {"name": "North", "code": "N", "state": "NT"})
    assert replaced.status_code == 200
    assert admin.get(url).json() == replaced.json()


def test_a_change_that_changes_nothing_tells_nobody(world, admin):
    events = Event.objects.count()
    reply = admin.patch(f"{BRANCHES}{world.ours.branch.pk}/", {"name": world.ours.branch.name})
    assert reply.status_code == 200
    assert Event.objects.count() == events


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"code": "B" * 17}, "code"),
        ({"state": "XX"}, "state"),
        ({"state": None}, "state"),
        ({"postcode": "200"}, "postcode"),
        ({"postcode": "20000"}, "postcode"),
        ({"postcode": "abcd"}, "postcode"),
        ({"phone": "12"}, "phone"),
        ({"phone": "call me"}, "phone"),
        ({"email": "nobody"}, "email"),
        ({"is_active": "perhaps"}, "is_active"),
        ({"colour": "green"}, "colour"),
    ],
)
def test_a_bad_branch_is_refused_by_field(admin, change, field):
    with nothing_written():
        reply = admin.post(BRANCHES, {"name": "Hobart", "code": "HOB", "state": "TAS", **change})
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


@pytest.mark.parametrize("field", ["name", "code"])
def test_a_taken_name_or_code_is_refused(world, admin, field):
    body = {"name": "Hobart", "code": "HOB", "state": "TAS", field: getattr(world.ours.branch, field)}
    with nothing_written():
        reply = admin.post(BRANCHES, body)
    assert reply.status_code == 400
    assert reply.json()["errors"] == {field: [f"branch with this {field} already exists."]}


def test_a_branch_with_people_in_it_stays(world, admin):
    with nothing_written():
        reply = admin.delete(f"{BRANCHES}{world.ours.branch.pk}/")
    assert reply.status_code == 409
    assert reply.json()["code"] == "conflict"


def test_each_role_sees_its_branches(world, api):
    BranchFactory.create(name="Closed", is_active=False)
    ours, theirs = world.ours.branch.name, world.theirs.branch.name
    expected = {"admin": ["Closed", ours, theirs], "bd": [ours], "broker": [ours, theirs], "client": [ours]}
    for role, seen in expected.items():
        assert sorted(names(api(world.user(role)).get(BRANCHES))) == sorted(seen), role


def test_an_invisible_branch_is_not_found(world, api):
    for role in ("bd", "client"):
        assert api(world.user(role)).get(f"{BRANCHES}{world.theirs.branch.pk}/").status_code == 404


def test_branches_are_filtered_searched_and_ordered(admin, world):
    Branch.objects.filter(pk=world.ours.branch.pk).update(name="Alpha", state="WA", city="Perth", code="Z1")
    Branch.objects.filter(pk=world.theirs.branch.pk).update(name="Beta", is_active=False, code="A1")
    for query, seen in (
        ("state=WA", ["Alpha"]),
        ("state=nowhere", []),
        ("is_active=false", ["Beta"]),
        ("is_active=true", ["Alpha"]),
        ("search=perth", ["Alpha"]),
        ("search=nothing", []),
        ("", ["Alpha", "Beta"]),
        ("ordering=-name", ["Beta", "Alpha"]),
        ("ordering=code", ["Beta", "Alpha"]),
    ):
        assert names(admin.get(f"{BRANCHES}?{query}")) == seen, query


def test_an_unknown_ordering_is_refused(admin):
    reply = admin.get(f"{BRANCHES}?ordering=colour")
    assert reply.status_code == 400
    assert reply.json()["errors"] == {
        "ordering": ["Cannot order by colour. Choose from code, created_at, name, state."]
    }


def test_the_people_of_a_branch_are_listed_as_far_as_the_caller_sees_them(world, api):
    other = BrokerFactory.create(branch=world.ours.branch)
    url = f"{BRANCHES}{world.ours.branch.pk}/"
    both = sorted([world.ours.broker.pk, other.pk])
    for role, brokers, bdms in (
        ("admin", both, [world.ours.bdm.pk]),
        ("bd", both, [world.ours.bdm.pk]),
        ("broker", [world.ours.broker.pk], [world.ours.bdm.pk]),
    ):
        client = api(world.user(role))
        assert sorted(ids(client.get(f"{url}brokers/"))) == brokers, role
        assert ids(client.get(f"{url}bdms/")) == bdms, role
    assert api(world.ours.client_user).get(f"{url}brokers/").status_code == 403
    assert api(world.ours.bd_user).get(f"{BRANCHES}{world.theirs.branch.pk}/brokers/").status_code == 404


# --- BDMs -----------------------------------------------------------------------------------------


def test_a_bdm_is_created_read_changed_and_deleted(world, admin):
    user = UserFactory.create(role="bd", first_name="Dora", last_name="Dee", phone="+61412345678")
    body = {"user": user.pk, "branch": world.ours.branch.pk, "job_title": "Senior BDM"}
    made = admin.post(BDMS, body)
    assert made.status_code == 201
    url = f"{BDMS}{made.json()['id']}/"
    shown = admin.get(url).json()
    assert shown == made.json()
    assert {**shown, **body} == shown
    assert (shown["name"], shown["email"], shown["phone"]) == ("Dora Dee", user.email, "+61412345678")
    assert shown["branch_name"] == world.ours.branch.name
    assert latest_event() == ("bdm.created", {"label": "Dora Dee"})
    assert admin.patch(url, {"branch": world.theirs.branch.pk}).json()["branch"] == world.theirs.branch.pk
    assert latest_event() == ("bdm.updated", {"label": "Dora Dee", "field_names": "branch"})
    assert admin.delete(url).status_code == 204
    assert admin.get(url).status_code == 404


def test_a_bdm_needs_a_login_of_that_role_that_no_other_bdm_has(world, admin):
    for user, words in (
        (world.ours.broker_user, f'Invalid pk "{world.ours.broker_user.pk}" - object does not exist.'),
        (world.ours.bd_user, "This login has a BDM profile already."),
    ):
        with nothing_written():
            reply = admin.post(BDMS, {"user": user.pk, "branch": world.ours.branch.pk})
        assert reply.status_code == 400
        assert reply.json()["errors"] == {"user": [words]}


def test_a_bdm_with_applications_stays(world, admin):
    with nothing_written():
        assert admin.delete(f"{BDMS}{world.ours.bdm.pk}/").status_code == 409


def test_each_role_sees_its_bdms(world, api):
    away = BdmFactory.create(is_active=False)
    ours, theirs = world.ours.bdm.pk, world.theirs.bdm.pk
    assert ids(api(world.admin).get(BDMS)) == [ours, theirs, away.pk]
    assert ids(api(world.ours.bd_user).get(BDMS)) == [ours]
    assert ids(api(world.ours.broker_user).get(BDMS)) == [ours, theirs]
    assert api(world.ours.client_user).get(BDMS).status_code == 403


def test_bdms_are_filtered_and_searched(world, admin):
    Bdm.objects.filter(pk=world.theirs.bdm.pk).update(is_active=False)
    for query, seen in (
        (f"branch={world.ours.branch.pk}", [world.ours.bdm.pk]),
        ("is_active=false", [world.theirs.bdm.pk]),
        (f"search={world.theirs.bd_user.last_name}", [world.theirs.bdm.pk]),
        ("ordering=-created_at", [world.theirs.bdm.pk, world.ours.bdm.pk]),
    ):
        assert ids(admin.get(f"{BDMS}?{query}")) == seen, query
    assert admin.get(f"{BDMS}?branch=none").status_code == 400


def test_the_applications_of_a_bdm(world, api):
    url = f"{BDMS}{world.ours.bdm.pk}/applications/"
    for role in ("admin", "bd"):
        assert ids(api(world.user(role)).get(url)) == [world.ours.application.pk]
    assert api(world.ours.broker_user).get(url).status_code == 403
    assert api(world.theirs.bd_user).get(url).status_code == 404


# --- brokers --------------------------------------------------------------------------------------


def test_a_broker_is_created_read_changed_and_deleted(world, admin):
    user = UserFactory.create(role="broker")
    body = {
        "user": user.pk,
        "branch": world.ours.branch.pk,
        "first_name": "Bo",
        "last_name": "Roker",
        "email": "bo@example.com",
        "phone": "0412 345 678",
        "company_name": "Roker Finance",
        "abn": VALID_ABN,
        "credit_representative_number": "123456",
    }
    made = admin.post(BROKERS, body)
    assert made.status_code == 201
    url = f"{BROKERS}{made.json()['id']}/"
    shown = admin.get(url).json()
    assert shown == made.json()
    assert {name: shown[name] for name in body} == {
        **body,
        "phone": "+61412345678",
        "abn": "51824753556",
    }
    assert (shown["name"], shown["branch_name"]) == ("Bo Roker", world.ours.branch.name)
    assert latest_event() == ("broker.created", {"label": "Bo Roker"})
    assert admin.patch(url, {"user": None, "company_name": ""}).json()["user"] is None
    assert latest_event() == ("broker.updated", {"label": "Bo Roker", "field_names": "company_name, user"})
    assert admin.delete(url).status_code == 204
    assert not Broker.objects.filter(email="bo@example.com").exists()


def test_a_broker_without_a_login_is_known(world, admin):
    body = {"branch": world.ours.branch.pk, "first_name": "A", "last_name": "B", "email": "a@example.com"}
    for user in ({}, {"user": None}, {"user": ""}):
        made = admin.post(BROKERS, {**body, **user})
        assert made.status_code == 201
        assert made.json()["user"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"abn": "51 824 753 557"}, "abn"),
        ({"abn": "123"}, "abn"),
        ({"abn": "abcdefghijk"}, "abn"),
        ({"phone": "999"}, "phone"),
        ({"email": ""}, "email"),
        ({"email": "x@"}, "email"),
        ({"first_name": None}, "first_name"),
        ({"branch": None}, "branch"),
        ({"branch": 0}, "branch"),
        ({"user": 0}, "user"),
        ({"commission": "5"}, "commission"),
    ],
)
def test_a_bad_broker_is_refused_by_field(world, admin, change, field):
    body = {"branch": world.ours.branch.pk, "first_name": "A", "last_name": "B", "email": "a@example.com"}
    with nothing_written():
        reply = admin.post(BROKERS, {**body, **change})
    assert reply.status_code == 400
    assert list(reply.json()["errors"]) == [field]


def test_a_login_has_one_broker_profile(world, admin):
    body = {"branch": world.ours.branch.pk, "first_name": "A", "last_name": "B", "email": "a@example.com"}
    with nothing_written():
        reply = admin.post(BROKERS, {**body, "user": world.ours.broker_user.pk})
    assert reply.status_code == 400
    assert reply.json()["errors"] == {"user": ["This login has a broker profile already."]}
    same = admin.patch(f"{BROKERS}{world.ours.broker.pk}/", {"user": world.ours.broker_user.pk})
    assert same.status_code == 200


def test_a_broker_with_applications_stays(world, admin):
    with nothing_written():
        assert admin.delete(f"{BROKERS}{world.ours.broker.pk}/").status_code == 409


def test_each_role_sees_its_brokers(world, api):
    ours, theirs = world.ours.broker.pk, world.theirs.broker.pk
    for role, seen in (("admin", [ours, theirs]), ("bd", [ours]), ("broker", [ours]), ("client", [ours])):
        client = api(world.user(role))
        assert sorted(ids(client.get(BROKERS))) == sorted(seen), role
        status = client.get(f"{BROKERS}{theirs}/").status_code
        assert status == (200 if role == "admin" else 404), role


@pytest.mark.parametrize("role", ["bd", "broker", "client"])
def test_only_administrators_write_brokers_branches_and_bdms(world, api, role):
    client = api(world.user(role))
    with nothing_written():
        for url, pk in (
            (BROKERS, world.ours.broker.pk),
            (BRANCHES, world.ours.branch.pk),
            (BDMS, world.ours.bdm.pk),
        ):
            assert client.post(url, {}).status_code == 403
            # Clients see no BDM at all.
            refused = 404 if (role, url) == ("client", BDMS) else 403
            for method in (client.put, client.patch, client.delete):
                assert method(f"{url}{pk}/", {}).status_code == refused


def test_brokers_are_filtered_searched_and_ordered(world, admin):
    ours, theirs = world.ours.broker.pk, world.theirs.broker.pk
    Broker.objects.filter(pk=ours).update(last_name="Adams", company_name="Zeta Loans")
    Broker.objects.filter(pk=theirs).update(
        last_name="Zimmer", company_name="Alpha", is_active=False, user=None
    )
    Branch.objects.filter(pk=world.theirs.branch.pk).update(state="WA")

    def email_of(pk):
        return Broker.objects.get(pk=pk).email

    for query, seen in (
        ("", [ours, theirs]),
        ("ordering=-last_name", [theirs, ours]),
        ("ordering=company_name", [theirs, ours]),
        ("ordering=-email", sorted([ours, theirs], key=email_of, reverse=True)),
        (f"branch={world.theirs.branch.pk}", [theirs]),
        ("state=WA", [theirs]),
        ("state=nowhere", []),
        ("has_login=true", [ours]),
        ("has_login=false", [theirs]),
        ("is_active=true", [ours]),
        ("search=zeta", [ours]),
        (f"search={world.theirs.broker.email}", [theirs]),
    ):
        assert ids(admin.get(f"{BROKERS}?{query}")) == seen, query


def test_the_applications_of_a_broker(world, api):
    url = f"{BROKERS}{world.ours.broker.pk}/applications/"
    for role in ("admin", "bd", "broker"):
        reply = api(world.user(role)).get(url)
        assert ids(reply) == [world.ours.application.pk]
        assert reply.json()["count"] == 1
    assert api(world.ours.client_user).get(url).status_code == 403
    assert api(world.theirs.broker_user).get(url).status_code == 404
