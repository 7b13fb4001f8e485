"""Cursors: every ordering pages to the end and back."""

import base64

import pytest

from applications.models import ApplicationBorrower
from tests.factories import ApplicationFactory, BorrowerFactory, UserFactory

pytestmark = pytest.mark.django_db


def walk(client, url, direction="next"):
    found = []
    while url:
        page = client.get(url).json()
        found.append([row["id"] for row in page["results"]])
        last, url = page, page[direction]
    return found, last


@pytest.mark.parametrize(
    ("address", "ordering"),
    [
        ("/api/users/users/", "last_login"),  # null before the first login
        ("/api/users/users/", "-last_login"),
        ("/api/users/users/", "role,email"),
        ("/api/brokers/bdms/", "-user__last_name"),
        ("/api/applications/", "interest_rate"),  # all the same
        ("/api/applications/", "-created_at"),
    ],
)
def test_a_cursor_reaches_every_row_once_and_comes_back(world, api, address, ordering):
    ApplicationFactory.create_batch(5)
    UserFactory.create_batch(3)
    client = api(world.admin)
    whole = client.get(address, {"ordering": ordering, "limit": 100}).json()["results"]
    pages, last = walk(client, f"{address}?cursor=&limit=1&ordering={ordering}")
    assert [pk for page in pages for pk in page] == [row["id"] for row in whole]
    back, _ = walk(client, last["previous"], "previous")
    assert back == pages[-2::-1]


def test_the_parties_of_an_application_page_by_cursor(world, api):
    application = world.ours.application
    for position in (1, 2, 3):
        ApplicationBorrower.objects.create(
            application=application, borrower=BorrowerFactory.create(), position=position
        )
    address = f"/api/applications/{application.pk}/borrowers/"
    pages, _ = walk(api(world.admin), f"{address}?cursor=&limit=1")
    whole = api(world.admin).get(address).json()["results"]
    assert pages == [[row["id"]] for row in whole]


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
