"""`./crm bench` itself: that it notices what it is there to notice, and finds nothing now; without clocks."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks.calls import CALLS, Request
from benchmarks.equality import Different, compare
from benchmarks.sockets import Lost, Party

ROOT = Path(__file__).resolve().parents[2]
# As in a new terminal: what the test run has set for itself is not for the benchmarks.
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
READ = next(call for call in CALLS if call.name == "list")
STREAMS = [[Request("/api/applications/?limit=20")]]


class Answers:
    """A side that answers always the same."""

    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body

    def ask(self, method: str, path: str, token: str, data: Any = None) -> tuple[int, Any]:
        return self.status, self.body


def compared(floor: Any, product: Any) -> int:
    return compare(READ, STREAMS, "token", floor, product)


def test_equal_answers_are_a_floor() -> None:
    body = {"count": 1, "results": [{"id": 7, "loan_amount": "1.00"}]}
    assert compared(Answers(200, body), Answers(200, {**body})) == 1


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"count": 1, "results": [{"id": 7, "loan_amount": "1.0"}]}, r"\.results\[0\]\.loan_amount"),
        ({"count": 1, "results": [{"id": 7}]}, r"\.loan_amount is only with the floor"),
        ({"count": 1, "results": []}, r"\.results: floor"),
        ({"count": "1", "results": [{"id": 7, "loan_amount": "1.00"}]}, r"\.count: floor 1, product 1"),
    ],
)
def test_any_difference_is_found_and_named(other: Any, words: str) -> None:
    body = {"count": 1, "results": [{"id": 7, "loan_amount": "1.00"}]}
    with pytest.raises(Different, match=words):
        compared(Answers(200, body), Answers(200, other))


def test_two_sides_that_fail_alike_are_no_floor() -> None:
    with pytest.raises(Different, match="floor answers 500"):
        compared(Answers(500, {}), Answers(500, {}))


class Handler(BaseHTTPRequestHandler):
    """Answers in turn 200 and 404, in two pieces, and closes after each third answer."""

    protocol_version = "HTTP/1.1"
    asked: int = 0
    lock = threading.Lock()

    def do_GET(self) -> None:
        with self.lock:
            type(self).asked += 1
            number = self.asked
        self.send_response(200 if number % 2 else 404)
        self.send_header("Content-Length", "4")
        if number % 3 == 0:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"ab")
        self.wfile.flush()
        self.wfile.write(b"cd")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.mark.parametrize(("once", "most", "expected"), [(False, 50, 50), (True, 50, 6), (False, 0, 0)])
def test_the_load_generator_asks_as_often_as_it_may(
    server: ThreadingHTTPServer, once: bool, most: int, expected: int
) -> None:
    Handler.asked = 0
    stream = [Request(f"/{number}").encode("token") for number in range(3)]
    plan = {
        "port": server.server_port,
        "streams": [stream, stream],
        "once": once,
        "seconds": 60,
        "most": most,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        cwd=ROOT,
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert (found["requests"], Handler.asked) == (expected, expected)
    assert found["statuses"] == ({"200": expected // 2, "404": expected // 2} if expected else {})


def quick(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments, "--quick"],
        cwd=ROOT,
        env={name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_floor_and_product_do_the_same_and_the_database_is_asked_little() -> None:
    quick()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_notification_reaches_every_socket_once_and_in_order_on_both_sides() -> None:
    quick("--sockets")


class Nobody:
    name = "nobody"


@pytest.mark.parametrize(
    ("arrived", "lost"),
    [
        ([(0, 5, 0.1), (0, 6, 0.2)], 1),  # a socket was closed
        ([(0, 5, 0.1)], 0),  # one is missing
        ([(0, 6, 0.1), (0, 5, 0.2)], 0),
        ([(0, 5, 0.1), (0, 5, 0.2), (0, 6, 0.3)], 0),
        ([(0, 6, 0.1), (0, 7, 0.2)], 0),
        ([], 0),
    ],
)
def test_what_is_lost_repeated_or_out_of_order_on_a_socket_is_noticed(arrived: Any, lost: int) -> None:
    party = Party(Nobody(), None, None)  # type: ignore[arg-type]
    party.users, party.last = [7], [4]
    with pytest.raises(Lost):
        party.checked({"arrived": arrived, "lost": lost}, [2])


def test_numbers_that_follow_each_other_are_taken() -> None:
    party = Party(Nobody(), None, None)  # type: ignore[arg-type]
    party.users, party.last = [7], [4]
    assert party.checked({"arrived": [[0, 5, 0.1], [0, 6, 0.2]], "lost": 0}, [2])
    assert party.last == [6]
