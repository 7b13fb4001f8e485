"""Pairs of borrowers who may be one: found in the background, read by who sees both, dismissed for good."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from borrowers.merging import borrower_merge, borrower_merge_undo
from borrowers.models import Borrower, DuplicatePair, PairingState
from borrowers.pairing import BATCH, CROWD, pairs_find
from borrowers.tasks import find_duplicate_pairs
from tests.factories import BorrowerFactory
from tests.writes import nothing_written

pytestmark = pytest.mark.django_db

PAIRS = "/api/borrowers/duplicates/pairs/"
BORN = date(1980, 2, 29)
TFN = "123456782"


def found():
    """The pairs that there are, by the ids of the two."""
    return {(pair.first_id, pair.second_id): sorted(pair.reasons) for pair in DuplicatePair.objects.all()}


def alone(**fields):
    """Somebody who has nothing in common with others unless given."""
    return BorrowerFactory.create(**{"email": "", "phone": "", "created_by": None, **fields})


@pytest.fixture
def admin(world, api):
    return api(world.admin)


@pytest.fixture
def pair(world):
    """Our borrower and another one of ours with the same telephone."""
    Borrower.objects.filter(pk=world.ours.borrower.pk).update(phone="+61412345678")
    other = alone(phone="+61412345678", created_by=world.ours.bd_user)
    pairs_find()
    return DuplicatePair.objects.get(first=world.ours.borrower, second=other)


@pytest.mark.parametrize(
    ("reason", "fields", "others"),
    [
        ("phone", {"phone": "+61412345678"}, {}),
        ("email", {"email": "Bea@Example.com"}, {"email": "bea@example.com"}),
        ("abn", {"abn": "51824753556"}, {}),
        ("tax_id", {"tax_id": TFN}, {}),
        (
            "person",
            {"first_name": "Jon", "last_name": "Smith", "date_of_birth": BORN},
            {"first_name": "John"},
        ),
    ],
)
def test_what_is_in_common_makes_a_pair_and_its_reason(reason, fields, others):
    one, other = alone(**fields), alone(**{**fields, **others})
    assert pairs_find() == 2
    assert found() == {(one.pk, other.pk): [reason]}
    pair = DuplicatePair.objects.get()
    assert (pair.similarity is not None) == (reason == "person")
    assert pair.strength == 1


def test_a_similar_name_of_another_birth_date_is_no_pair():
    alone(first_name="Jon", last_name="Smith", date_of_birth=BORN)
    alone(first_name="Jon", last_name="Smith", date_of_birth=BORN + timedelta(days=1))
    alone(first_name="Jon", last_name="Smith")
    alone(first_name="Agnes", last_name="Nguyen", date_of_birth=BORN)
    pairs_find()
    assert found() == {}


def test_a_key_that_many_have_tells_nothing():
    crowd = [alone(phone="+61412345678") for _ in range(CROWD + 2)]
    few = [alone(phone="+61412345679") for _ in range(3)]
    pairs_find()
    assert len(found()) == 3
    assert {pk for pair in found() for pk in pair} == {row.pk for row in few} - {row.pk for row in crowd}


def test_pairs_follow_what_changes(api, admin, world):
    one, other = alone(phone="+61412345678"), alone(phone="+61412345678", abn="51824753556")
    third = alone(abn="51824753556")
    pairs_find()
    assert found() == {(one.pk, other.pk): ["phone"], (other.pk, third.pk): ["abn"]}
    assert admin.patch(f"/api/borrowers/{other.pk}/", {"phone": "+61412345679"}).status_code == 200
    assert admin.patch(f"/api/borrowers/{other.pk}/", {"email": "a@example.com"}).status_code == 200
    assert admin.patch(f"/api/borrowers/{third.pk}/", {"email": "A@example.com"}).status_code == 200
    find_duplicate_pairs()
    assert found() == {(other.pk, third.pk): ["abn", "email"]}
    assert DuplicatePair.objects.get().strength == 2


def test_every_borrower_is_looked_at_and_then_only_those_that_changed():
    long_ago = timezone.now() - timedelta(days=30)
    Borrower.objects.bulk_create(
        Borrower(first_name="A", last_name=f"B{n}", phone=f"+6141{n % 400:07}") for n in range(BATCH + 10)
    )
    Borrower.objects.update(updated_at=long_ago)
    assert pairs_find() == BATCH + 10
    assert len(found()) == BATCH + 10 - 400
    assert PairingState.objects.get().reached == long_ago
    with CaptureQueriesContext(connection) as queries:
        new = alone(phone="+61410000399")
        # Those of the moment that was reached are looked at again.
        Borrower.objects.exclude(pk=new.pk).update(updated_at=long_ago - timedelta(days=1))
        assert pairs_find() == 1
    assert len(queries) < 25
    assert len([pair for pair in found() if new.pk in pair]) == 1


# --- over HTTP --------------------------------------------------------------------------------------


def test_pairs_are_listed_the_strongest_first(admin, world, pair):
    strong = alone(phone="+61412345678", abn="51824753556"), alone(abn="51824753556", phone="+61412345678")
    pairs_find()
    rows = admin.get(PAIRS).json()["results"]
    assert rows[0]["first"]["id"] == strong[0].pk
    assert sorted(rows[0]["reasons"]) == ["abn", "phone"]
    [row] = [row for row in rows if row["id"] == pair.pk]
    assert (row["first"]["id"], row["second"]["id"]) == (pair.first_id, pair.second_id)
    assert row == admin.get(f"{PAIRS}{pair.pk}/").json()
    assert {row["id"] for row in admin.get(PAIRS, {"borrower": pair.second_id}).json()["results"]} == set(
        DuplicatePair.objects.filter(second=pair.second_id).values_list("pk", flat=True)
    ) | set(DuplicatePair.objects.filter(first=pair.second_id).values_list("pk", flat=True))


def test_who_does_not_see_both_sees_no_pair(world, api, pair):
    assert [row["id"] for row in api(world.ours.bd_user).get(PAIRS).json()["results"]] == [pair.pk]
    assert api(world.theirs.bd_user).get(PAIRS).json()["count"] == 0
    assert api(world.theirs.bd_user).get(f"{PAIRS}{pair.pk}/").status_code == 404
    Borrower.objects.filter(pk=pair.second_id).update(created_by=world.admin)
    assert api(world.ours.bd_user).get(PAIRS).json()["count"] == 0
    for user in (world.ours.broker_user, world.ours.client_user):
        assert api(user).get(PAIRS).status_code == 403


def test_an_equal_tax_file_number_is_told_to_administrators_only(world, api, admin, pair):
    for reasons, seen in ((["tax_id"], 0), (["phone", "tax_id"], 1)):
        DuplicatePair.objects.filter(pk=pair.pk).update(reasons=reasons)
        assert admin.get(f"{PAIRS}{pair.pk}/").json()["reasons"] == reasons
        rows = api(world.ours.bd_user).get(PAIRS).json()["results"]
        assert [row["reasons"] for row in rows] == [["phone"]] * seen
        rows = api(world.ours.bd_user).get(PAIRS, {"fields": "id"}).json()["results"]
        assert rows == [{"id": pair.pk}] * seen


def test_a_dismissed_pair_stays_so_and_both_timelines_tell(world, api, admin, pair):
    client, url = api(world.ours.bd_user), f"{PAIRS}{pair.pk}/"
    reply = client.post(f"{url}dismiss/", {"reason": "Father and son"})
    assert reply.status_code == 200, reply.json()
    body = reply.json()
    assert (body["dismissed_by"]["id"], body["dismissed_because"]) == (
        world.ours.bd_user.pk,
        "Father and son",
    )
    with nothing_written():
        assert client.post(f"{url}dismiss/").status_code == 409
    Borrower.objects.filter(pk=pair.second_id).update(updated_at=timezone.now(), phone="")
    pairs_find()
    assert admin.get(PAIRS, {"is_dismissed": "false"}).json()["count"] == 0
    assert [row["id"] for row in admin.get(PAIRS, {"is_dismissed": "true"}).json()["results"]] == [pair.pk]
    for pk in (pair.first_id, pair.second_id):
        told = admin.get(f"/api/borrowers/{pk}/timeline/").json()["results"]
        assert told[0]["type"] == "borrower.pair_dismissed"
        assert told[0]["data"]["reason"] == "Father and son"
    assert client.post(f"{url}reopen/").json()["dismissed_at"] is None
    with nothing_written():
        assert client.post(f"{url}reopen/").status_code == 409
    pairs_find()
    assert found() == {}


def test_a_merge_takes_pairs_away_and_undoing_brings_them_back(world, pair):
    third = alone(phone="+61412345678")
    pairs_find()
    DuplicatePair.objects.filter(second=third, first=pair.second_id).update(
        dismissed_at=timezone.now(), dismissed_by=world.admin, dismissed_because="Brothers"
    )
    before = list(DuplicatePair.objects.order_by("pk").values())
    merge = borrower_merge(survivor=pair.first, duplicate=pair.second, actor=world.admin, keep={})
    assert found() == {(pair.first_id, third.pk): ["phone"]}
    borrower_merge_undo(merge=merge, actor=world.admin)
    assert list(DuplicatePair.objects.order_by("pk").values()) == before
