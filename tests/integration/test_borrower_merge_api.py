"""Merging borrowers: everything follows, a trail is left, and all of it can be taken back."""

from datetime import date
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection, models

from applications.models import ApplicationBorrower
from borrowers import links, merging
from borrowers.models import Borrower, BorrowerMerge
from events.models import Event
from tests.borrowers.books import book
from tests.factories import (
    ApplicationFactory,
    AssetFactory,
    BorrowerFactory,
    GuarantorFactory,
    LiabilityFactory,
    UserFactory,
)
from tests.integration.test_borrowers_api import BORROWERS
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

MERGES = f"{BORROWERS}merges/"
TFN = "123456782"


def address(borrower):
    return f"{BORROWERS}{borrower.pk}/"


@pytest.fixture
def admin(world, api):
    return api(world.admin)


@pytest.fixture
def bdm(world, api):
    return api(world.ours.bd_user)


@pytest.fixture
def both(world):
    """Two of one person: our borrower, and another one with something of every kind."""
    survivor = world.ours.borrower
    Borrower.objects.filter(pk=survivor.pk).update(email="bea@example.com", phone="", employer="")
    duplicate = BorrowerFactory.create(
        first_name="Beatrice", phone="+61412345678", employer="Harbour Co", tax_id=TFN,
        date_of_birth=date(1980, 2, 29), street="1 High St", city="Sydney", state="NSW", postcode="2000",
        created_by=world.ours.bd_user, tags=["vip"], annual_income="120000.50",
    )  # fmt: skip
    AssetFactory.create(borrower=duplicate)
    LiabilityFactory.create(borrower=duplicate)
    GuarantorFactory.create(borrower=duplicate)
    theirs = ApplicationFactory.create(broker=world.ours.broker, bd=world.ours.bdm, branch=world.ours.branch)
    ApplicationBorrower.objects.create(application=theirs, borrower=duplicate, position=0)
    # On the same application as well, before the other.
    ApplicationBorrower.objects.filter(borrower=survivor).update(position=3)
    ApplicationBorrower.objects.create(application=world.ours.application, borrower=duplicate, position=1)
    survivor.refresh_from_db()
    return survivor, Borrower.objects.get(pk=duplicate.pk), theirs


def test_every_foreign_key_to_a_borrower_has_a_link():
    assert links.unregistered() == [], "say in the app's merge_links.py how these rows follow a merge"


def test_every_column_of_a_borrower_is_decided_by_a_merge():
    own = {"id", "created_at", "updated_at", "created_by_id", "borrower_type", "tax_id_index"}
    decided = {column for columns in merging.COLUMNS.values() for column in columns}
    assert {field.attname for field in Borrower._meta.concrete_fields} == own | decided


def test_everything_goes_over_and_the_duplicate_is_gone(world, admin, both):
    survivor, duplicate, theirs = both
    reply = admin.post(
        f"{address(survivor)}merge/",
        {"duplicate": duplicate.pk, "keep": {"first_name": "duplicate"}, "reason": "Same licence"},
    )
    assert reply.status_code == 201, reply.json()
    body = reply.json()
    assert body["moved"] == {
        "applications.ApplicationBorrower": 2,
        "borrowers.Asset": 1,
        "borrowers.Guarantor": 1,
        "borrowers.Liability": 1,
    }
    assert body["fields_taken"] == [
        "address", "annual_income", "date_of_birth", "employer", "first_name", "phone", "tags", "tax_id",
    ]  # fmt: skip
    assert (body["survivor"], body["duplicate"], body["reason"]) == (
        survivor.pk,
        duplicate.pk,
        "Same licence",
    )
    merged = Borrower.objects.get(pk=survivor.pk)
    assert (merged.first_name, merged.last_name) == ("Beatrice", survivor.last_name)
    assert (merged.email, merged.phone, merged.city) == ("bea@example.com", "+61412345678", "Sydney")
    assert merged.tax_id == TFN
    assert merged.tax_id_index in Borrower._meta.get_field("tax_id_index").matching(TFN)
    assert not Borrower.objects.filter(pk=duplicate.pk).exists()
    places = dict(ApplicationBorrower.objects.filter(borrower=merged).values_list("application", "position"))
    assert places == {world.ours.application.pk: 1, theirs.pk: 0}
    assert admin.get("/api/applications/", {"search": "Beatrice"}).json()["count"] == 2


