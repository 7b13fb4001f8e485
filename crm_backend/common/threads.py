"""Database work of coroutines."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections


def in_own_thread(call: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Let database work of one socket not wait for another's: not in the one thread that they share.

    The connection goes back to the pool at once, because the thread may never run again.
    """

    @functools.wraps(call)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        finally:
            connections.close_all()

    return sync_to_async(run, thread_sensitive=False)
