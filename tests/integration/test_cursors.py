"""Cursors: ties, rows without a value, rows that arrive and go, cursors that are none of ours."""

import base64
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from applications.models import Application
from brokers.models import Bdm, Branch
from crm_backend.common.pagination import CursorPagination
from tests.factories import ApplicationFactory, BdmFactory, BranchFactory, UserFactory
from tests.integration.paging import keys, walk
from users.models import User

pytestmark = pytest.mark.django_db

APPLICATIONS = "/api/applications/"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


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