def test_who_asks_for_the_duplicate_is_told_where_it_went(world, admin, api, both):
    survivor, duplicate, _ = both
    merge = admin.post(f"{address(survivor)}merge/", {"duplicate": duplicate.pk}).json()["id"]
    for user in (world.admin, world.ours.bd_user, world.ours.broker_user):
        reply = api(user).get(address(duplicate))
        assert reply.status_code == 410
        assert (reply.json()["code"], reply.json()["merged_into"]) == ("merged", survivor.pk)
        assert reply.json()["merge"] == merge
    assert api(world.theirs.broker_user).get(address(duplicate)).status_code == 404


def test_timelines_tell_of_it_to_all_but_clients(world, api, bdm, both):
    survivor, duplicate, theirs = both
    assert bdm.post(f"{address(survivor)}merge/", {"duplicate": duplicate.pk}).status_code == 201
    for user, told in ((world.ours.broker_user, True), (world.ours.client_user, False)):
        client = api(user)
        of_borrower = [row["type"] for row in client.get(f"{address(survivor)}timeline/").json()["results"]]
        assert ("borrower.merged" in of_borrower) is told
        here = client.get(f"/api/applications/{theirs.pk}/timeline/").json()["results"]
        assert ("application.borrowers_merged" in [row["type"] for row in here]) is told


def test_undoing_gives_the_same_rows(admin, both):
    survivor, duplicate, _ = both
    before = book()
    merge = admin.post(f"{address(survivor)}merge/", {"duplicate": duplicate.pk}).json()["id"]
    assert book() != before
    reply = admin.post(f"{MERGES}{merge}/undo/")
    assert reply.status_code == 200, reply.json()
    assert (reply.json()["left"], reply.json()["undone_by"]["name"]) == (
        {},
        reply.json()["merged_by"]["name"],
    )
    assert book() == before
    assert admin.get(address(duplicate)).status_code == 200
    with nothing_written():
        assert admin.post(f"{MERGES}{merge}/undo/").status_code == 409


def test_later_work_is_not_undone(admin, both):
    survivor, duplicate, _ = both
    merge = admin.post(f"{address(survivor)}merge/", {"duplicate": duplicate.pk}).json()["id"]
    assert admin.patch(address(survivor), {"phone": "+61412345679"}).status_code == 200
    with nothing_written():
        reply = admin.post(f"{MERGES}{merge}/undo/")
    assert (reply.status_code, reply.json()["fields"]) == (409, ["phone"])


def test_what_was_moved_or_removed_since_stays(admin, both):
    survivor, duplicate, theirs = both
    asset = duplicate.assets.get()
    merge = admin.post(f"{address(survivor)}merge/", {"duplicate": duplicate.pk}).json()["id"]
    assert admin.delete(f"{address(survivor)}assets/{asset.pk}/").status_code == 204
    other = BorrowerFactory.create()
    put = admin.put(f"/api/applications/{theirs.pk}/borrowers/", {"borrowers": [other.pk]})
    assert put.status_code == 200
    reply = admin.post(f"{MERGES}{merge}/undo/")
    assert reply.status_code == 200
    assert reply.json()["left"] == {"applications.ApplicationBorrower": 1, "borrowers.Asset": 1}
    assert list(theirs.borrowers.all()) == [other]
    assert duplicate.liabilities.count() == 1


def test_chains_lead_to_the_last_and_are_undone_from_there(admin, both):
    first, second, _ = both
    third = BorrowerFactory.create()
    one = admin.post(f"{address(first)}merge/", {"duplicate": second.pk}).json()["id"]
    two = admin.post(f"{address(third)}merge/", {"duplicate": first.pk}).json()["id"]
    assert admin.get(address(second)).json()["merged_into"] == third.pk
    with nothing_written():
        assert admin.post(f"{MERGES}{one}/undo/").status_code == 409
    assert admin.post(f"{MERGES}{two}/undo/").status_code == 200
    assert admin.post(f"{MERGES}{one}/undo/").status_code == 200
    assert Borrower.objects.filter(pk__in=[first.pk, second.pk, third.pk]).count() == 3


def test_what_cannot_be_one_is_refused(world, admin, both):
    survivor, duplicate, _ = both
    firm = BorrowerFactory.create(
        borrower_type="company", first_name="", last_name="", company_name="Harbour"
    )
    other_login = BorrowerFactory.create(user=UserFactory.create())
    to = f"{address(survivor)}merge/"
    with nothing_written():
        assert admin.post(to, {"duplicate": survivor.pk}).status_code == 400
        assert admin.post(to, {"duplicate": 2**31 - 1}).status_code == 400
        assert admin.post(to, {"duplicate": firm.pk}).status_code == 409
        both_logins = admin.post(to, {"duplicate": other_login.pk})
        assert (both_logins.status_code, both_logins.json()["choose"]) == (409, ["user"])
        empty = admin.post(to, {"duplicate": duplicate.pk, "keep": {"job_title": "duplicate"}})
        assert (empty.status_code, list(empty.json()["errors"]["keep"])) == (400, ["job_title"])
        assert admin.post(to, {"duplicate": duplicate.pk, "keep": {"id": "duplicate"}}).status_code == 400
    reply = admin.post(to, {"duplicate": other_login.pk, "keep": {"user": "duplicate"}})
    assert reply.status_code == 201
    assert Borrower.objects.get(pk=survivor.pk).user_id == other_login.user_id


