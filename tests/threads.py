"""Several threads at once, each with a database connection of its own that it closes."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connections

T = TypeVar("T")


def with_own_connection(act: Callable[[], T]) -> T:
    """Run in a thread that keeps no connection open afterwards."""
    try:
        return act()
    finally:
        connections.close_all()


def together(*acts: Callable[[], T]) -> list[T]:
    """Start all at the same moment; return what each returned, in their order."""
    barrier = threading.Barrier(len(acts), timeout=20)

    def run(act: Callable[[], T]) -> T:
        barrier.wait()
        return with_own_connection(act)

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run, act) for act in acts]]


async def in_thread(act: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run blocking code from an async test."""
    return await asyncio.to_thread(with_own_connection, lambda: act(*args, **kwargs))


def statuses(replies: Sequence[Any]) -> list[int]:
    """Status codes, sorted."""
    return sorted(reply.status_code for reply in replies)
