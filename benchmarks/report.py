"""What was measured, as JSON, as a table and as a plot."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.comparing import Options, Result
from benchmarks.findings import Figure, Found

HEADER = (
    "| call | role | floor, requests/s | product, requests/s | of the floor | target | floor CPU, ms | "
    "product CPU, ms | statements |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
)


def line(result: Result) -> str:
    """One result for a terminal."""
    return (
        f"{result.title} ({result.role}): {result.ratio:.0%} of the floor, {result.cpu_ratio:.0%} by CPU "
        f"(target {result.target:.0%}); "
        f"{result.product['rate']:.0f} of {result.floor['rate']:.0f} requests/s; "
        f"CPU {_cpu(result.product)} of {_cpu(result.floor)} ms; {result.statements:.1f} statements"
    )


def growth_line(result: Result) -> str:
    """The same of one in two books."""
    return (
        f"{result.title} ({result.role}): × {1 / result.ratio:.2f} the time; CPU {_cpu(result.floor)} → "
        f"{_cpu(result.product)} ms"
    )


def server_line(result: Result) -> str:
    """The same of one server, which is where the role is."""
    return (
        f"{result.title}: {result.role} {result.ratio:.0%}, {result.product['rate']:.0f} requests/s, "
        f"CPU {_cpu(result.product)} ms, p99 {result.product['p99_ms']:.0f} ms"
    )


def write(
    folder: Path, name: str, options: Options, results: Sequence[Result], *, plotted: bool
) -> Iterator[Path]:
    """Leave everything in a folder; the files, one by one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"result-{name}.json"
    path.write_text(json.dumps(_document(name, options, results), indent=2) + "\n")
    yield path
    path = folder / f"result-{name}.md"
    path.write_text(table(results) if plotted else growth_table(results))
    yield path
    if plotted:
        path = folder / f"result-{name}.svg"
        path.write_bytes(plot(results))
        yield path


def _document(size: str, options: Options, results: Sequence[Result]) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "applications": size,
        "server": options.server,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "python": platform.python_version(),
        "results": [asdict(result) for result in results],
    }


def table(results: Sequence[Result]) -> str:
    """In Markdown; CPU is of the server and the database, of one request."""
    rows = [
        f"| {one.title} | {one.role} | {one.floor['rate']:,.0f} | {one.product['rate']:,.0f} | "
        f"{one.ratio:.0%} | {one.target:.0%} | {_cpu(one.floor)} | {_cpu(one.product)} | "
        f"{one.statements:.0f} |\n"
        for one in results
    ]
    return HEADER + "".join(rows)


def growth_table(results: Sequence[Result]) -> str:
    """In Markdown: how much longer a call takes in the larger book."""
    rows = [
        f"| {one.title} | {one.role} | × {1 / one.ratio:.2f} | {_cpu(one.floor)} | {_cpu(one.product)} |\n"
        for one in results
    ]
    head = "| call | role | time | CPU in the small book, ms | CPU in the large book, ms |\n"
    return f"{head}| --- | --- | --- | --- | --- |\n" + "".join(rows)


def _cpu(side: dict[str, float]) -> str:
    return f"{side['server_cpu_ms']:.2f} + {side['database_cpu_ms']:.2f}"


def write_figures(folder: Path, name: str, plan: dict[str, Any], figures: Sequence[Figure]) -> Iterator[Path]:
    """Leave figures that have units of their own; the files, one by one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"result-{name}.json"
    rows = [{**asdict(figure), "ratio": figure.ratio} for figure in figures]
    document = {"name": name, "at": datetime.now(UTC).isoformat(), "plan": plan, "figures": rows}
    path.write_text(json.dumps(document, indent=2) + "\n")
    yield path
    path = folder / f"result-{name}.md"
    path.write_text(figures_table(figures))
    yield path


def figures_table(figures: Sequence[Figure]) -> str:
    """The same as a table in Markdown."""
    lines = ["| | floor | product | product ÷ floor | target |", "| --- | --- | --- | --- | --- |"]
    for one in figures:
        digits = 0 if one.product >= 100 else 1
        floor, product = (f"{value:,.{digits}f} {one.unit}" for value in (one.floor, one.product))
        lines.append(f"| {one.title} | {floor} | {product} | {one.ratio:.2f} | {one.target or '–'} |")
    return "\n".join(lines) + "\n"


def write_reports(folder: Path, size: int, filled: dict[str, Any], found: Sequence[Found]) -> Iterator[Path]:
    """Leave what reports take; the files, one by one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"result-reports-{size}.json"
    document = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "applications": size,
        "rollups": filled,
        "results": [asdict(one) for one in found],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    yield path
    path = folder / f"result-reports-{size}.md"
    path.write_text(reports_table(found))
    yield path
    path = folder / f"result-reports-{size}.svg"
    path.write_bytes(reports_plot(found))
    yield path


def reports_table(found: Sequence[Found]) -> str:
    """In Markdown, milliseconds."""
    head = (
        "| report | reader | by hand, CPU | product, CPU | of it the database | ratio | product, wall | "
        "statements | cells |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )
    rows = []
    for one in found:
        hand = "– | " if one.floor_cpu_ms is None else f"{one.floor_cpu_ms:.1f} | "
        ratio = "–" if one.ratio is None else f"× {one.ratio:.1f}"
        rows.append(
            f"| {one.name} | {one.role} | {hand}{one.product_cpu_ms:.1f} | {one.database_cpu_ms:.1f} | "
            f"{ratio} | {one.product_ms:.0f} | {one.statements} | {one.cells:,} |\n"
        )
    return head + "".join(rows)


def reports_plot(found: Sequence[Found]) -> bytes:
    """CPU of each of an administrator's, beside that of the floor."""
    import pygal
    from pygal.style import CleanStyle

    shown = [one for one in found if one.role == "admin" and one.floor_cpu_ms is not None]
    chart = pygal.HorizontalBar(
        width=900, height=60 + 46 * len(shown), legend_at_bottom=True, js=[], print_values=True,
        value_formatter=lambda value: f"{value:.1f} ms",
        style=CleanStyle(colors=("#c9ced6", "#2f6fb2"), background="white"),
    )  # fmt: skip
    chart.title = "CPU of one report of the whole book, ms"
    chart.x_labels = [one.name for one in reversed(shown)]
    chart.add("by hand", [one.floor_cpu_ms for one in reversed(shown)])
    chart.add("product", [one.product_cpu_ms for one in reversed(shown)])
    drawn: bytes = chart.render()
    return drawn


def plot(results: Sequence[Result]) -> bytes:
    """The share of the floor of each call, beside its target."""
    import pygal
    from pygal.style import CleanStyle

    first = [results[0]] if results else []
    one_role = [one for one in results if not first or one.role == first[0].role] or list(results)
    names = {one.call for one in one_role}
    shown = one_role + [one for one in results if one.call not in names]
    chart = pygal.HorizontalBar(
        width=900, height=60 + 46 * len(shown), legend_at_bottom=True, js=[], print_values=True,
        value_formatter=lambda value: f"{value:.0f} %", range=(0, 110),
        style=CleanStyle(colors=("#c9ced6", "#2f6fb2"), background="white"),
    )  # fmt: skip
    chart.title = "Requests a second, percent of the floor's"
    chart.x_labels = [f"{one.title} ({one.role})" for one in reversed(shown)]
    chart.add("target", [one.target * 100 for one in reversed(shown)])
    chart.add("product", [one.ratio * 100 for one in reversed(shown)])
    drawn: bytes = chart.render()
    return drawn
