"""Become another program: leave a record of the process, drop privileges, die with the parent.

Run by path (``python launch.py SPEC PROGRAM ARGS...``), never imported by what it starts. A process
of its own does this, rather than ``preexec_fn``, because that is unsafe in a threaded parent. The
record is written *before* the program starts, so that there is no moment at which a killed parent
leaves a server that the next start cannot recognise.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

LINUX = os.uname().sysname == "Linux"
PR_SET_PDEATHSIG = 1


def start_mark(pid: int) -> str | None:
    """What tells this process from a later one with the same number; None when it has ended."""
    if LINUX:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"
    # `lstart` is the moment of the start, to the second.
    answer = subprocess.run(
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split(maxsplit=1)
    return None if len(answer) < 2 or answer[0].startswith("Z") else answer[1].strip()


def die_with_parent(parent: int, signal_number: int) -> None:
    """Ask the kernel for a signal when the parent ends (Linux; elsewhere the next start reaps)."""
    if LINUX:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        sys.exit(1)


def main(spec: dict[str, Any], program: list[str]) -> None:
    """Do what ``spec`` says and turn into ``program``; does not return."""
    record = Path(spec["record"])
    draft = record.with_suffix(".new")
    draft.write_text(json.dumps({"pid": os.getpid(), "mark": start_mark(os.getpid())}))
    draft.replace(record)
    if spec["uid"] is not None:
        os.setgroups([])
        os.setgid(spec["gid"])
        os.setuid(spec["uid"])
    # After setuid: the kernel forgets the wish when credentials change.
    die_with_parent(spec["parent"], spec["signal"])
    os.execv(program[0], program)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
