"""`./crm bench --sockets`: notifications from the commit of an event to a socket, beside a floor.

The product is one daphne and one Celery worker; the floor one process on bare `websockets`, which is handed
what to say (`benchmarks.floor.sockets`). Each side has users of its own in one book, because both number
notifications in the same tables. Whatever is measured, every notification has to arrive once and in order.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import books
from benchmarks.emitting import FloorEmitter, ProductEmitter, missed
from benchmarks.findings import Figure
from benchmarks.holding import Holding
from benchmarks.sides import PRODUCT, ROOT, Side, resident

if TYPE_CHECKING:
    from crm_backend.embedded.servers import EmbeddedServers

LOGS = books.SERVERS / "log"
FLOOR = ("python", "-m", "benchmarks.floor.sockets", "{port}")
WORKER = ("celery", "-A", "crm_backend", "worker", "-c", "1", "--without-mingle", "--without-gossip")
WARM = 50  # sockets before memory is looked at
BEATS_A_SECOND = 50  # transactions in which a rate is committed


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    sockets: int = 2000
    rounds: int = 5
    rates: Sequence[int] = (100, 250, 500, 1000)
    rate_seconds: int = 4
    burst: int = 4000  # notifications
    per_transaction: int = 50
    readers: int = 200  # users whom rates and bursts tell
    missed: int = 10_000


QUICK = Plan(
    sockets=12, rounds=2, rates=(50,), rate_seconds=1, burst=60, per_transaction=7, readers=5, missed=600
)


class Lost(Exception):
    """A notification did not arrive, came twice, or out of order."""


class Party:
    """A side with its users, its client, and the way in which it is told of events."""

    def __init__(self, side: Side, holding: Holding, emitter: FloorEmitter | ProductEmitter) -> None:
        self.side, self.holding, self.emitter = side, holding, emitter
        self.users: list[int] = []  # of each socket
        self.last: list[int] = []  # number that each socket has seen

    def open(self, users: Sequence[int], tokens: Sequence[str]) -> float:
        """Open a socket for each; seconds."""
        opened = self.holding.ask("open", tokens=tokens)
        self.users += users
        self.last += opened["last_seqs"]
        return float(opened["seconds"])

    def tell(self, events: Sequence[Sequence[int]]) -> float:
        """Commit events, each with its recipients, in one transaction; when it was committed."""
        return self.emitter.emit(events)

    def take(self, told: Sequence[Sequence[int]]) -> list[tuple[int, int, float]]:
        """What came of events: socket, number and time of each message.

        Raises:
            Lost: it is not what it has to be.
        """
        expected: defaultdict[int, int] = defaultdict(int)
        for users in told:
            for user in users:
                expected[user] += 1
        count = sum(expected[user] for user in self.users)
        answer = self.holding.ask("take", count=count)
        return self.checked(answer, [expected[user] for user in self.users])

    def checked(self, answer: dict[str, Any], expected: Sequence[int]) -> list[tuple[int, int, float]]:
        """The messages, each once and in order."""
        seen: defaultdict[int, list[int]] = defaultdict(list)
        for index, seq, _ in answer["arrived"]:
            seen[index].append(seq)
        for index, number in enumerate(expected):
            first = self.last[index] + 1
            if seen[index] != list(range(first, first + number)):
                raise Lost(f"{self.side.name}, socket {index}: {seen[index][:9]}…, from {first} on {number}")
            self.last[index] += number
        if answer["lost"]:
            raise Lost(f"{self.side.name}: {answer['lost']} sockets were closed")
        return [tuple(one) for one in answer["arrived"]]


class Bench:
    """Both parties, and the figures."""

    def __init__(self, floor: Party, product: Party, plan: Plan, tokens: Callable[..., Any]) -> None:
        self.parties = {"floor": floor, "product": product}
        self.plan, self.tokens = plan, tokens
        self.figures: list[Figure] = []

    def both(self, run: Callable[[Party], float], rounds: int = 1) -> dict[str, float]:
        """Medians of each side, in turn."""
        found: dict[str, list[float]] = {name: [] for name in self.parties}
        for number in range(rounds):
            order = list(self.parties.items())
            for name, party in order if number % 2 else order[::-1]:
                party.holding.ask("beat")
                found[name].append(run(party))
        return {name: statistics.median(values) for name, values in found.items()}

    def add(self, title: str, unit: str, found: dict[str, float], target: str = "") -> Figure:
        """Keep a figure."""
        self.figures.append(Figure(title, unit, found["floor"], found["product"], target))
        return self.figures[-1]

    def run(self) -> Iterator[Figure]:
        """Measure, figure by figure.

        Raises:
            Lost: a notification was lost, came twice or out of order.
        """
        yield from self._hold()
        yield self.add(
            f"one event for {self.plan.sockets:,} users, time to last",
            "ms",
            self.both(lambda party: self._fan_out(party, sorted(set(party.users))), self.plan.rounds),
            "≤ 3 × floor",
        )
        yield from self._rates()
        yield self.add(
            "notifications a second, from first commit to last socket", "/s", self.both(self._burst, 3)
        )
        resumed = self.both(self._resume, 3)
        yield self.add(f"resume of {self.plan.missed:,} missed, time to last", "ms", resumed)
        per_second = {name: self.plan.missed / value * 1000 for name, value in resumed.items()}
        yield self.add("resume, messages a second", "/s", per_second)
        for party in self.parties.values():  # on the same user's sockets now
            user = party.users[0]
            party.open([user] * self.plan.sockets, [self.tokens(user)] * self.plan.sockets)
        yield self.add(
            f"one event for one user on {self.plan.sockets + 1:,} sockets, time to last",
            "ms",
            self.both(lambda party: self._fan_out(party, party.users[:1]), self.plan.rounds),
            "≤ 3 × floor",
        )
        for party in self.parties.values():  # nothing comes after all
            party.holding.ask("beat")
            party.take([])

    def _hold(self) -> Iterator[Figure]:
        opened, grown = {}, {}
        for name, party in self.parties.items():
            users = party.emitter.users
            tokens = [self.tokens(user) for user in users]
            party.open(users[:WARM], tokens[:WARM])
            # Whatever is set up by the first notification is no socket's memory, nor time.
            party.tell([users[:1]])
            party.take([users[:1]])
            before = resident(party.side.child.pid)
            opened[name] = max(len(users) - WARM, 1) / party.open(users[WARM:], tokens[WARM:])
            after = resident(party.side.child.pid)
            grown[name] = (after - before) / 1024 / max(len(users) - WARM, 1)
        yield self.add("sockets opened a second", "/s", opened)
        yield self.add(f"memory of each of {self.plan.sockets:,} sockets", "KiB", grown, "≤ 25 KiB")

    def _fan_out(self, party: Party, users: Sequence[int]) -> float:
        committed = party.tell([users])
        return max(at - committed for _, _, at in party.take([users])) * 1000

    def _rates(self) -> Iterator[Figure]:
        for rate in self.plan.rates:
            tails: dict[str, float] = {}

            def median(party: Party, rate: int = rate, tails: dict[str, float] = tails) -> float:
                late = sorted(self._at_rate(party, rate))
                tails[party.side.name] = late[int(len(late) * 0.99)]
                return late[len(late) // 2]

            found = self.both(median)
            yield self.add(f"committed to socket at {rate}/s, p50", "ms", found)
            names = {name: tails[party.side.name] for name, party in self.parties.items()}
            target = "≤ 50 ms" if rate == 500 else ""
            yield self.add(f"committed to socket at {rate}/s, p99", "ms", names, target)

    def _at_rate(self, party: Party, rate: int) -> list[float]:
        """Milliseconds of each notification; whoever commits too late takes the lateness with them."""
        readers, together = party.users[: self.plan.readers], max(1, rate // BEATS_A_SECOND)
        told: list[list[int]] = []
        moments: dict[int, list[float]] = defaultdict(list)
        started = time.monotonic()
        for beat in range(rate * self.plan.rate_seconds // together):
            time.sleep(max(0.0, started + beat * together / rate - time.monotonic()))
            events = [[readers[(len(told) + number) % len(readers)]] for number in range(together)]
            committed = party.tell(events)
            told += events
            for (user,) in events:
                moments[user].append(committed)
        first = list(party.last)
        arrived = party.take(told)
        return [
            (at - moments[party.users[index]][seq - first[index] - 1]) * 1000 for index, seq, at in arrived
        ]

    def _burst(self, party: Party) -> float:
        readers, size = party.users[: self.plan.readers], self.plan.per_transaction
        told = [[readers[number % len(readers)]] for number in range(self.plan.burst)]
        started = time.monotonic()
        for first in range(0, len(told), size):
            party.tell(told[first : first + size])
        return len(told) / (max(at for _, _, at in party.take(told)) - started)

    def _resume(self, party: Party) -> float:
        missed(party.emitter.absent, self.plan.missed)
        answer = self._asked_again(party, party.emitter.absent, self.plan.missed)
        return (max(at for _, _, at in answer["arrived"]) - float(answer["started"])) * 1000

    def _asked_again(self, party: Party, user: int, count: int) -> dict[str, Any]:
        """What somebody is sent who comes back and asks for so many of the latest, checked."""
        index = len(party.users)
        party.open([user], [self.tokens(user)])
        party.last[index] -= count
        answer: dict[str, Any] = party.holding.ask(
            "resume", index=index, last_seq=party.last[index], count=count
        )
        party.checked(answer, [0] * index + [count])
        # Its heartbeats would have it sent what is missed by the next.
        party.holding.ask("drop")
        party.users.pop()
        party.last.pop()
        return answer

    def compare(self) -> int:
        """See that both sides say the same to the same user; how many notifications were compared.

        Raises:
            Lost: they do not.
        """
        product = self.parties["product"]
        count = min(self.plan.missed, 100)
        floor, ours = (
            self._asked_again(party, product.emitter.absent, count)["bodies"]
            for party in self.parties.values()
        )
        if floor != ours:
            raise Lost(f"The floor says {floor[:1]}, the product {ours[:1]}")
        return len(floor)


@contextmanager
def _worker(variables: dict[str, str]) -> Iterator[None]:
    """A Celery worker, ended by its own id."""
    with (LOGS / "worker.log").open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", *WORKER],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(timeout=20)


@contextmanager
def _bench(started: EmbeddedServers, size: int, plan: Plan) -> Iterator[Bench]:
    from benchmarks.emitting import tokens_of, users_of

    database = books.name_of(size)
    books.use(database)
    book = books.book_of(size, started.database_url)
    LOGS.mkdir(parents=True, exist_ok=True)
    address = {"DATABASE_URL": books.address_of(started, database)}
    # One more for each side: who was away while much was missed.
    users = users_of(2 * plan.sockets + 2)
    tokens = tokens_of(users)
    of_floor, of_product = users[: plan.sockets + 1], users[plan.sockets + 1 :]
    application = book.application(0.5)
    with ExitStack() as stack:
        stack.callback(books.clean)
        floor = stack.enter_context(Side("socket-floor", FLOOR, address, LOGS))
        pooled = {**address, "DATABASE_POOL_SIZE": "10"}
        product = stack.enter_context(Side("socket-product", PRODUCT["daphne"], pooled, LOGS))
        stack.enter_context(_worker(address))
        clients = [stack.enter_context(Holding(side.port)) for side in (floor, product)]
        yield Bench(
            Party(floor, clients[0], FloorEmitter(of_floor, application)),
            Party(product, clients[1], ProductEmitter(of_product, application)),
            plan,
            tokens.__getitem__,
        )


def run(started: EmbeddedServers, size: int, say: Callable[[str], None], *, quick: bool) -> int:
    """Measure and say, or only look whether everything arrives; 1 when something does not."""
    say(f"A book of {size:,} applications; growing it takes a while, once ...")
    with _bench(started, size, QUICK if quick else Plan()) as bench:
        try:
            for figure in bench.run():
                say(figure.title if quick else line(figure))
            say(f"{bench.compare()} notifications alike")
        except Lost as error:
            say(f"Lost: {error}")
            return 1
    if quick:
        say("All as it should be.")
        return 0
    from benchmarks.report import write_figures

    for path in write_figures(ROOT / "var" / "bench", "sockets", asdict(bench.plan), bench.figures):
        say(f"  {path.relative_to(ROOT)}")
    return 0


def line(figure: Figure) -> str:
    """One figure for a terminal."""
    target = f" (target {figure.target})" if figure.target else ""
    return (
        f"{figure.title}: floor {figure.floor:,.1f}, product {figure.product:,.1f} {figure.unit}, "
        f"× {figure.ratio:.2f}{target}"
    )
