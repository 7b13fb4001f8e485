"""What a process found out a moment ago and need not find out again: few, for seconds, under a generation."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Kept(Generic[T]):
    """A value, and the generation (see `roundtrip`) that was current before it was read; "" for none."""

    value: T
    generation: str
    until: float


class Recent(Generic[T]):
    """The values that were used last, each for some seconds, for all threads of the process.

    Time ends what no announcement ended; it is not what makes a value right. Whoever finds one compares its
    generation with the current one.
    """

    def __init__(self, *, size: int, seconds: Callable[[], int]) -> None:
        self._size, self._seconds = size, seconds
        self._kept: OrderedDict[Hashable, Kept[T]] = OrderedDict()
        self._lock = Lock()

    def find(self, key: Hashable) -> Kept[T] | None:
        """What was kept, if its time is not over."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            if kept.until <= time.monotonic():
                del self._kept[key]
                return None
            self._kept.move_to_end(key)
            return kept

    def keep(self, key: Hashable, value: T, generation: str) -> None:
        """Keep a value; the one that was not used for the longest time makes room."""
        seconds = self._seconds()
        if not seconds:
            return
        with self._lock:
            self._kept[key] = Kept(value, generation, time.monotonic() + seconds)
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """Keep it no longer."""
        with self._lock:
            self._kept.pop(key, None)

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._kept.clear()
