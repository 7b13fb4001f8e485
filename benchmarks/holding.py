"""The process that holds the sockets of one side (`benchmarks.socket_load`), and questions to it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from benchmarks.sides import ROOT


class Holding:
    """Started, asked, and ended by its own id."""

    def __init__(self, port: int) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.socket_load", str(port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Holding:
        return self

    def __exit__(self, *error: object) -> None:
        self.child.kill()
        self.child.wait(timeout=20)

    def ask(self, what: str, **values: Any) -> Any:
        """Have it do something; what it answers."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(json.dumps({"do": what, **values}) + "\n")
        self.child.stdin.flush()
        if not (answer := self.child.stdout.readline()):
            raise RuntimeError(f"{what}: the client of the sockets has ended")
        return json.loads(answer)
