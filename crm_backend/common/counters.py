"""Counters in Redis that expire: the base of throttles and lock-outs."""

import time
from functools import cache as once
from typing import Any

from django.core.cache import cache
from redis import Redis


@once
def redis_client() -> Any:
    """The cache's Redis, for what a cache does not offer. Made once: making one costs more than asking it."""
    return Redis(connection_pool=cache._cache._get_connection_pool(write=True))  # type: ignore[attr-defined]


@once
def script(text: str) -> Any:
    """A script, to be called with `keys` and `args`; a server that does not know it yet is sent it."""
    return redis_client().register_script(text)


def increment(key: str, seconds: int) -> int:
    """Add one to a counter that lives `seconds` from its first use; return its new value.

    One transaction in one round trip: a counter cannot lose its end, nor two callers each other's count.
    """
    name = cache.make_key(key)
    with redis_client().pipeline(transaction=True) as pipeline:
        pipeline.set(name, 0, ex=seconds, nx=True)
        pipeline.incr(name)
        return int(pipeline.execute()[1])


class FailureCounter:
    """Counts failures of one key and locks it for `window` seconds after `limit` of them."""

    def __init__(self, key: str, *, limit: int, window: int) -> None:
        self.count_key, self.lock_key = f"failures:{key}", f"locked:{key}"
        self.limit, self.window = limit, window

    def locked_for(self) -> int:
        """Seconds the key stays locked; 0 when it is not."""
        until: float | None = cache.get(self.lock_key)
        return 0 if until is None else max(1, int(until - time.time()))

    def record(self) -> None:
        """Count one more failure."""
        if increment(self.count_key, self.window) >= self.limit:
            cache.set(self.lock_key, time.time() + self.window, timeout=self.window)
            cache.delete(self.count_key)

    def clear(self) -> None:
        """Forget the failures, after a success."""
        cache.delete_many([self.count_key, self.lock_key])
