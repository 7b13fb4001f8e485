"""Merges, and writes beside them, that arrive at the same moment: real threads, real transactions."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from borrowers.merging import borrower_merge
from borrowers.models import Asset, Borrower, BorrowerMerge, DuplicatePair, Guarantor, PairingState
from borrowers.pairing import pairs_find
from tests.borrowers.books import followers, with_everything
from tests.clients import ApiClient
from tests.factories import BorrowerFactory
from tests.threads import statuses, together, with_own_connection

pytestmark = pytest.mark.django_db(transaction=True)

BORROWERS = "/api/borrowers/"


def waiting() -> int:
    """How many connections wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0])


def queued(rows: Any, *acts: Callable[[], Any]) -> list[Any]:
    """Hold rows until all acts wait for them, each behind the one before; return what each returned."""
    with ThreadPoolExecutor(len(acts)) as pool:
        with transaction.atomic():
            list(rows.select_for_update().order_by("pk"))
            replies = []
            for number, act in enumerate(acts, 1):
                replies.append(pool.submit(with_own_connection, act))
                deadline = time.monotonic() + 20
                while waiting() < number:
                    assert time.monotonic() < deadline, "it does not wait"
                    time.sleep(0.01)
        return [reply.result(timeout=30) for reply in replies]


def merging(client: ApiClient, survivor: Borrower, duplicate: Borrower) -> Callable[[], Any]:
    return lambda: client.post(f"{BORROWERS}{survivor.pk}/merge/", {"duplicate": duplicate.pk})


def owners() -> dict[str, list[Any]]:
    """By link, whose the rows are."""
    return {
        name: sorted(
            set(
                link.model._base_manager.exclude(**{link.field: None}).values_list(
                    f"{link.field}_id", flat=True
                )
            )
        )
        for name, link in followers().items()
    }


@pytest.fixture
def three(world):
    """Three borrowers, each with a row of every kind."""
    made = [BorrowerFactory.create() for _ in range(3)]
    for borrower in made:
        with_everything(borrower, world)
    for model in (Asset, Guarantor):
        model.objects.exclude(borrower__in=made).delete()
    return made


@pytest.fixture
def admin(world, api):
    return api(world.admin)


def test_two_that_are_merged_into_each_other_at_once_are_merged_once(admin, three):
    one, other, _ = three
    first, second = queued(
        Borrower.objects.filter(pk__in=[one.pk, other.pk]),
        merging(admin, one, other),
        merging(admin, other, one),
    )
    assert (first.status_code, second.status_code) == (201, 409)
    assert f"Borrower {other.pk} was merged into another one" in second.json()["detail"]
    assert BorrowerMerge.objects.get().duplicate_id == other.pk
    assert not any(other.pk in pks for pks in owners().values())


def test_one_that_is_merged_into_two_at_once_goes_to_one_of_them_whole(admin, three):
    one, other, duplicate = three
    first, second = queued(
        Borrower.objects.filter(pk=duplicate.pk),
        merging(admin, one, duplicate),
        merging(admin, other, duplicate),
    )
    assert (first.status_code, second.status_code) == (201, 409)
    before = first.json()["moved"]
    assert min(before.values()) == 1
    assert BorrowerMerge.objects.get().into_id == one.pk
    for name, pks in owners().items():
        assert set(pks) & {row.pk for row in three} == {one.pk, other.pk}, name
    for name, link in followers().items():
        assert link.model._base_manager.filter(**{link.field: other.pk}).count() == 1, name
        assert link.model._base_manager.filter(**{link.field: one.pk}).count() == 2, name


def test_two_that_are_merged_into_one_at_once_both_go_there(admin, three):
    survivor, one, other = three
    replies = together(merging(admin, survivor, one), merging(admin, survivor, other))
    assert statuses(replies) == [201, 201]
    for name, link in followers().items():
        assert link.model._base_manager.filter(**{link.field: survivor.pk}).count() == 3, name


def test_a_ring_of_merges_at_once_ends_with_one_and_without_a_deadlock(admin, three):
    one, two, three_ = three
    acts = merging(admin, two, one), merging(admin, three_, two), merging(admin, one, three_)
    replies = queued(Borrower.objects.filter(pk__in=[row.pk for row in three]), *acts)
    # Whichever comes first, one of the other two finds that its borrower has gone.
    assert statuses(replies) == [201, 201, 409]
    [last] = Borrower.objects.filter(pk__in=[row.pk for row in three]).values_list("pk", flat=True)
    assert {merge.survivor_id for merge in BorrowerMerge.objects.all()} == {last}
    for name, link in followers().items():
        assert link.model._base_manager.filter(**{link.field: last}).count() == 3, name


