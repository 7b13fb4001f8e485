"""`./crm bench`: the product against the floor, on a book of a given size, side by side in one run.

Says what it measures as it goes, and leaves `var/bench/result.json`, a table in Markdown and a plot.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks import books

SIZE, QUICK_SIZE, FILES_SIZE = 100_000, 20_000, 2000
# A quarter as many clients, each with a socket at one of the sides.
SOCKETS_SIZE, QUICK_SOCKETS_SIZE = 20_000, 1000


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="./crm bench", description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE, help=f"applications in the book ({SIZE})")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side, in turn (5)")
    parser.add_argument("--seconds", type=float, default=1.5, help="of each run (1.5)")
    parser.add_argument("--only", default="", help="calls, with commas between: list,search,cursor,deep,…")
    parser.add_argument("--roles", default="", help="admin,bd,broker")
    parser.add_argument("--server", default="granian", help="what serves the product")
    parser.add_argument(
        "--growth", type=int, nargs=2, metavar=("SMALL", "LARGE"), help="the product alone, in two books"
    )
    parser.add_argument(
        "--servers", action="store_true", help="the product alone, by each of the servers that can serve it"
    )
    parser.add_argument("--files", action="store_true", help="documents up and down, and streams held")
    parser.add_argument(
        "--sockets", action="store_true", help="notifications, from the commit of an event to a socket"
    )
    parser.add_argument(
        "--reports", action="store_true", help="reports and dashboards, beside the same figures by hand"
    )
    parser.add_argument(
        "--quick", action="store_true", help="no times: equality, statements and plans; what reaches sockets"
    )
    return parser.parse_args(arguments)


def size_of(asked: argparse.Namespace) -> int:
    """Applications in the book."""
    if asked.sockets:
        return QUICK_SOCKETS_SIZE if asked.quick else SOCKETS_SIZE
    if asked.quick:
        return QUICK_SIZE
    return FILES_SIZE if asked.files else int(asked.size)


def main(arguments: Sequence[str]) -> int:
    """Do it; 1 when something is not as it has to be."""
    asked = options(arguments)
    size = size_of(asked)
    with books.servers() as started:
        name = books.name_of(size, "reports" if asked.reports else "book")
        books.settle(books.environment(started, name))
        if not asked.reports:
            books.create_database(started.database_url, name)
        from benchmarks import running

        if asked.reports:
            from benchmarks import reporting

            if asked.quick:
                return reporting.quick(started, running.say)
            return reporting.run(started, size, asked.rounds, running.say)

        if asked.files:
            from benchmarks import files

            files.run(started, running.say)
            return 0
        if asked.sockets:
            from benchmarks import sockets

            return sockets.run(started, size, running.say, quick=asked.quick)
        if asked.quick:
            from benchmarks import reporting

            return running.quick(started, size) or reporting.quick(started, running.say)
        if asked.servers:
            return running.servers(started, size, asked)
        if asked.growth:
            return running.growth(started, asked)
        return running.bench(started, size, asked)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
