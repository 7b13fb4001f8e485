"""Python's collector of cycles in a process that serves: it looks seldom, and after long bodies sooner.

What was loaded stays. Without it the collector has little to look at, and need not look after every few
hundred objects: a request makes thousands, and leaves hardly a cycle behind. But the request of a view is
such a cycle itself, and has its body in it: a million numbers, which the collector does not count.
"""

import gc
from typing import Any

from django.core.signals import request_started

# So many bytes of bodies may be in cycles that nobody has looked for; read, they are ten times as large.
BODIES = 1024 * 1024


class Bodies:
    """The bytes that came in bodies since the collector was last asked to look."""

    def __init__(self) -> None:
        self.size = 0

    def come(self, *, environ: dict[str, Any] | None = None, **_: Any) -> None:
        """A request comes; those before it may have left theirs."""
        if self.size > BODIES:
            self.size = 0
            gc.collect(1)
        size = (environ or {}).get("CONTENT_LENGTH") or ""
        self.size += int(size) if size.isascii() and size.isdigit() else 0


_bodies = Bodies()


def serve() -> None:
    """Set the collector for a process that has loaded all it needs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    request_started.connect(_bodies.come)
