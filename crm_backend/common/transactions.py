"""The transaction of a request."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import transaction

_is_whole: ContextVar[bool] = ContextVar("request_is_one_transaction", default=False)


@contextmanager
def whole() -> Iterator[None]:
    """One transaction for all that a request does, undone by whatever it raises."""
    with transaction.atomic():
        token = _is_whole.set(True)
        try:
            yield
        finally:
            _is_whole.reset(token)


def of_request() -> AbstractContextManager[Any]:
    """The transaction in which a view writes: one of its own, or that of the whole request.

    Within a whole it is no part that could be undone by itself: nothing may catch what it raises and go on.
    """
    return transaction.atomic(savepoint=not _is_whole.get())
