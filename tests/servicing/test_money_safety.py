"""Many at once, twice the same, the server killed: every accepted payment is there once. Real processes."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from servicing.models import JournalEntry, Payment, Repayment
from tests.clients import ApiClient
from tests.processes import Web, wait_for
from tests.servicing.kit import D, balances, breaches, settled

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]


@pytest.fixture
def processes(tmp_path) -> Iterator[ExitStack]:
    """Kills at the end what is still alive; a failed test shows what the processes said."""
    with ExitStack() as stack:
        yield stack
    for log in tmp_path.glob("*.log"):
        print(f"--- {log.name}\n{log.read_text()[-3000:]}")  # noqa: T201


@pytest.fixture
def start(processes, tmp_path):
    """A running web server."""

    def run(**options: Any) -> Web:
        web = Web(tmp_path, **options)
        processes.callback(web.kill)
        return web

    return run


@pytest.fixture
def loan(world):
    """12,000 AUD, of which every repayment has fallen due."""
    return settled(world.admin, world.ours.application)


class Till:
    """Somebody at a counter: posts to one server with one login."""

    def __init__(self, web: Web, token: str, loan: Any) -> None:
        self.root = f"http://127.0.0.1:{web.port}/api/applications/{loan.application_id}/"
        self.token = token

    def post(self, tail: str, body: dict[str, Any], key: str = "") -> tuple[int, dict[str, Any]]:
        """Status and body of the reply; 0 without one: the server went away."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        request = Request(self.root + tail, json.dumps(body).encode(), headers, method="POST")
        try:
            with urlopen(request, timeout=60) as reply:
                return reply.status, json.loads(reply.read())
        except HTTPError as error:
            return error.code, json.loads(error.read())
        except (URLError, ConnectionError, TimeoutError, json.JSONDecodeError):
            return 0, {}


@pytest.fixture
def token(world) -> str:
    return ApiClient(world.ours.bd_user).tokens.access


def at_once(*acts: Any) -> list[Any]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(lambda act: act(), acts))


def amounts(*counts: int) -> list[str]:
    """Different ones, so that a payment can be told from the others."""
    return [f"{10 + number}.{number % 100:02}" for number in range(*counts)]


def test_fifty_payments_at_once_are_all_there_once(start, loan, token):
    till = Till(start(), token, loan)
    wanted = amounts(50)
    replies = at_once(*[lambda a=a: till.post("record-payment/", {"amount": a}) for a in wanted])
    assert [status for status, _ in replies] == [201] * 50
    assert sorted(Payment.objects.values_list("amount", flat=True)) == sorted(map(Decimal, wanted))
    assert balances(loan.application)["cash"] == sum(map(Decimal, wanted)) - D(12000)
    assert breaches() == []


def test_one_key_pays_once_however_often_it_is_sent(start, loan, token):
    till = Till(start(), token, loan)
    body = {"amount": "75.00", "reference": "Counter 4"}
    replies = at_once(*[lambda: till.post("record-payment/", body, key="till-1-0001")] * 12)
    # Those that came while the first was being worked on are told so.
    assert {status for status, _ in replies} <= {201, 409}
    assert Payment.objects.count() == 1
    again = [till.post("record-payment/", body, key="till-1-0001") for _ in range(3)]
    payment = Payment.objects.get()
    assert [(status, reply["id"]) for status, reply in again] == [(201, payment.pk)] * 3
    other = till.post("record-payment/", {"amount": "76.00"}, key="till-1-0001")
    assert other[0] == 422
    assert Payment.objects.count() == 1
    assert breaches() == []


def test_payments_against_reversals_of_the_same_loan(start, loan, token):
    till = Till(start(), token, loan)
    made = [till.post("record-payment/", {"amount": a})[1]["id"] for a in amounts(10)]
    fresh = amounts(20, 35)
    replies = at_once(
        *[lambda pk=pk: till.post(f"payments/{pk}/reverse/", {"reason": "Dishonoured."}) for pk in made],
        *[lambda pk=pk: till.post(f"payments/{pk}/reverse/", {"reason": "Again."}) for pk in made],
        *[lambda a=a: till.post("record-payment/", {"amount": a}) for a in fresh],
    )
    statuses = [status for status, _ in replies]
    for first, second in zip(statuses[:10], statuses[10:20], strict=True):
        assert sorted([first, second]) == [200, 409]
    assert statuses[20:] == [201] * 15
    assert Payment.objects.filter(status="reversed").count() == 10
    assert JournalEntry.objects.filter(entry_type="reversal").count() == 10
    standing = Payment.objects.filter(status="received").values_list("amount", flat=True)
    assert sorted(standing) == sorted(map(Decimal, fresh))
    assert balances(loan.application)["cash"] == sum(map(Decimal, fresh)) - D(12000)
    assert breaches() == []


def test_a_repayment_is_marked_paid_by_one_of_many(start, loan, token):
    till = Till(start(), token, loan)
    first = Repayment.objects.order_by("number").first()
    till.root = till.root.partition("applications/")[0] + "documents/repayments/"
    replies = at_once(*[lambda: till.post(f"{first.pk}/mark-paid/", {})] * 10)
    assert sorted(status for status, _ in replies) == [200] + [409] * 9
    assert Payment.objects.get().amount == first.amount
    assert breaches() == []


def test_the_server_is_killed_in_the_middle(start, loan, token):
    """What was accepted is there once; what was not answered once or not at all, and a retry tells."""
    web = start()
    till = Till(web, token, loan)
    wanted = amounts(40)

    def pay(amount: str) -> tuple[int, dict[str, Any]]:
        return till.post("record-payment/", {"amount": amount}, key=f"pay-{amount}")

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(pay, amount) for amount in wanted]
        wait_for(lambda: Payment.objects.count() >= 5, what="some payments")
        web.kill()
        replies = [one.result() for one in running]
    accepted = [amount for amount, (status, _) in zip(wanted, replies, strict=True) if status == 201]
    unanswered = [amount for amount, (status, _) in zip(wanted, replies, strict=True) if status == 0]
    assert accepted
    assert unanswered
    assert breaches() == []
    kept = [str(amount) for amount in Payment.objects.values_list("amount", flat=True)]
    assert len(kept) == len(set(kept))
    assert set(accepted) <= set(kept)

    start(port=web.port)
    again = [pay(amount) for amount in wanted]
    assert [status for status, _ in again] == [201] * len(wanted)
    kept = sorted(Payment.objects.values_list("amount", flat=True))
    assert kept == sorted(map(Decimal, wanted))
    assert balances(loan.application)["cash"] == sum(map(Decimal, wanted)) - D(12000)
    assert breaches() == []
