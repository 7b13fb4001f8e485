"""The ways to run `./crm bench`; Django is ready when this is imported."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import report
from benchmarks.calls import CALLS, Call
from benchmarks.comparing import (
    COUNTED,
    Bench,
    Options,
    benches,
    measure,
    measure_growth,
    measure_servers,
    product_by,
)
from benchmarks.equality import Different
from benchmarks.plans import LARGE
from benchmarks.sides import PRODUCT
from benchmarks.statements import explain_statements

if TYPE_CHECKING:
    from crm_backend.embedded.servers import EmbeddedServers

FOLDER = Path(__file__).resolve().parent.parent / "var" / "bench"
GROWING = ("list", "search", "find", "deep", "detail", "create")


def say(text: str) -> None:
    """Tell what is going on."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def options_of(asked: argparse.Namespace) -> Options:
    """The options of a comparison; an unknown call is refused."""
    names = [name for name in asked.only.split(",") if name]
    known = [call.name for call in CALLS]
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"Unknown: {', '.join(unknown)}. Calls: {', '.join(known)}.")
    roles = [role for role in asked.roles.split(",") if role]
    return Options(asked.rounds, asked.seconds, names, roles, asked.server)


def bench(started: EmbeddedServers, size: int, asked: argparse.Namespace) -> int:
    """Compare with the floor, call by call; 1 when the two are found to differ."""
    options = options_of(asked)
    results = []
    say(f"A book of {size:,} applications; growing it takes a while, once ...")
    with benches(started, size, options.server) as both:
        for call, role in options.chosen:
            try:
                results.append(measure(both, call, role, options))
            except Different as error:
                say(f"The floor is not one of {call.title} ({role}): {error}")
                return 1
            say(report.line(results[-1]))
    for path in report.write(FOLDER, f"{size}", options, results, plotted=True):
        say(f"  {path.relative_to(Path.cwd())}")
    return 0


def growth(started: EmbeddedServers, asked: argparse.Namespace) -> int:
    """Compare the product in a small and in a large book."""
    options = options_of(asked)
    if not options.only:
        options = Options(options.rounds, options.seconds, GROWING, options.roles, options.server)
    small, large = sorted(asked.growth)
    results = []
    say(f"Books of {small:,} and {large:,} applications; growing them takes a while, once ...")
    with (
        benches(started, small, options.server, floor=False) as before,
        benches(started, large, options.server, floor=False) as after,
    ):
        for call, role in options.chosen:
            results.append(measure_growth(before, after, call, role, options))
            say(report.growth_line(results[-1]))
    for path in report.write(FOLDER, f"{small}-{large}", options, results, plotted=False):
        say(f"  {path.relative_to(Path.cwd())}")
    return 0


def servers(started: EmbeddedServers, size: int, asked: argparse.Namespace) -> int:
    """Compare the servers that can serve the product."""
    options = options_of(asked)
    results = []
    with ExitStack() as stack:
        first, *others = PRODUCT
        bench = stack.enter_context(benches(started, size, first, floor=False))
        by_server = {first: bench} | {
            name: replace(bench, product=stack.enter_context(product_by(name, started, size)))
            for name in others
        }
        for call, role in options.chosen:
            for result in measure_servers(by_server, call, role, options):
                results.append(result)
                say(report.server_line(result))
    for path in report.write(FOLDER, f"servers-{size}", options, results, plotted=False):
        say(f"  {path.relative_to(Path.cwd())}")
    return 0


def quick(started: EmbeddedServers, size: int) -> int:
    """See, without a look at a clock, that the floor is one, and what the product asks of the database."""
    faults: list[str] = []
    options = Options()
    with benches(started, size, options.server) as both:
        for call, role in options.chosen:
            try:
                compared = both.compare(call, role)
                found = list(_faults(both, started.postgres.log_path, call, role))
            except Different as error:
                compared, found = 0, [f"floor and product differ: {error}"]
            say(f"{call.title} ({role}): {compared} alike" + "".join(f"\n  {fault}" for fault in found))
            faults += found
    say(f"{len(faults)} faults." if faults else "All as it should be.")
    return 1 if faults else 0


def _faults(both: Bench, log: Path, call: Call, role: str) -> Iterator[str]:
    count = both.count(call, role)
    if round(count) > call.statements:
        yield f"{count:.1f} statements, where {call.statements} are allowed"
    plans = explain_statements(log, lambda: both.run(both.product, call, role, 10, COUNTED))
    if not any(plan.tables & PLANNED for plan in plans):
        yield "its statements were not seen in the log of PostgreSQL"
    for plan in plans:
        if not plan.is_count and (whole := plan.read_whole_for_rows & LARGE):
            yield f"reads {', '.join(sorted(whole))} as a whole: {plan.sql[:200]}"


# Whatever is asked for is found in one of these.
PLANNED = {"applications_application", "notifications_notification"}
