"""Floor and product in turn, call by call, and the product in two books: what `./crm bench` measures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import books
from benchmarks.calls import CALLS, Call
from benchmarks.equality import compare
from benchmarks.sides import FLOOR, POOLED, PRODUCT, Measured, Side
from benchmarks.statements import count_statements

if TYPE_CHECKING:
    from benchmarks.grown import Grown
    from crm_backend.embedded.servers import EmbeddedServers

LOGS = books.SERVERS / "log"
MOST = 100_000  # requests of one run
WARM_UP = 0.5
COUNTED = 24  # requests whose statements are counted


@dataclass(frozen=True)
class Options:
    """How long to measure what."""

    rounds: int = 5
    seconds: float = 1.5
    only: Collection[str] = ()
    roles: Collection[str] = ()
    server: str = "granian"

    @property
    def chosen(self) -> Iterator[tuple[Call, str]]:
        """The calls and roles that were asked for."""
        for call in CALLS:
            for role in call.roles:
                if call.name in (self.only or [call.name]) and role in (self.roles or [role]):
                    yield call, role


@dataclass(frozen=True)
class Result:
    """A call by a role: medians over the rounds. Rates in requests a second, CPU in ms a request.

    `ratio` is of the product's rate to the floor's, or to the product's own in the smaller book; `cpu_ratio`
    of the CPU that the floor takes to the product's: what the ratio is when nothing else uses the cores.
    """

    call: str
    title: str
    role: str
    target: float
    statements: float
    floor: dict[str, float]
    product: dict[str, float]
    ratio: float
    ratios: list[float]
    cpu_ratio: float


@dataclass(frozen=True)
class Bench:
    """A book, a token for each role, and the servers on it."""

    book: Grown
    tokens: dict[str, str]
    product: Side
    floor: Side | None
    database: int  # PostgreSQL's main process

    def run(self, side: Side, call: Call, role: str, seconds: float, most: int = MOST) -> Measured:
        """Ask one side a call over and over.

        Raises:
            RuntimeError: it did not answer each of them well.
        """
        if call.once:
            books.put_back_unread()
        token = self.tokens[role]
        plan = {
            "streams": [[one.encode(token) for one in stream] for stream in call.streams(self.book, role)],
            "once": call.once,
            "seconds": seconds,
            "most": most,
        }
        measured = side.measure(plan, self.database)
        wrong = {status: count for status, count in measured.statuses.items() if status[:2] != "20"}
        if wrong or not measured.requests:
            raise RuntimeError(f"{side.name} answered {call.name} of {role} with {wrong}")
        return measured

    def compare(self, call: Call, role: str) -> int:
        """See that both sides do the same; how many requests were compared."""
        assert self.floor is not None
        return compare(call, call.streams(self.book, role), self.tokens[role], self.floor, self.product)

    def count(self, call: Call, role: str) -> float:
        """Statements that the product sends to the database for one request."""
        return count_statements(lambda: self.run(self.product, call, role, 10, COUNTED).requests)


@contextmanager
def benches(started: EmbeddedServers, size: int, server: str, *, floor: bool = True) -> Iterator[Bench]:
    """The product on a book, and the floor beside it."""
    database = books.name_of(size)
    books.use(database)
    book = books.book_of(size, started.database_url)
    tokens = books.tokens(book, book.users)
    child = started.postgres._child
    assert child is not None
    with ExitStack() as stack:
        stack.callback(_clean, database)
        product = stack.enter_context(product_by(server, started, size))
        address = {"DATABASE_URL": books.address_of(started, database)}
        beside = stack.enter_context(Side("floor", FLOOR, address, LOGS)) if floor else None
        yield Bench(book, tokens, product, beside, child.pid)


def product_by(server: str, started: EmbeddedServers, size: int) -> Side:
    """The product on a book, by one of the servers that can serve it."""
    LOGS.mkdir(parents=True, exist_ok=True)
    pooled = {"DATABASE_POOL_SIZE": "10"} if server in POOLED else {}
    address = {"DATABASE_URL": books.address_of(started, books.name_of(size))}
    return Side(f"{server}-{size}", PRODUCT[server], {**address, **pooled}, LOGS)


def _clean(database: str) -> None:
    books.use(database)
    books.clean()


def measure(bench: Bench, call: Call, role: str, options: Options) -> Result:
    """Compare the answers, then measure both sides in turn.

    Raises:
        Different: the sides do not do the same; nothing is measured then.
    """
    assert bench.floor is not None
    bench.compare(call, role)
    statements = bench.count(call, role)
    floor, product = in_turn([(bench, bench.floor), (bench, bench.product)], call, role, options)
    return _result(call, role, statements, floor, product)


def measure_growth(small: Bench, large: Bench, call: Call, role: str, options: Options) -> Result:
    """Measure the product in both books, in turn."""
    before, after = in_turn([(small, small.product), (large, large.product)], call, role, options)
    return _result(call, role, 0, before, after)


def measure_servers(by_server: dict[str, Bench], call: Call, role: str, options: Options) -> list[Result]:
    """Measure the product by each server, in turn; ratios are to the first, and `role` is the server."""
    runs = in_turn([(one, one.product) for one in by_server.values()], call, role, options)
    return [_result(call, name, 0, runs[0], found) for name, found in zip(by_server, runs, strict=True)]


def in_turn(
    sides: Sequence[tuple[Bench, Side]], call: Call, role: str, options: Options
) -> list[list[Measured]]:
    """Runs of each side, one after the other in every round, so that what the machine does meets all."""
    found: list[list[Measured]] = [[] for _ in sides]
    for number in range(-1, options.rounds):
        order = list(enumerate(sides))
        for index, (bench, side) in order if number % 2 else order[::-1]:  # nobody is always the first
            books.use(books.name_of(bench.book.size))
            run = bench.run(side, call, role, WARM_UP if number < 0 else options.seconds)
            if number >= 0:
                found[index].append(run)
    return found


def _result(
    call: Call, role: str, statements: float, base: list[Measured], product: list[Measured]
) -> Result:
    ratios = [theirs.rate / mine.rate for mine, theirs in zip(base, product, strict=True)]
    return Result(
        call=call.name,
        title=call.title,
        role=role,
        target=call.target,
        statements=statements,
        floor=_medians(base),
        product=_medians(product),
        ratio=median(ratios),
        ratios=ratios,
        cpu_ratio=median(_cpu(mine) / _cpu(theirs) for mine, theirs in zip(base, product, strict=True)),
    )


def _cpu(run: Measured) -> float:
    """CPU seconds of a request, that of the client too, which the cores are shared with."""
    return (run.server_cpu + run.database_cpu + run.client_cpu) / run.requests


def _medians(runs: list[Measured]) -> dict[str, Any]:
    return {
        "rate": median(run.rate for run in runs),
        "p50_ms": median(run.p50_ms for run in runs),
        "p99_ms": median(run.p99_ms for run in runs),
        "server_cpu_ms": median(run.server_cpu / run.requests * 1000 for run in runs),
        "database_cpu_ms": median(run.database_cpu / run.requests * 1000 for run in runs),
        "client_cpu_ms": median(run.client_cpu / run.requests * 1000 for run in runs),
    }
