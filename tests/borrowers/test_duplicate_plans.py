"""How PostgreSQL looks for duplicates among many borrowers; with DUPLICATES=1000000 also how long it takes.

DUPLICATES=1000000 ./crm test tests/borrowers/test_duplicate_plans.py -n 0 --no-cov -s
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from benchmarks.grown import BASE, Template, _fill
from benchmarks.plans import Plan, explain, plans_of
from borrowers import selectors
from borrowers.models import Borrower
from borrowers.pairing import BATCH, FIND
from borrowers.selectors import Likeness
from demo.names import FIRST_NAMES, LAST_NAMES
from tests.factories import UserFactory
from users.choices import Role
from users.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]

SIZE = int(os.environ.get("DUPLICATES", "20000"))
TABLE = {"borrowers_borrower"}
# Somebody in the middle of the book, and what they have in common with others.
N = SIZE // 2 + 3
# Of the companies in the book, by number: the word that many have, and the ones that few have.
SECTORS = ("Holdings", "Building", "Services", "Transport", "Plumbing", "Finance", "Farming", "Trading")


def word(words: tuple[str, ...], expression: str) -> str:
    quoted = ", ".join("'{}'".format(name.replace("'", "''")) for name in words)
    return f"(ARRAY[{quoted}])[1 + ({expression}) %% {len(words)}]"


FIRST, LAST = word(FIRST_NAMES, "hashint8(n) & 65535"), word(LAST_NAMES, "hashint8(-n) & 65535")
COLUMNS = {
    "id": f"{BASE} + n",
    "borrower_type": "CASE WHEN n %% 5 = 0 THEN 'company' ELSE 'individual' END",
    "first_name": f"CASE WHEN n %% 5 = 0 THEN '' ELSE {FIRST} END",
    "last_name": f"CASE WHEN n %% 5 = 0 THEN '' ELSE {LAST} END",
    "company_name": f"CASE WHEN n %% 5 = 0 THEN {LAST} || ' ' || "
    f"{word(FIRST_NAMES, 'hashint8(n + 7) & 65535')} || ' ' || {word(SECTORS, 'n / 5')} || ' Pty Ltd' "
    "ELSE '' END",
    "date_of_birth": "CASE WHEN n %% 5 = 0 THEN NULL "
    "ELSE date '1940-01-01' + (hashint8(n) & 32767) %% 24000 END",
    "abn": "CASE WHEN n %% 5 = 0 THEN lpad(n::text, 11, '5') ELSE '' END",
    "email": "'person' || n || '@example.com'",
    "phone": "'+614' || lpad((n / 2)::text, 8, '0')",
    "tax_id_index": "CASE WHEN n %% 5 = 0 THEN '' ELSE md5((n / 3)::text) || md5(n::text) END",
    "created_at": "timestamptz '2024-01-01' + n * interval '10 seconds'",
    "updated_at": "timestamptz '2024-01-01' + n * interval '10 seconds'",
}


@contextmanager
def without_indexes() -> Iterator[None]:
    """Build the indexes after the rows: of a million rows in a minute, where row by row takes ten."""
    from django.db import connection

    with connection.schema_editor() as editor:
        for index in Borrower._meta.indexes:
            editor.remove_index(Borrower, index)
    yield
    with connection.schema_editor() as editor:
        editor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        for index in Borrower._meta.indexes:
            editor.add_index(Borrower, index)


@pytest.fixture(scope="module")
def admin(django_db_setup: None, django_db_blocker: Any) -> Iterator[User]:
    from django.core.management import call_command
    from django.db import connection

    with django_db_blocker.unblock():
        user = UserFactory.create(role=Role.ADMIN)
        with without_indexes():
            _fill(Borrower, 0, SIZE, Template(Borrower(), COLUMNS))
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE borrowers_borrower")
    yield user
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)


def person() -> Borrower:
    found = Borrower.objects.filter(pk__gte=BASE + N, borrower_type="individual").order_by("pk").first()
    assert found is not None
    return found


def company() -> Borrower:
    found = Borrower.objects.filter(pk__gte=BASE + N, borrower_type="company").order_by("pk").first()
    assert found is not None
    return found


def found_by(plan: Plan, question: str) -> None:
    scans = ", ".join(plan.scans)
    sys.stdout.write(f"\n{question}: {plan.milliseconds:.1f} ms, {plan.visited(TABLE)} rows, {scans}")
    assert not plan.read_whole & TABLE, plan.scans
    # A name's words find others that have one of them; a twentieth of the book would be a walk through it.
    assert plan.visited(TABLE) <= SIZE / 20 + 200, plan.scans


@pytest.mark.parametrize("field", ["abn", "email", "phone"])
def test_an_exact_key_is_found_by_its_index(admin: User, field: str) -> None:
    value = getattr(company() if field == "abn" else person(), field)
    rows = selectors.duplicates(Borrower.objects.all(), Likeness(**{field: value}), reader=admin)
    plan = explain(rows[:20].query.sql_with_params())
    found_by(plan, field)
    assert f"borrower_{field}" in plan.scans
    assert rows.count() >= 1


def test_a_similar_name_is_looked_for_among_those_born_on_that_day(admin: User) -> None:
    one = person()
    likeness = Likeness(
        first_name=one.first_name, last_name=one.last_name, date_of_birth=one.date_of_birth, without=one.pk
    )
    plan = explain(
        selectors.duplicates(Borrower.objects.all(), likeness, reader=admin)[:20].query.sql_with_params()
    )
    found_by(plan, "person")
    assert "borrower_born" in plan.scans


def test_a_similar_company_is_found_by_trigrams(admin: User) -> None:
    likeness = Likeness(company_name=company().company_name, without=company().pk)
    plan = explain(
        selectors.duplicates(Borrower.objects.all(), likeness, reader=admin)[:20].query.sql_with_params()
    )
    found_by(plan, "company")
    assert "borrower_search" in plan.scans


def test_a_name_of_one_word_that_many_companies_have_is_no_walk_through_the_book(admin: User) -> None:
    likeness = Likeness(company_name=f"{SECTORS[0]} Pty Ltd")
    rows = selectors.duplicates(Borrower.objects.all(), likeness, reader=admin)
    plan = explain(rows[:20].query.sql_with_params())
    found_by(plan, "company of one common word")
    assert "borrower_search" in plan.scans


def test_pairs_of_those_that_changed_are_found_by_indexes(admin: User) -> None:
    several = Borrower.objects.filter(pk__gte=BASE + N).order_by("pk").values_list("pk", flat=True)
    pks = list(several[: min(BATCH, SIZE // 400)])
    plan = explain((FIND, [pks]))
    found_by(plan, f"pairs of {len(pks)}")
    assert {"borrower_born", "borrower_phone", "borrower_email", "borrower_abn"} <= set(plan.scans)


@pytest.mark.parametrize("kind", ["person", "company"])
def test_all_that_is_known_of_somebody_is_asked_for_in_one_go(admin: User, kind: str) -> None:
    one = person() if kind == "person" else company()
    for plan in plans_of(admin, f"/api/borrowers/duplicates/?borrower={one.pk}"):
        if "similarity" in plan.sql.lower() and not plan.is_count:
            found_by(plan, f"everything of a {kind}")


def test_who_is_born_on_another_day_is_not_the_same(admin: User) -> None:
    one = person()
    likeness = Likeness(first_name=one.first_name, last_name=one.last_name, date_of_birth=date(1930, 1, 1))
    assert not selectors.duplicates(Borrower.objects.all(), likeness, reader=admin).exists()
