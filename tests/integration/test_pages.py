"""Cursor paging: in every order that a list offers, its pages are the list."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import FieldDoesNotExist

from applications.models import ApplicationBorrower
from borrowers.models import BorrowerMerge, DuplicatePair
from documents.models import Document, NoteComment
from documents.services.documents import version_add
from servicing.models import JournalEntry
from tests.borrowers.merges import merge_into, pair_with
from tests.documents import makers
from tests.factories import (
    NoteCommentFactory,
)
from tests.integration.addresses import address, allowed_role
from tests.integration.paging import keys, walk
from tests.integration.test_query_counts import Book
from tests.plugins.route_table import operations
from users.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("grown")]

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LISTS = [
    operation
    for operation in operations()
    if "cursor" in {parameter.get("name") for parameter in operation.documented.get("parameters", [])}
]
TIES = {
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "occurred_at": MOMENT,
    "stage_entered_at": MOMENT,
    "last_login": MOMENT,
    "loan_amount": Decimal("7.50"),
    "last_name": "Same",
    "company_name": "Same",
}
# Lists that answer a question, and one that finds the rows of above.
QUESTIONS = {"borrower_duplicates": "&company_name=Same"}


def tie(model) -> None:
    """Give half of the rows the same value in whatever they are ordered by; the ledger's stay as they are."""
    if model is JournalEntry:
        return
    pks = list(model.objects.values_list("pk", flat=True))[::2]
    for name, value in TIES.items():
        try:
            model._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        model.objects.filter(pk__in=pks).update(**{name: value})


def orderings(operation) -> list[str]:
    """The default one, and each way to ask for another."""
    fields = getattr(operation.view, "ordering_fields", ()) if operation.action == "list" else ()
    return ["", *(f"{sign}{name}" for name in fields for sign in ("", "-"))]


@pytest.fixture(scope="module")
def grown(one_world, django_db_blocker) -> None:
    """Three more rows in every list, made once."""
    with django_db_blocker.unblock():
        Book(one_world).grow(3)


def fill(operation, path, world) -> None:
    """Rows below the very row that a path names."""
    named = int(re.findall(r"[0-9]+", path)[-1]) if "{" in operation.path else 0
    if operation.view.queryset.model is NoteComment:
        NoteCommentFactory.create_batch(3, note_id=named, author=world.admin)
    if operation.view.queryset.model is BorrowerMerge:
        for _ in range(3):
            merge_into(world.ours.borrower, world.admin)
    if operation.view.queryset.model is DuplicatePair:
        for _ in range(3):
            pair_with(world.ours.borrower, world.ours.bd_user)
    if operation.action == "versions":
        for _ in range(3):
            version_add(document=Document.objects.get(pk=named), actor=world.admin, file=makers.kept())


def test_every_list_pages_by_cursor():
    assert len(LISTS) > 15


@pytest.mark.parametrize("operation", LISTS, ids=str)
def test_the_pages_of_a_list_are_the_list(operation, world, api):
    for place, link in enumerate(ApplicationBorrower.objects.order_by("-pk")):
        ApplicationBorrower.objects.filter(pk=link.pk).update(position=place % 3)
    for model in {operation.view.queryset.model, User}:
        tie(model)
    role = allowed_role(operation)
    client, path = api(world.user(role)), address(operation, world, role)
    fill(operation, path, world)
    question = QUESTIONS.get(operation.id, "")
    for ordering in orderings(operation):
        asked = question + (f"&ordering={ordering}" if ordering else "")
        firsts = [client.get(f"{path}?limit=100&offset={first}{asked}").json() for first in (0, 100)]
        whole = keys(firsts)
        assert 2 < len(whole) < 200
        pages = list(walk(client, f"{path}?cursor=&limit={max(1, len(whole) // 12)}{asked}"))
        assert keys(pages) == whole, ordering
        back = [pages[-1], *walk(client, pages[-1]["previous"], "previous")]
        assert keys(back[::-1]) == whole, ordering
        assert pages[0]["previous"] is None
