"""Start processes that can be found again, and stop only processes that are provably ours."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from crm_backend.embedded import launch


@dataclass(frozen=True)
class Account:
    """The user that a server runs as, when that is not the user who starts it."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Record:
    """One process: its number, and the mark that a later process of that number lacks."""

    pid: int
    mark: str

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """The record in the file; None when there is none, or only a torn one."""
        try:
            found = json.loads(path.read_text())
            return cls(pid=int(found["pid"]), mark=str(found["mark"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    @classmethod
    def of(cls, pid: int) -> Record:
        """The record of a process that runs, or of none if it has ended."""
        return cls(pid=pid, mark=launch.start_mark(pid) or "ended")

    def alive(self) -> bool:
        """Whether exactly this process still runs."""
        return launch.start_mark(self.pid) == self.mark

    def kill(self, signal_number: int, *, group: bool = False) -> None:
        """Send a signal, if the process is still this one."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(self.pid, signal_number)


def spawn(
    program: Sequence[str | Path],
    *,
    record: Path,
    log: IO[bytes] | None,
    death_signal: int,
    account: Account | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | str = "/",
    stdin: int = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start ``program`` in its own session, recorded, to get ``death_signal`` when we end.

    Its output goes to ``log``, or to where ours goes.

    On Linux "we" is the calling *thread*: call this from a thread that lives as long as the
    program should, in practice the main one.
    """
    spec = {
        "record": str(record),
        "parent": os.getpid(),
        "signal": int(death_signal),
        "uid": account.uid if account else None,
        "gid": account.gid if account else None,
    }
    command = [sys.executable, "-I", "-S", launch.__file__, json.dumps(spec), *map(str, program)]
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=log,
        stderr=subprocess.STDOUT if log is not None else None,
        env=dict(env) if env is not None else None,
        cwd=cwd,
        start_new_session=True,
        pass_fds=pass_fds,
    )


def command_line(pid: int) -> str:
    """The program and arguments of any process; empty when there is none."""
    if launch.LINUX:  # where small images have no `ps`
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            return ""
    command = ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Ask again and again until the answer is True; False when the time is over."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return True


def stop(
    record: Record,
    *,
    steps: Iterable[tuple[int, float]],
    child: subprocess.Popen[bytes] | None = None,
) -> None:
    """Send each signal in turn and wait its seconds, until the process has ended."""
    for signal_number, seconds in steps:
        if _gone(record, child):
            return
        record.kill(signal_number, group=signal_number == signal.SIGKILL)
        if wait_until(lambda: _gone(record, child), seconds=seconds):
            return


def _gone(record: Record, child: subprocess.Popen[bytes] | None) -> bool:
    if child is not None:
        child.poll()  # collect it, or it stays in the process table
    return not record.alive()
