"""Cursor paging: in every order, the pages of a list are the list, whatever ties, is empty or arrives."""

import base64
import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from applications.models import Application, ApplicationBorrower
from borrowers.models import BorrowerMerge, DuplicatePair
from brokers.models import Bdm, Branch
from crm_backend.common.pagination import CursorPagination
from documents.models import Document, NoteComment
from documents.services.documents import version_add
from servicing.models import JournalEntry
from tests.borrowers.merges import merge_into, pair_with
from tests.documents import makers
from tests.factories import (
    ApplicationFactory,
    BdmFactory,
    BranchFactory,
    NoteCommentFactory,
    UserFactory,
)
from tests.integration.addresses import address, allowed_role
from tests.integration.test_query_counts import Book
from tests.plugins.route_table import operations
from users.models import User

pytestmark = pytest.mark.django_db

APPLICATIONS = "/api/applications/"
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


def key(row):
    """What tells a row from the others of its list: versions are numbered."""
    return row.get("id", row.get("number"))


def walk(client, url, way="next"):
    """Every page from an address on."""
    while url:
        reply = client.get(url)
        assert reply.status_code == 200, url
        page = reply.json()
        assert set(page) == {"next", "previous", "results"}
        yield page
        url = page[way]


def keys(pages):
    return [key(row) for page in pages for row in page["results"]]


def test_every_list_pages_by_cursor():
    assert len(LISTS) > 15


@pytest.mark.parametrize("operation", LISTS, ids=str)
def test_the_pages_of_a_list_are_the_list(operation, world, api):
    Book(world).grow(3)
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
        pages = list(walk(client, f"{path}?cursor=&limit=1{asked}"))
        assert keys(pages) == whole, ordering
        back = [pages[-1], *walk(client, pages[-1]["previous"], "previous")]
        assert keys(back) == whole[::-1], ordering
        assert pages[0]["previous"] is None


def test_rows_without_a_value_are_there(world, api):
    users = [UserFactory.create() for _ in range(6)]
    User.objects.filter(pk__in=[user.pk for user in users[:3]]).update(last_login=MOMENT)
    client = api(world.admin)
    for ordering in ("last_login", "-last_login", "last_login,-role", "-last_login,email"):
        url = f"/api/users/users/?ordering={ordering}"
        whole = keys([client.get(f"{url}&limit=100").json()])
        for limit in (1, 2, 4):
            pages = list(walk(client, f"{url}&cursor=&limit={limit}"))
            assert keys(pages) == whole, (ordering, limit)
            back = [page["results"] for page in walk(client, pages[-1]["previous"], "previous")]
            assert [row["id"] for rows in back[::-1] for row in rows] == keys(pages[:-1])


def test_more_than_a_thousand_ties_end(world, api):
    template = world.ours.application
    Application.objects.bulk_create(
        Application(
            loan_amount=1, loan_term=1, interest_rate=1, stage_entered_at=MOMENT, branch=template.branch
        )
        for _ in range(1050)
    )
    Application.objects.update(created_at=MOMENT)
    client = api(world.admin)
    for ordering in ("loan_amount", "-created_at"):
        pages = list(walk(client, f"{APPLICATIONS}?cursor=&limit=100&ordering={ordering}"))
        assert len(pages) == 11
        assert len(set(keys(pages))) == len(keys(pages)) == 1052


