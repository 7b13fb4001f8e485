"""Whatever refers to two borrowers, and whatever was chosen of them: undoing a merge gives the same rows."""

from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from borrowers import links, merging
from borrowers.models import Borrower, BorrowerMerge
from tests.borrowers.books import KINDS, book, place_of, review_of
from tests.factories import ApplicationFactory, BorrowerFactory

pytestmark = pytest.mark.django_db

VALUES: dict[str, list[Any]] = {
    "phone": ["", "+61412345678", "+61412345679"],
    "email": ["", "bea@example.com", "b.a@example.com"],
    "employer": ["", "Harbour Co"],
    "tax_id": ["", "123456782"],
    "date_of_birth": [None, date(1980, 2, 29)],
    "annual_income": [None, "120000.50"],
    "tags": [[], ["vip"], ["vip", "émigré"]],
    "months_employed": [None, 0, 14],
}
PEOPLE = ("survivor", "duplicate", "third")
# Shared: a place, or a review, of one application that others have as well.
STEPS = st.tuples(st.sampled_from([*sorted(KINDS), "shared place", "shared review"]), st.sampled_from(PEOPLE))
HISTORIES = st.fixed_dictionaries(
    {
        "people": st.tuples(
            *[st.fixed_dictionaries({name: st.sampled_from(of) for name, of in VALUES.items()})] * 3
        ),
        "steps": st.lists(STEPS, max_size=14),
        "keep": st.dictionaries(st.sampled_from(sorted(VALUES)), st.sampled_from(["survivor", "duplicate"])),
        # Into whom the third is merged, before the two are.
        "earlier": st.sampled_from([None, "survivor", "duplicate"]),
    }
)


def test_there_is_a_row_of_each_kind_that_refers_to_a_borrower():
    assert {name for name, link in links.LINKS.items() if link.model is not BorrowerMerge} == set(KINDS)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES)
def test_undoing_gives_the_same_rows(world, history):
    point = transaction.savepoint()
    try:
        people = dict(
            zip(PEOPLE, [BorrowerFactory.create(**values) for values in history["people"]], strict=True)
        )
        shared, listed, reviewed = ApplicationFactory.create(), set(), set()
        for kind, whose in history["steps"]:
            if kind == "shared place":
                if whose not in listed:
                    place_of(people[whose], world, shared)
                listed.add(whose)
            elif kind == "shared review":
                if whose not in reviewed:
                    review_of(people[whose], world, shared)
                reviewed.add(whose)
            else:
                KINDS[kind](people[whose], world)
        merges, books = [], []
        pairs = [("survivor", "duplicate", history["keep"])]
        if history["earlier"]:
            pairs.insert(0, (history["earlier"], "third", {}))
        for survivor, duplicate, keep in pairs:
            one, other = (Borrower.objects.get(pk=people[name].pk) for name in (survivor, duplicate))
            chosen = {
                name: side
                for name, side in keep.items()
                if side == "survivor" or getattr(other, name) not in ("", None, [])
            }
            books.append(book())
            merges.append(
                merging.borrower_merge(survivor=one, duplicate=other, actor=world.admin, keep=chosen)
            )
            assert not Borrower.objects.filter(pk=other.pk).exists()
        while merges:
            merge = BorrowerMerge.objects.get(pk=merges.pop().pk)
            undone = merging.borrower_merge_undo(merge=merge, actor=world.admin)
            assert undone.left == {}
            assert book() == books.pop()
        with connection.cursor() as cursor:
            # Foreign keys are checked at the end of a transaction, which this one does not see.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    finally:
        transaction.savepoint_rollback(point)
