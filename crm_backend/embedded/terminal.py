"""The one way in which this package speaks to the person at the terminal."""

from __future__ import annotations

import contextlib
import sys


def say(text: str = "") -> None:
    """Write a line; silently nothing when the terminal has gone, which must not stop a stop."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
