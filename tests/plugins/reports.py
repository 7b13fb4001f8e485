"""Leaves `var/reports/junit.xml` and `var/reports/failed.log` behind after every run."""

from pathlib import Path
from typing import Any

import pytest


class FailedLog:
    """One line per failure: which test, in which phase, and why."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failed test."""
        if report.failed:
            self.lines.append(f"{report.nodeid} [{report.when}] {reason(report)}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that could not be read."""
        if report.failed:
            self.lines.append(f"{report.nodeid} [collect] {reason(report)}")

    def pytest_sessionfinish(self) -> None:
        """Write the file; an empty one says that nothing failed."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(f"{line}\n" for line in self.lines), encoding="utf-8")


def reason(report: Any) -> str:
    """The message of a failure on one line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr).strip().rpartition("\n")[2]
    return " ".join(text.split())[:500]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose where the reports go, before pytest's own writer reads it."""
    if hasattr(config, "workerinput"):
        return
    folder = config.rootpath / "var" / "reports"
    if config.option.xmlpath is None:
        config.option.xmlpath = str(folder / "junit.xml")
    config.pluginmanager.register(FailedLog(folder / "failed.log"), "failed-log")
