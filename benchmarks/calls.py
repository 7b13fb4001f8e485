"""The calls that are measured: who asks what, and how close to the floor it is to come."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from benchmarks.grown import BASE
from benchmarks.questions import APPLICATIONS

if TYPE_CHECKING:
    from benchmarks.grown import Grown

NOTIFICATIONS = "/api/users/notifications/"
CONNECTIONS = 8
SPREAD = 400  # different details
READERS = ("admin", "bd", "broker")
CASCADE = {
    "loan_amount": "450000.00",
    "loan_term": 360,
    "interest_rate": "6.2500",
    "purpose": "Purchase of an owner-occupied house",
    "borrowers": [
        {"first_name": "Mia", "last_name": "Chen", "email": "mia.chen@example.com", "phone": "+61412345678"}
    ],
    "securities": [
        {"security_type": "first_mortgage", "value": "600000.00", "state": "NSW", "postcode": "2000"}
    ],
}


@dataclass(frozen=True)
class Request:
    """One request, without what all of them have."""

    path: str
    method: str = "GET"
    data: Any = None

    def encode(self, token: str) -> str:
        """As bytes on the wire, in a text of Latin-1. The host is the same on both sides, for links."""
        body = "" if self.data is None else json.dumps(self.data)
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {token}",
            "Accept: application/json",
        ]
        if self.data is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join(lines) + f"\r\n\r\n{body}"


Streams = list[list[Request]]


@dataclass(frozen=True)
class Call:
    """A kind of request.

    Attributes:
        name: for `--only`.
        title: what a table says.
        target: the share of the floor's requests a second that it is to reach.
        statements: how many the product may send to the database for one, with those by which PostgreSQL
            looks after foreign keys when it commits; fewer are welcome.
        roles: who asks.
        streams: by book and role, what each connection asks.
        once: nothing may be asked twice.
        writes: bodies differ by ids and times.
    """

    name: str
    title: str
    target: float
    statements: int
    streams: Callable[[Grown, str], Streams]
    roles: tuple[str, ...] = READERS
    once: bool = False
    writes: bool = False


def _same(path: str) -> Callable[[Grown, str], Streams]:
    return lambda book, role: [[Request(path)] for _ in range(CONNECTIONS)]


def _dealt(requests: list[Request]) -> Streams:
    """The requests, dealt out to the connections."""
    return [requests[number::CONNECTIONS] for number in range(CONNECTIONS)]


def _cursor(share: float) -> Callable[[Grown, str], Streams]:
    """The page that begins where so large a share of the book is older."""

    def streams(book: Grown, role: str) -> Streams:
        from benchmarks.questions import places

        queries = places(book)
        query = queries[0] if share == 1 else queries[-1]
        return [[Request(f"{APPLICATIONS}?{query}")] for _ in range(CONNECTIONS)]

    return streams


def _searches(book: Grown, role: str) -> Streams:
    words = ("smith", "ng chen", "garcia", "clarke", "jordan", "taylor", "walker", "kelly")
    # One word: the floor's statement has one. All connections come by each of them.
    queries = [f"?stage=settled&search={word.split()[-1]}&ordering=-loan_amount" for word in words]
    requests = [Request(f"{APPLICATIONS}{query}") for query in queries]
    return [requests[number:] + requests[:number] for number in range(CONNECTIONS)]


def _finds(book: Grown, role: str) -> Streams:
    """Each time one application by its reference: as many are found in any book."""
    from applications.models import Application

    one_of_many = list(islice(_visible(book, role), SPREAD))
    found = Application.objects.filter(pk__in=one_of_many).values_list("stage", "reference_number")
    queries = (f"?stage={stage}&search={reference}&ordering=-loan_amount" for stage, reference in found)
    return _dealt([Request(f"{APPLICATIONS}{query}") for query in queries])


def _details(book: Grown, role: str) -> Streams:
    return _dealt([Request(f"{APPLICATIONS}{pk}/") for pk in islice(_visible(book, role), SPREAD)])


def _visible(book: Grown, role: str, **which: Any) -> Iterator[int]:
    """Ids of applications that the role's user sees, from all over the book."""
    from applications.models import Application

    rows = Application.objects.visible_to(book.users[role]).filter(pk__gt=BASE, **which)
    pks = list(rows.order_by("pk").values_list("pk", flat=True)[:200_000])
    step = max(1, len(pks) // SPREAD)
    yield from pks[::step]


def _creations(book: Grown, role: str) -> Streams:
    request = Request(f"{APPLICATIONS}create-with-cascade/", "POST", CASCADE)
    return [[request] for _ in range(CONNECTIONS)]


def _moves(book: Grown, role: str) -> Streams:
    """Each connection asks for more information about one application and is answered, again and again."""
    there = {"stage": "more_info_required", "reason": "Payslips are missing."}
    back = {"stage": "inquiry", "reason": ""}
    pks = list(islice(_visible(book, role, stage="inquiry"), CONNECTIONS))
    return [[Request(f"{APPLICATIONS}{pk}/stage/", "PUT", body) for body in (there, back)] for pk in pks]


def _marks(book: Grown, role: str) -> Streams:
    from notifications.models import Notification

    unread = Notification.objects.filter(user=book.users[role]).unread().order_by("pk")
    return _dealt(
        [
            Request(f"{NOTIFICATIONS}mark-read/", "POST", {"notification_ids": [pk]})
            for pk in unread.values_list("pk", flat=True)
        ]
    )


CALLS = (
    Call("list", "list, first page", 0.8, 2, _same(f"{APPLICATIONS}?limit=20")),
    Call("search", "list, filter, search and ordering", 0.7, 2, _searches),
    Call("find", "search for one application", 0.7, 2, _finds),
    Call("cursor", "cursor page, at the beginning", 0.7, 1, _cursor(1)),
    Call("deep", "cursor page, near the end", 0.7, 1, _cursor(0.05)),
    Call("detail", "detail", 0.6, 1, _details),
    Call("notifications", "notifications, first page", 0.8, 2, _same(NOTIFICATIONS)),
    Call("unread", "unread count", 0.8, 1, _same(f"{NOTIFICATIONS}unread-count/")),
    Call("create", "create with cascade", 0.5, 16, _creations, roles=("broker",), writes=True),
    Call("stage", "stage change", 0.5, 6, _moves, roles=("admin", "bd"), writes=True),
    Call("mark-read", "mark read", 0.5, 3, _marks, once=True, writes=True),
)
