"""`?fields=` and `?expand=`: less or more of a row, and never what the row itself keeps from its reader."""

import pytest
from django.urls import is_valid_path

from tests.checks import assert_refused
from tests.integration.addresses import address
from tests.integration.test_query_counts import Book
from tests.plugins.route_table import Operation, operations
from users.choices import Role
from users.services.api_keys import api_key_create

pytestmark = pytest.mark.django_db


def names(operation: Operation, parameter: str) -> list[str]:
    """What may be named in a parameter of the operation."""
    for one in operation.documented.get("parameters", ()):
        if one.get("name") == parameter:
            return list(one["schema"]["items"]["enum"])
    return []


READS = [operation for operation in operations() if names(operation, "fields")]
EXPANDING = [operation for operation in READS if names(operation, "expand")]


def rows(reply):
    assert reply.status_code == 200, reply.content
    body = reply.json()
    return body.get("results", [body])


@pytest.fixture
def borrower(world):
    """Our client's own, of whom the staff noted something."""
    world.ours.borrower.tags, world.ours.borrower.referral_source = ["arrears"], "A neighbour"
    world.ours.borrower.save()
    return world.ours.borrower


def test_each_member_by_itself_is_what_the_whole_row_shows(world, client, borrower):
    """To clients, from whom most is kept: a mask hides as much, and adds no member."""
    Book(world).grow(1)
    seen = 0
    for operation in READS:
        path = address(operation, world, Role.CLIENT)
        reply = client.get(path)
        if reply.status_code != 200:
            continue
        whole = rows(reply)
        for name in set(names(operation, "fields")) - set(names(operation, "expand")):
            assert rows(client.get(path, {"fields": name})) == [{name: row[name]} for row in whole], path
            seen += len(whole)
    assert seen > 50


def detail_address(path, pk):
    """Of a row of a list; documents and notes on an application have their details among all others."""
    below = f"{path}{pk}/"
    if is_valid_path(below):
        return below
    return f"/api/documents/{path.rstrip('/').rpartition('/')[2]}/{pk}/"


@pytest.mark.parametrize("role", Role.values)
def test_what_is_expanded_is_what_the_detail_shows(role, world, api, borrower):
    Book(world).grow(1)
    client, seen = api(world.user(role)), 0
    for operation in EXPANDING:
        path = address(operation, world, role)
        further = names(operation, "expand")
        reply = client.get(path, {"expand": ",".join(further)})
        if reply.status_code != 200:
            continue
        listed = rows(client.get(path))
        for row, light in zip(rows(reply), listed, strict=True):
            assert {name: row[name] for name in light} == light
            assert set(row) == {*light, *further}
            [detail] = rows(client.get(detail_address(path, row["id"])))
            assert {name: row[name] for name in further} == {name: detail[name] for name in further}, path
            seen += 1
    assert seen


def test_expanding_a_list_shows_clients_no_note_about_them(client, admin, borrower):
    query = {"expand": "tags,referral_source"}
    [row] = [row for row in rows(admin.get("/api/borrowers/", query)) if row["id"] == borrower.pk]
    assert (row["tags"], row["referral_source"]) == (["arrears"], "A neighbour")
    [row] = rows(client.get("/api/borrowers/", query))
    assert (row["id"], row["tags"], row["referral_source"]) == (borrower.pk, [], "")


def test_a_detail_has_nothing_to_expand(client, borrower):
    path = f"/api/borrowers/{borrower.pk}/"
    assert client.get(path, {"expand": "tags"}).json() == client.get(path).json()


@pytest.mark.parametrize("parameter", ["fields", "expand"])
def test_unknown_members_are_refused_by_name(admin, parameter):
    reply = admin.get("/api/borrowers/", {"expand": "tags", parameter: "tags,shoe_size,eyes"})
    [message] = reply.json()["errors"][parameter]
    assert reply.status_code == 400
    assert message.startswith("There is no eyes, shoe_size here. Choose from ")


def test_what_is_missing_is_missing_before_its_members_are_looked_at(client, world):
    reply = client.get(f"/api/borrowers/{world.theirs.borrower.pk}/", {"fields": "shoe_size"})
    assert_refused(reply, 404, "not_found")


def test_a_part_of_a_row_has_a_version_of_its_own(client, borrower):
    path = f"/api/borrowers/{borrower.pk}/"
    whole = client.get(path)["ETag"]
    part = client.get(path, {"fields": "id"}, headers={"If-None-Match": whole})
    assert (part.status_code, part.json()) == (200, {"id": borrower.pk})
    assert part["ETag"] != whole
    again = client.get(path, {"fields": "id"}, headers={"If-None-Match": part["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(path, headers={"If-None-Match": whole}).status_code == 304


def test_a_key_expands_only_lists_that_its_scopes_open(world, api):
    _, raw = api_key_create(actor=world.admin, user=world.admin, name="Website", scopes=["applications:read"])
    program = api()
    program.credentials(HTTP_AUTHORIZATION=f"Api-Key {raw}")
    assert rows(program.get("/api/applications/", {"expand": "securities"}))
    reply = program.get("/api/borrowers/", {"expand": "tags"})
    assert assert_refused(reply, 403, "permission_denied")["detail"].endswith("borrowers:read.")
