"""What the read engine answers is what the plain path answers, to the byte after parsing."""

import random
from typing import Any

import pytest
from django.test.utils import override_settings

from tests.plugins.route_table import Operation
from tests.proof.book import Book
from tests.proof.test_leaks import LISTS, READS, parameters, some_query, some_values

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ASKED = 150
HEADERS = ("Content-Type", "ETag", "Allow", "Vary", "X-API-Version", "Cache-Control")


def both(client: Any, path: str, query: dict[str, Any]) -> tuple[Any, Any]:
    """The replies of both paths."""
    named = {"headers": {"X-Request-ID": "the-same-for-both"}}
    with override_settings(READ_ENGINE=False):
        plain = client.get(path, query, **named)
    return plain, client.get(path, query, **named)


def some_members(operation: Operation, chance: random.Random) -> dict[str, str]:
    """Some of what `fields` and `expand` offer, or nothing."""
    known = parameters(operation)
    asked = {}
    for name in sorted({"fields", "expand"} & known.keys()):
        if chance.random() < 0.4:
            names = known[name]["items"]["enum"]
            asked[name] = ",".join(chance.sample(names, min(len(names), chance.randrange(1, 6))))
    return asked


def content(reply: Any) -> bytes:
    return b"".join(reply.streaming_content) if reply.streaming else reply.content


def same(plain: Any, fast: Any) -> None:
    assert fast.status_code == plain.status_code
    assert content(fast) == content(plain), fast.wsgi_request.get_full_path()
    assert {name: fast.get(name) for name in HEADERS} == {name: plain.get(name) for name in HEADERS}


@pytest.mark.django_db
def test_both_paths_give_the_same_pages():
    book, chance = Book(), random.Random(7)
    for _ in range(ASKED):
        operation, user = chance.choice(LISTS), chance.choice(book.users)
        query = some_query(book, operation, chance) | some_members(operation, chance)
        if chance.random() < 0.4:
            query["cursor"] = ""
        client, path = book.api[user.pk], operation.path
        for _ in range(3):
            plain, fast = both(client, path, query)
            same(plain, fast)
            path, query = (fast.json().get("next") or ""), {}
            if not path:
                break


@pytest.mark.django_db
def test_both_paths_give_the_same_details():
    book, chance = Book(), random.Random(8)
    for operation in READS:
        for user in chance.sample(book.users, 3):
            values = some_values(book, operation, chance)
            plain, fast = both(book.api[user.pk], operation.at(values), some_members(operation, chance))
            same(plain, fast)
