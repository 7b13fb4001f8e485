"""The transaction of a request."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import transaction

# Within a whole: what is to be done before it is committed.
_ends: ContextVar[list[Callable[[], None]] | None] = ContextVar("ends_of_whole_request", default=None)


@contextmanager
def whole() -> Iterator[None]:
    """One transaction for all that a request does, undone by whatever it raises."""
    with transaction.atomic():
        ends: list[Callable[[], None]] = []
        token = _ends.set(ends)
        try:
            yield
            for end in ends:
                end()
        finally:
            _ends.reset(token)


def of_request() -> AbstractContextManager[Any]:
    """The transaction in which a view writes: one of its own, or that of the whole request.

    Within a whole it is no part that could be undone by itself: nothing may catch what it raises and go on.
    """
    return transaction.atomic(savepoint=not is_whole())


def is_whole() -> bool:
    """Whether one transaction is around all that the request does."""
    return _ends.get() is not None


def before_end(do: Callable[[], None]) -> None:
    """Do something before the whole is committed; at once where there is none."""
    ends = _ends.get()
    if ends is None:
        do()
    else:
        ends.append(do)
