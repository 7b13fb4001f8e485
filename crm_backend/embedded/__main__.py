"""The commands of ``./crm``, run with the Python of ``.venv``."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from crm_backend.embedded.errors import EmbeddedServerError, ServersInUseError
from crm_backend.embedded.installation import Installation
from crm_backend.embedded.supervisor import start_when_free, up
from crm_backend.embedded.terminal import say

INSTALLATION = Installation(Path(__file__).resolve().parents[2])


def run_up(arguments: list[str]) -> int:
    """Everything, until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="./crm up")
    parser.add_argument("--port", type=int, help="port on 127.0.0.1 (8000, or the next free one)")
    parser.add_argument("--no-demo", action="store_true", help="load no demo data")
    options = parser.parse_args(arguments)
    return up(INSTALLATION, port=options.port, demo=not options.no_demo)


def run_manage(arguments: list[str]) -> int:
    """A management command, with the running servers or with its own for the time it takes."""
    with environment() as variables:
        # Ctrl-C is for the command, which decides what to do about it; the servers come after.
        # (A handler that does nothing, since a child would inherit "ignore".)
        signal.signal(signal.SIGINT, lambda *_: None)
        command = [sys.executable, "manage.py", *arguments]
        child = subprocess.Popen(command, env=variables, cwd=INSTALLATION.root)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: child.terminate())
        return child.wait()


@contextlib.contextmanager
def environment() -> Iterator[dict[str, str]]:
    """The environment for Django, with servers behind it."""
    published = wait_for_supervisor()
    if published:
        urls = {name: url for name, url in published.items() if name.isupper() and url}
        yield {**INSTALLATION.environment({}), **urls}
        return
    servers = INSTALLATION.servers()
    with contextlib.ExitStack() as stack:
        for server in servers.values():
            start_when_free(server)
            stack.callback(server.stop)
        yield INSTALLATION.environment(servers)


def wait_for_supervisor() -> dict[str, str]:
    """What ``./crm up`` has published, as soon as it has; empty when it does not run."""
    while INSTALLATION.supervised:
        if published := INSTALLATION.published():
            return published
        time.sleep(0.2)
    return {}


def run_test(arguments: list[str]) -> int:
    """The tests; they start servers of their own. Reports go to `var/reports`."""
    os.environ.setdefault("ENVIRONMENT", "test")
    # Set by the import of our own package; with it pytest would read the settings before the tests'
    # servers are there to be named in them.
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *pytest_arguments(arguments)])


def pytest_arguments(arguments: list[str]) -> list[str]:
    """What pytest is asked: all but the slow tests without a selection, those and coverage with `--all`."""
    given = [part for part in arguments if part != "--all"]
    added = []
    if not any(part.startswith(("-n", "--numprocesses")) for part in given):
        added += ["-n", str(max(2, min(8, os.cpu_count() or 2)))]
    if "--all" in arguments:
        added += ["--cov", "--cov-report=term", "--cov-report=html"]
        if is_selection(given):
            added.append("--cov-fail-under=0")  # only the whole suite covers what it has to
    elif not is_selection(given):
        added += ["-m", "not slow"]
    return [*added, *given]


def is_selection(arguments: list[str]) -> bool:
    """Whether pytest's arguments leave tests out; processes, reports and verbosity do not."""
    return any(
        not part.isdigit() and not part.startswith(("-n", "--num", "--junit", "-v", "-q", "--durations"))
        for part in arguments
    )


def run_bench(arguments: list[str]) -> int:
    """The benchmarks; they start servers of their own, and keep their books in `var/benchmark-servers`."""
    os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *arguments])


def run_lint(arguments: list[str]) -> int:
    """Everything that can be found without running the code."""
    # The type checker reads the settings; nothing connects to these addresses.
    for name, value in {
        "ENVIRONMENT": "development",
        "SECRET_KEY": "not-secret",
        "DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }.items():
        os.environ.setdefault(name, value)
    scripts = Path(sys.executable).parent
    checks: list[list[str | Path]] = [
        [scripts / "ruff", "check", *arguments],
        [scripts / "ruff", "format", "--check"],
        [scripts / "mypy", "."],
        [scripts / "lint-imports"],
    ]
    failed = []
    for check in checks:
        title = " ".join([Path(check[0]).name, *map(str, check[1:])])
        say(f"== {title}")
        if subprocess.run(check, cwd=INSTALLATION.root, check=False).returncode:
            failed.append(title)
    say(f"Failed: {', '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def run_reset(arguments: list[str]) -> int:
    """Delete the data."""
    parser = argparse.ArgumentParser(prog="./crm reset")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    if not INSTALLATION.acquire():
        say("The application is running. Stop it first.")
        return 1
    if not options.yes and not confirmed():
        say("Nothing was deleted.")
        return 1
    INSTALLATION.delete_data()
    say("Deleted. The next ./crm up begins with an empty database.")
    return 0


def confirmed() -> bool:
    """Whether the user types the word."""
    say("This deletes the embedded database, the queue and all uploaded files of this checkout.")
    try:
        return input("Type yes to go on: ").strip().lower() == "yes"
    except EOFError:
        return False


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "up": run_up,
    "manage": run_manage,
    "demo": lambda arguments: run_manage(["demo", *arguments]),
    "shell": lambda arguments: run_manage(["shell", *arguments]),
    "test": run_test,
    "bench": run_bench,
    "lint": run_lint,
    "reset": run_reset,
}


def main() -> int:
    """Run the command that ``./crm`` was given."""
    try:
        return COMMANDS[sys.argv[1]](sys.argv[2:])
    except ServersInUseError as error:
        say(f"{error} Try again when it has ended.")
    except EmbeddedServerError as error:
        say(str(error))
    except KeyboardInterrupt:
        say()
    except PermissionError as error:
        say(f"{error}\nWas this checkout run as another user before? Give its var/ to this one.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