@pytest.mark.parametrize("way", ["next", "previous"])
@pytest.mark.parametrize("ordering", ["loan_amount", "-loan_amount", "created_at", "-stage_entered_at"])
def test_rows_that_arrive_and_go_neither_repeat_nor_hide_others(world, api, ordering, way):
    rows = [
        ApplicationFactory.create(loan_amount=Decimal(1 + number // 4), stage_entered_at=MOMENT)
        for number in range(12)
    ]
    there = {*Application.objects.values_list("pk", flat=True)}
    client = api(world.admin)
    url = f"{APPLICATIONS}?cursor=&limit=2&ordering={ordering}"
    if way == "previous":
        *_, last = walk(client, url)
        url = f"{last['previous']}"
        there -= set(keys([last]))
    seen = []
    for number, page in enumerate(walk(client, url, way)):
        seen += keys([page])
        new = ApplicationFactory.create(loan_amount=Decimal(1 + number % 3), stage_entered_at=MOMENT)
        there.discard(new.pk)
        if number == 1:  # the row at the edge of a page
            Application.objects.filter(pk=seen[-1], pk__in=[row.pk for row in rows]).delete()
    assert len(seen) == len(set(seen))
    assert there <= set(seen)


def test_the_way_back_from_a_page_that_became_empty(world, api):
    client = api(world.admin)
    Branch.objects.exclude(pk__in=[world.ours.branch.pk, world.theirs.branch.pk]).delete()
    first, second = BranchFactory.create(name="zy"), BranchFactory.create(name="zz")
    page = client.get("/api/brokers/branches/?cursor=&limit=3").json()
    second.delete()
    empty = client.get(page["next"]).json()
    assert (empty["results"], empty["next"]) == ([], None)
    last = client.get(empty["previous"]).json()
    assert keys([last])[-1] == first.pk
    assert (len(last["results"]), last["next"], last["previous"]) == (3, None, None)
    assert client.get("/api/brokers/branches/?cursor=&search=nowhere").json() == {
        "next": None,
        "previous": None,
        "results": [],
    }


def test_a_cursor_is_of_its_ordering(world, api):
    client = api(world.admin)
    url = client.get(f"{APPLICATIONS}?cursor=&limit=1&ordering=loan_amount").json()["next"]
    for other in ("-loan_amount", "interest_rate", "loan_amount,created_at"):
        reply = client.get(url.replace("ordering=loan_amount", f"ordering={other}"))
        assert (reply.status_code, reply.json()["detail"]) == (404, "Invalid cursor")


# --- any queryset ---------------------------------------------------------------------------------


def pages_of(queryset, limit=2):
    """Every page of a queryset."""
    url: str | None = f"/?cursor=&limit={limit}"
    while url:
        paginator = CursorPagination()
        yield paginator.paginate_queryset(queryset, Request(APIRequestFactory().get(url)))
        url = paginator.get_next_link()


def test_distinct_and_annotated_rows(world):
    for _ in range(4):
        BdmFactory.create(branch=world.ours.branch)
        BranchFactory.create()
    for rows in (
        Branch.objects.filter(bdms__pk__gt=0).distinct().order_by("state", "id"),
        Branch.objects.annotate(size=Count("bdms")).order_by("-size", "name", "-pk"),
        Bdm.objects.select_related("user").order_by("branch__name", "user__last_name"),
        Branch.objects.all(),
    ):
        found = [row.pk for page in pages_of(rows) for row in page]
        assert len(found) == len(set(found)) == rows.count()
        if rows.query.order_by:
            assert found == [row.pk for row in rows]


def test_a_page_starts_from_an_index(world):
    rows = Application.objects.order_by("-created_at", "-id")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")  # of a handful of rows it is the cheapest
    first = CursorPagination()
    first.paginate_queryset(rows, Request(APIRequestFactory().get("/?cursor=&limit=1")))
    following = Request(APIRequestFactory().get(str(first.get_next_link())))
    with CaptureQueriesContext(connection) as queries:
        CursorPagination().paginate_queryset(rows, following)
    sql = queries[-1]["sql"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "application_recent" in plan
    assert "Index Cond: (created_at <=" in plan
    assert "Sort" not in plan


@pytest.mark.parametrize(
    "text",
    ["p=abc", '[0,["x","1"]]', '[0,["2024-01-01T00:00:00Z","\\u0000"]]', "[0,[]]", "[0]", "{}", "1",
     '[0,[null,"1e9"]]', '[0,[5,6]]', '[0,["2024-01-01T00:00:00Z","1","1"]]', "\xff"],
)  # fmt: skip
def test_a_cursor_that_is_none_of_ours_is_404(world, api, text):
    cursor = base64.urlsafe_b64encode(text.encode("latin-1")).decode()
    reply = api(world.admin).get("/api/applications/", {"cursor": cursor})
    assert reply.status_code == 404
    assert reply.json()["code"] == "not_found"
