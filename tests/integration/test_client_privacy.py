"""What a client learns of the others on a loan: who they are, not how to reach them."""

import pytest

from applications.models import Application, ApplicationBorrower
from borrowers.models import Borrower, Guarantor
from tests.factories import BorrowerFactory
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

EMAIL, PHONE = "dana.hidden@example.com", "+61412345678"


@pytest.fixture
def other(world):
    """A co-borrower of our client."""
    made = BorrowerFactory.create(first_name="Dana", last_name="Other", email=EMAIL, phone=PHONE)
    ApplicationBorrower.objects.create(application=world.ours.application, borrower=made, position=1)
    Borrower.objects.filter(pk=world.ours.borrower.pk).update(email="own@example.com", phone=PHONE)
    return made


def borrowers_of(client, world):
    address = f"/api/applications/{world.ours.application.pk}/"
    detail = client.get(address).json()["borrowers"]
    assert client.get(f"{address}borrowers/").json()["results"] == detail
    return {row["id"]: (row["display_name"], row["email"], row["phone"]) for row in detail}


def test_a_client_reads_how_to_reach_themselves_only(world, api, other):
    own = (world.ours.borrower.display_name, "own@example.com", PHONE)
    for role, reach in (("client", ("", "")), ("broker", (EMAIL, PHONE)), ("admin", (EMAIL, PHONE))):
        assert borrowers_of(api(world.user(role)), world) == {
            world.ours.borrower.pk: own,
            other.pk: ("Dana Other", *reach),
        }


@pytest.mark.parametrize("asked", ["dana.hidden", "hidden@example", "Dana"])
def test_a_client_finds_no_application_by_others_on_it(world, api, other, dispatch, asked):
    ours = world.ours.application
    reply = api(world.ours.client_user).get("/api/applications/", {"search": asked})
    assert (reply.status_code, reply.json()["results"]) == (200, [])
    found = api(world.ours.broker_user).get("/api/applications/", {"search": asked}).json()["results"]
    assert [row["id"] for row in found] == [ours.pk]


@pytest.mark.parametrize(
    ("words", "found"), [("{ref}", 1), ("kitchen {ref}", 1), ("kitchen%", 0), ("garage", 0)]
)
def test_a_client_finds_applications_by_reference_and_purpose(world, client, words, found):
    ours = world.ours.application
    Application.objects.filter(pk=ours.pk).update(purpose="A new kitchen")
    reply = client.get("/api/applications/", {"search": words.format(ref=ours.reference_number.lower())})
    assert [row["id"] for row in reply.json()["results"]] == [ours.pk] * found


@pytest.mark.parametrize("address", ["/api/guarantors/", "/api/borrowers/"])
def test_a_client_finds_nobody_by_e_mail(world, api, address):
    for model, row in ((Guarantor, world.ours.guarantor), (Borrower, world.ours.borrower)):
        model.objects.filter(pk=row.pk).update(email=EMAIL, last_name="Findable")
    counts = {
        role: [
            api(world.user(role)).get(address, {"search": word}).json()["count"]
            for word in ("dana.hidden", "findable")
        ]
        for role in ("client", "broker")
    }
    assert counts == {"client": [0, 1], "broker": [1, 1]}


def test_a_client_reads_neither_tags_nor_where_they_came_from(world, api):
    borrower = world.ours.borrower
    Borrower.objects.filter(pk=borrower.pk).update(tags=["risky"], referral_source="A debt collector")
    address, client = f"/api/borrowers/{borrower.pk}/", api(world.ours.client_user)
    shown = client.get(address).json()
    assert (shown["tags"], shown["referral_source"]) == ([], "")
    assert api(world.ours.broker_user).get(address).json()["tags"] == ["risky"]
    assert client.get("/api/borrowers/", {"tag": "risky"}).json()["count"] == 0
    sent = {"tags": [], "referral_source": "", "email": "new@example.com"}
    assert client.patch(address, sent).status_code == 200
    kept = Borrower.objects.get(pk=borrower.pk)
    assert (kept.tags, kept.referral_source, kept.email) == (["risky"], "A debt collector", "new@example.com")
    for change in ({"tags": ["risky"]}, {"tags": ["vip"]}, {"referral_source": "A debt collector"}):
        with nothing_written():
            reply = client.patch(address, change)
        assert reply.status_code == 400
        assert list(reply.json()["errors"]) == list(change)


def test_a_borrowers_timeline_names_only_whom_the_reader_may_know(world, api):
    borrower = world.ours.borrower
    address = f"/api/borrowers/{borrower.pk}/"
    for user in (world.admin, world.ours.bd_user, world.ours.broker_user, world.ours.client_user):
        assert api(user).patch(address, {"email": f"by{user.pk}@example.com"}).status_code == 200
    names = {
        role: [
            row["actor"] and row["actor"]["id"]
            for row in api(world.user(role)).get(f"{address}timeline/").json()["results"]
            if row["type"] == "borrower.updated"
        ]
        for role in ("admin", "bd", "broker", "client")
    }
    admin, bd = world.admin.pk, world.ours.bd_user.pk
    broker, client = world.ours.broker_user.pk, world.ours.client_user.pk
    assert names == {
        "admin": [client, broker, bd, admin],
        "bd": [None, broker, bd, None],
        "broker": [None, broker, None, None],
        "client": [client, None, None, None],
    }


def test_has_applications_counts_visible_ones_only(world, api):
    ours, theirs = world.ours, world.theirs
    mine = BorrowerFactory.create(created_by=ours.broker_user)
    ApplicationBorrower.objects.create(application=theirs.application, borrower=mine, position=1)
    broker = api(ours.broker_user)

    def ids(client, value):
        return [
            row["id"] for row in client.get(f"/api/borrowers/?has_applications={value}").json()["results"]
        ]

    assert (mine.pk in ids(broker, "true"), mine.pk in ids(broker, "false")) == (False, True)
    assert mine.pk in ids(api(world.admin), "true")