def test_a_bdm_merges_only_what_they_see_whole(world, bdm, both):
    survivor, duplicate, _ = both
    ApplicationBorrower.objects.create(application=world.theirs.application, borrower=duplicate, position=9)
    with nothing_written():
        assert bdm.post(f"{address(survivor)}merge/", {"duplicate": duplicate.pk}).status_code == 403
    ApplicationBorrower.objects.filter(application=world.theirs.application, borrower=duplicate).delete()
    Borrower.objects.filter(pk=survivor.pk).update(user=None)
    Borrower.objects.filter(pk=duplicate.pk).update(user=world.ours.client_user)
    with nothing_written():
        assert bdm.post(f"{address(survivor)}merge/", {"duplicate": duplicate.pk}).status_code == 403


def test_a_row_that_nobody_moves_keeps_the_duplicate_in_place(admin, both, monkeypatch):
    """The database would not let it go: a link that is missing loses nothing."""
    survivor, duplicate, _ = both
    monkeypatch.delitem(links.LINKS, "borrowers.Asset.borrower")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with nothing_written():
        assert admin.post(f"{address(survivor)}merge/", {"duplicate": duplicate.pk}).status_code == 409


def test_merges_are_listed_by_survivor_duplicate_and_state(admin, both):
    survivor, duplicate, _ = both
    merge = admin.post(f"{address(survivor)}merge/", {"duplicate": duplicate.pk}).json()
    for query in ({"survivor": survivor.pk}, {"duplicate": duplicate.pk}, {"is_undone": "false"}):
        assert [row["id"] for row in admin.get(MERGES, query).json()["results"]] == [merge["id"]]
    assert admin.get(MERGES, {"is_undone": "true"}).json()["results"] == []
    assert admin.get(f"{MERGES}{merge['id']}/").json() == merge


def test_no_reply_or_event_tells_a_secret(admin, both):
    survivor, duplicate, _ = both
    reply = admin.post(f"{address(survivor)}merge/", {"duplicate": duplicate.pk})
    told = [str(event.data) for event in Event.objects.all()]
    assert TFN not in reply.content.decode() + "".join(told)
    assert not any(
        TFN in str(row)
        for row in BorrowerMerge.objects.annotate(
            raw=models.functions.Cast("snapshot", models.TextField())
        ).values_list("raw", "moved", "left")
    )


def test_whoever_created_the_duplicate_keeps_sight_of_whom_it_became(world, api):
    broker, survivor = api(world.theirs.broker_user), world.ours.borrower
    duplicate = BorrowerFactory.create(created_by=world.theirs.broker_user)
    path, old = f"/api/borrowers/{survivor.pk}/", f"/api/borrowers/{duplicate.pk}/"
    assert broker.get(path).status_code == 404
    merged = api(world.admin).post(f"{path}merge/", {"duplicate": duplicate.pk}).json()
    assert broker.get(path).status_code == broker.get(f"/api/customers/{survivor.pk}/").status_code == 200
    assert [row["id"] for row in broker.get("/api/borrowers/").json()["results"]].count(survivor.pk) == 1
    gone = broker.get(old)
    assert (gone.status_code, gone.json()["merged_into"]) == (410, survivor.pk)
    # Not what others have with them.
    assert broker.get(f"{path}applications/").json()["count"] == 0
    assert api(world.theirs.bd_user).get(path).status_code == 404
    api(world.admin).post(f"/api/borrowers/merges/{merged['id']}/undo/")
    assert (broker.get(path).status_code, broker.get(old).status_code) == (404, 200)


def test_merges_of_before_remember_who_created_the_duplicate(world, api):
    duplicate = BorrowerFactory.create(created_by=world.theirs.broker_user)
    merge = merging.borrower_merge(
        survivor=world.ours.borrower, duplicate=duplicate, actor=world.admin, keep={}
    )
    BorrowerMerge.objects.update(duplicate_created_by=None)
    import_module("borrowers.migrations.0006_who_brought_a_duplicate").remember(apps, None)
    merge.refresh_from_db()
    assert merge.duplicate_created_by == world.theirs.broker_user
