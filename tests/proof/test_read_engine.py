"""What read engine and lane answer is what the plain path answers, to the byte."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test.utils import override_settings

from crm_backend.common import lane
from crm_backend.common.read_engine import engine
from tests.plugins.route_table import Operation
from tests.proof.book import Book
from tests.proof.test_leaks import LISTS, READS, parameters, some_query, some_values

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ASKED = 100
HEADERS = ("Content-Type", "ETag", "Allow", "Vary", "X-API-Version", "Cache-Control")


def all_ways(client: Any, path: str, query: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The replies of the plain path, of the read engine, and of the lane where it learned from that."""
    named = {"headers": {"X-Request-ID": "the-same-for-all"}}
    with override_settings(READ_ENGINE=False):
        plain = client.get(path, query, **named)
    return plain, client.get(path, query, **named), client.get(path, query, **named)


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
    """The body; that of a stream is read once and kept, for it is compared more than once."""
    if not reply.streaming:
        return bytes(reply.content)
    if not hasattr(reply, "read_before"):
        reply.read_before = b"".join(reply.streaming_content)
    return bytes(reply.read_before)


def same(plain: Any, fast: Any) -> None:
    assert fast.status_code == plain.status_code
    assert content(fast) == content(plain), fast.wsgi_request.get_full_path()
    assert {name: fast.get(name) for name in HEADERS} == {name: plain.get(name) for name in HEADERS}


@pytest.fixture
def lane_took(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the lane answered; that it did is part of the proof."""
    took: list[Any] = []
    answer = lane.answer

    def noted(asked: Any) -> Any:
        reply = answer(asked)
        took.extend([reply] if reply else [])
        return reply

    monkeypatch.setattr(lane, "answer", noted)
    return took


@pytest.mark.django_db
@pytest.mark.parametrize(("few", "small"), [(0, 0), (engine.FEW, 0), (engine.FEW, 2), (0, engine.SMALL)])
def test_all_ways_give_the_same_pages(lane_took, monkeypatch, few, small):
    monkeypatch.setattr(engine, "FEW", few)
    monkeypatch.setattr(engine, "SMALL", small)
    book, chance = Book(), random.Random(7 + few + small)
    for _ in range(ASKED):
        operation, user = chance.choice(LISTS), chance.choice(book.users)
        query = some_query(book, operation, chance) | some_members(operation, chance)
        if chance.random() < 0.4:
            query["cursor"] = ""
        client, path = book.api[user.pk], operation.path
        for _ in range(3):
            plain, fast, fastest = all_ways(client, path, query)
            same(plain, fast)
            same(plain, fastest)
            path, query = (fast.json().get("next") or ""), {}
            if not path:
                break
    assert len(lane_took) > ASKED / 4


@pytest.mark.django_db
@time_machine.travel(datetime.now(UTC), tick=False)  # files say when they were made
def test_all_ways_give_the_same_details(lane_took):
    book, chance = Book(), random.Random(8)
    for operation in READS:
        for user in chance.sample(book.users, 3):
            values = some_values(book, operation, chance)
            plain, fast, fastest = all_ways(
                book.api[user.pk], operation.at(values), some_members(operation, chance)
            )
            same(plain, fast)
            same(plain, fastest)
    assert len(lane_took) > 4
