"""How PostgreSQL goes about each question to the list of applications, in a book that is big enough to tell.

The questions come from the filter set and the viewset (`benchmarks/questions.py`): a new filter or ordering
is asked for here without a line of test, and fails when no index serves it.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import questions
from benchmarks.grown import Grown, grow
from benchmarks.plans import LARGE, Plan, plans_of, reply_to
from users.choices import Role

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]

SIZE = 20_000
# A page has 21 rows to find. Where no index has both the filter and the ordering, PostgreSQL walks in order
# and leaves rows out, or sorts the few that a filter finds, whichever is less: at worst some thousands here,
# and √50 times as many in a book that is 50 times as large.
MOST_VISITED = 6_000
MOST_SORTED = 1_000
# Later applications settle later and are changed later. The planner takes such columns to have nothing to
# do with each other, and may walk past all that is older than asked for: docs/performance.md, "Limits".
GOES_WITH_CREATION = ("created_at", "updated_at", "stage_entered_at", "estimated_settlement_date")


@pytest.fixture(scope="module")
def book(django_db_setup: None, django_db_blocker: Any) -> Iterator[Grown]:
    from django.core.management import call_command
    from django.db import connection

    with django_db_blocker.unblock():
        made = grow(SIZE)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    yield made
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)


def told(address: str, plan: Plan, what: str) -> str:
    return f"{address}\n  {what}: {', '.join(plan.scans)}\n  {plan.sql[:60]} … {plan.sql[-300:]}"


def faults(address: str, plans: list[Plan]) -> Iterator[str]:
    """What is slow about finding a page."""
    for plan in plans:
        if plan.is_count:
            continue
        if plan.read_whole & LARGE:
            yield told(address, plan, "reads a whole table")
        if plan.visited(LARGE) > MOST_VISITED:
            yield told(address, plan, f"looks at {plan.visited(LARGE)} rows")
        if plan.sorted_rows > MOST_SORTED:
            yield told(address, plan, f"sorts {plan.sorted_rows} rows")


def goes_together(address: str) -> bool:
    """Whether it filters by creation and orders by what goes with it."""
    by_date = any(
        f"?{name}=" in address for name in ("created_after", "created_before", "date_from", "date_to")
    )
    return by_date and address.rpartition("=")[2].lstrip("-") in GOES_WITH_CREATION


@pytest.mark.parametrize("role", Role.values)
def test_a_page_is_found_by_an_index_whatever_is_asked_for(book: Grown, role: str) -> None:
    user = book.users[role]
    wrong = [
        fault for address in questions.questions(book) for fault in faults(address, plans_of(user, address))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.BD])
def test_a_page_is_found_by_an_index_for_every_filter_in_every_order(book: Grown, role: str) -> None:
    user = book.users[role]
    asked = [address for address in questions.combinations(book) if not goes_together(address)]
    wrong = [fault for address in asked for fault in faults(address, plans_of(user, address))]
    assert not wrong, "\n".join(wrong)


def test_lists_below_an_application_and_of_people_are_found_by_an_index(book: Grown) -> None:
    user = book.users[Role.ADMIN]
    wrong = [
        fault for address in questions.sublists(book) for fault in faults(address, plans_of(user, address))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", Role.values)
def test_what_finds_little_counts_little(book: Grown, role: str) -> None:
    user = book.users[role]
    found = {address: reply_to(user, address).data.get("count") for address in questions.questions(book)}
    little = {address: count for address, count in found.items() if count is not None and count <= SIZE / 100}
    wrong = [
        told(address, plan, f"looks at {plan.visited(LARGE)} rows to count {count}")
        for address, count in little.items()
        for plan in plans_of(user, address)
        if plan.is_count and (plan.read_whole & LARGE or plan.visited(LARGE) > MOST_VISITED)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", Role.values)
def test_a_page_costs_the_same_at_the_end_of_the_list(book: Grown, role: str) -> None:
    user = book.users[role]
    first, *deeper = [
        plans_of(user, f"{questions.APPLICATIONS}?{query}")[-1] for query in questions.places(book)
    ]
    for plan in deeper:
        # Other rows are left out on the way, not more of them the deeper the page.
        assert plan.visited(LARGE) <= 2 * first.visited(LARGE) + 100
        assert plan.buffers <= 2 * first.buffers + 100


def test_every_filter_is_asked_for(book: Grown) -> None:
    from applications.filters import ApplicationFilter

    assert set(questions.filters(book)) == set(ApplicationFilter.base_filters)