# --- beside writes ----------------------------------------------------------------------------------


def adding(client: ApiClient, borrower: Borrower) -> Callable[[], Any]:
    body = {"asset_type": "vehicle", "description": "Ute", "value": "1000.00"}
    return lambda: client.post(f"{BORROWERS}{borrower.pk}/assets/", body)


def listing(client: ApiClient, world: Any, borrower: Borrower) -> Callable[[], Any]:
    url = f"/api/applications/{world.theirs.application.pk}/borrowers/"
    return lambda: client.put(url, {"borrowers": [world.theirs.borrower.pk, borrower.pk]})


def test_what_is_linked_after_a_merge_began_is_refused(world, admin, three):
    survivor, duplicate, _ = three
    merge = merging(admin, survivor, duplicate)
    writes = adding(admin, duplicate), listing(admin, world, duplicate)
    replies = queued(Borrower.objects.filter(pk=duplicate.pk), merge, *writes)
    assert [reply.status_code for reply in replies] == [201, 409, 409]
    assert not any(duplicate.pk in pks for pks in owners().values())
    assert list(world.theirs.application.borrowers.all()) == [world.theirs.borrower]


def test_what_is_linked_before_a_merge_goes_with_it(world, admin, three):
    survivor, duplicate, _ = three
    merge = merging(admin, survivor, duplicate)
    writes = adding(admin, duplicate), listing(admin, world, duplicate)
    added, listed, merged = queued(Borrower.objects.filter(pk=duplicate.pk), *writes, merge)
    assert (added.status_code, listed.status_code, merged.status_code) == (201, 200, 201)
    assert Asset.objects.get(pk=added.json()["id"]).borrower_id == survivor.pk
    assert list(world.theirs.application.borrowers.all()) == [world.theirs.borrower, survivor]


def beside(hold: Callable[[], Any], act: Callable[[], Any]) -> Any:
    """Do something, and before it is committed start an act that has to wait for it; what that returned."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            hold()
            reply = pool.submit(with_own_connection, act)
            deadline = time.monotonic() + 20
            while not waiting():
                assert time.monotonic() < deadline, "it does not wait"
                time.sleep(0.01)
        return reply.result(timeout=30)


@pytest.fixture
def alike(three):
    """Three borrowers with one telephone."""
    PairingState.objects.get_or_create(pk=1)
    Borrower.objects.filter(pk__in=[one.pk for one in three]).update(phone="+61412345678")
    return three


def paired() -> set[tuple[int, int]]:
    return set(DuplicatePair.objects.values_list("first", "second"))


def test_a_merge_beside_a_running_pairing_waits_for_it_and_takes_its_pairs_away(admin, alike):
    survivor, duplicate, third = alike
    reply = beside(pairs_find, merging(admin, survivor, duplicate))
    assert reply.status_code == 201, reply.content
    assert (survivor.pk, third.pk) in paired()
    assert not any(duplicate.pk in pair for pair in paired())


def test_pairing_beside_a_running_merge_leaves_it_for_the_next_time(world, alike):
    survivor, duplicate, third = alike
    pairs_find()
    Borrower.objects.filter(pk=third.pk).update(updated_at=timezone.now())
    with transaction.atomic():
        borrower_merge(survivor=survivor, duplicate=duplicate, actor=world.admin, keep={})
        assert together(pairs_find) == [0]
    assert pairs_find() > 0
    assert not any(duplicate.pk in pair for pair in paired())
    assert (survivor.pk, third.pk) in paired()


@pytest.mark.parametrize("action", ["dismiss", "reopen"])
def test_a_pair_that_a_merge_takes_away_meanwhile_is_a_conflict(world, admin, alike, action):
    survivor, duplicate, _ = alike
    pairs_find()
    pair = DuplicatePair.objects.get(first=survivor, second=duplicate)
    reply = beside(
        lambda: borrower_merge(survivor=survivor, duplicate=duplicate, actor=world.admin, keep={}),
        lambda: admin.post(f"{BORROWERS}duplicates/pairs/{pair.pk}/{action}/", {}),
    )
    assert reply.status_code == 409
    assert reply.json()["detail"].startswith("This pair is gone")
