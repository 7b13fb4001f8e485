"""How far a long command is: one line that grows on a terminal, a line now and then elsewhere."""

import time
from typing import Any

BAR = 30
EVERY = 20.0  # seconds between lines where nothing can be overwritten


class Progress:
    """Shows steps of a command on its `stdout`."""

    def __init__(self, stdout: Any) -> None:
        self.stdout = stdout
        self.overwrites = stdout.isatty()
        self.started = self._shown = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.started

    def say(self, text: str) -> None:
        """A line of its own."""
        self.stdout.write(f"\r\033[K{text}" if self.overwrites else text)
        self.stdout.flush()

    def show(self, done: int, total: int, what: str) -> None:
        """So many of so many are done."""
        line = f"{what}: {done:,} of {total:,} ({100 * done // total} %), {self.seconds:.0f} s"
        if self.overwrites:
            filled = BAR * done // total
            self.stdout.write(f"\r\033[K  [{'#' * filled}{'.' * (BAR - filled)}] {line}", ending="")
            self.stdout.flush()
        elif done == total or time.monotonic() - self._shown >= EVERY:
            self._shown = time.monotonic()
            self.stdout.write(f"  {line}")
            self.stdout.flush()
