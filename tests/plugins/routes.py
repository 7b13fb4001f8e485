"""Fails a full run in which some route × method was not asked every case that applies to it.

While the tests run, every request that Django answers is counted by method, route and case. At the
end the counts of all workers are held against the table of `route_table`: what the URL resolver and
the OpenAPI document know. A selection of tests (paths, `-k`, `-m`, `--lf`) is only reported, since
it cannot be complete; `--routes=enforce` and `--routes=off` decide otherwise.
"""

import importlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.recorder import Recorder, Seen
from tests.plugins.route_table import Case, Operation, operations

Exemptions = dict[tuple[str, str, Case], str]
FULL_MARKS = ("", "not slow")
LISTED = 40


@dataclass
class Table:
    """Operations, what each was asked, and what is missing."""

    operations: tuple[Operation, ...]
    seen: Seen
    exemptions: Exemptions

    def count(self, operation: Operation, case: Case) -> int:
        """How often an operation met a case; a wrong method belongs to the whole route."""
        if case is Case.WRONG_METHOD:
            return sum(n for (_, path, met), n in self.seen.items() if (path, met) == (operation.path, case))
        return self.seen[operation.method, operation.path, case]

    def mark(self, operation: Operation, case: Case) -> str:
        """`–` does not apply, a number was exercised, `exempt`, or `GAP`."""
        if case not in operation.cases():
            return "–"
        if count := self.count(operation, case):
            return str(count)
        return "exempt" if (operation.method, operation.path, case) in self.exemptions else "GAP"

    @property
    def gaps(self) -> list[str]:
        """Each case that applies, is not exempt, and never came up."""
        return [
            f"{operation}: {case}"
            for operation in self.operations
            for case in operation.cases()
            if self.mark(operation, case) == "GAP"
        ]

    @property
    def stale(self) -> list[str]:
        """Each exemption that is not needed any more."""
        known = {(operation.method, operation.path): operation for operation in self.operations}
        found = []
        for (method, path, case), reason in self.exemptions.items():
            operation = known.get((method, path))
            if operation is None:
                found.append(f"{method} {path}: {case}: there is no such operation ({reason})")
            elif case not in operation.cases():
                found.append(f"{operation}: {case}: does not apply ({reason})")
            elif count := self.count(operation, case):
                found.append(f"{operation}: {case}: was exercised {count} times ({reason})")
        return found

    def markdown(self) -> str:
        """The whole table for people."""
        lines = ["# Routes and what the tests asked of them", "", self.summary, ""]
        lines += ["| operation | " + " | ".join(Case) + " |", "| --- " * (len(Case) + 1) + "|"]
        for operation in self.operations:
            cells = [self.mark(operation, case) for case in Case]
            lines.append(f"| {operation} | " + " | ".join(cells) + " |")
        for title, found in (("Gaps", self.gaps), ("Stale exemptions", self.stale)):
            lines += ["", f"## {title}", "", *(f"- {item}" for item in found or ["none"])]
        reasons = [f"- {m} {p}: {case}: {why}" for (m, p, case), why in self.exemptions.items()]
        return "\n".join([*lines, "", "## Exemptions", "", *(reasons or ["- none"]), ""])

    def data(self) -> dict[str, Any]:
        """The whole table for programs."""
        rows = [
            {
                "method": operation.method,
                "path": operation.path,
                "operation_id": operation.id,
                "cases": {case.value: self.mark(operation, case) for case in Case},
                "statuses": {
                    met: count
                    for (method, path, met), count in sorted(self.seen.items())
                    if (method, path) == (operation.method, operation.path) and met.isdigit()
                },
            }
            for operation in self.operations
        ]
        return {"operations": rows, "gaps": self.gaps, "stale_exemptions": self.stale}

    @property
    def summary(self) -> str:
        """One line."""
        marks = [self.mark(operation, case) for operation in self.operations for case in operation.cases()]
        done = sum(mark.isdigit() for mark in marks)
        return (
            f"{len(self.operations)} operations on {len({op.path for op in self.operations})} routes; "
            f"{done} of {len(marks)} cases exercised, {marks.count('exempt')} exempt, "
            f"{marks.count('GAP')} missing; {sum(self.seen.values())} observations"
        )


class RoutesPlugin:
    """Collects in every process; judges in the one that the user started."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.recorder = Recorder()
        self.table: Table | None = None
        self.enforced = False

    @property
    def is_worker(self) -> bool:
        """Whether this is one of xdist's workers."""
        return hasattr(self.config, "workerinput")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Watch the handler."""
        self.recorder.install()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """Add what a worker saw."""
        for row in getattr(node, "workeroutput", {}).get("routes", []):
            method, path, met, count = row
            self.recorder.seen[method, path, met] += count

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hand over, or judge."""
        self.recorder.remove()
        if self.is_worker:
            rows = [[method, path, str(met), n] for (method, path, met), n in self.recorder.seen.items()]
            self.config.workeroutput["routes"] = rows  # type: ignore[attr-defined]
            return
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        if self.config.option.collectonly:
            return
        exemptions = importlib.import_module(self.config.getini("route_exemptions")).EXEMPTIONS
        self.table = Table(operations(), Counter(self.recorder.seen), exemptions)
        write_reports(self.table, self.config.rootpath / "var" / "reports")
        self.enforced = self._enforces(session)
        if self.enforced and (self.table.gaps or self.table.stale):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _enforces(self, session: pytest.Session) -> bool:
        mode = self.config.getoption("routes")
        if mode != "auto":
            return bool(mode == "enforce")
        return is_full_run(self.config) and not (session.shouldstop or session.shouldfail)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say how complete it is, and name each gap when the run has to be complete."""
        if self.table is None:
            return
        table, write = self.table, terminalreporter.write_line
        terminalreporter.section("routes")
        write(f"{table.summary} (var/reports/routes.md)")
        if not self.enforced:
            return
        for title, found in (("Not exercised", table.gaps), ("Stale exemption", table.stale)):
            for item in found[:LISTED]:
                write(f"{title}: {item}", red=True)
            if len(found) > LISTED:
                write(f"… and {len(found) - LISTED} more: see var/reports/routes.md", red=True)


def is_full_run(config: pytest.Config) -> bool:
    """Whether nothing narrowed the run down, except that slow tests may be left out."""
    narrowed = ("keyword", "deselect", "ignore", "ignore_glob", "lf", "stepwise", "last_failed")
    if any(getattr(config.option, name, None) for name in narrowed):
        return False
    if config.option.markexpr not in FULL_MARKS:
        return False
    asked = {(config.invocation_params.dir / argument).resolve() for argument in config.args}
    return asked <= {(config.rootpath / path).resolve() for path in (".", *config.getini("testpaths"))}


def write_reports(table: Table, folder: Path) -> None:
    """Write the whole table as Markdown and as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "routes.md").write_text(table.markdown(), encoding="utf-8")
    (folder / "routes.json").write_text(json.dumps(table.data(), indent=1) + "\n", encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--routes`."""
    parser.addoption(
        "--routes",
        choices=["auto", "enforce", "report", "off"],
        default="auto",
        help="fail when a route × method × case was not exercised (auto: in a full run)",
    )
    parser.addini("route_exemptions", "module with EXEMPTIONS", default="tests.plugins.route_exemptions")


def pytest_configure(config: pytest.Config) -> None:
    """Start."""
    if config.getoption("routes") != "off":
        config.pluginmanager.register(RoutesPlugin(config), "routes-table")
