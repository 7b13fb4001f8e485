"""What of the log a user may not read, though they see what it happened to; apps register it in `guards.py`.

A timeline follows its subject: whoever sees a borrower reads what happened to the borrower. Where an event
tells of a row that has a scope of its own, a guard says who may read that event.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Q

# Of a user: the events of the guarded types that they may read, or None for all of them. It is asked of every
# event.
Guard = Callable[[Any], Q | None]
_guards: list[tuple[tuple[str, ...], Guard]] = []


def register(types: tuple[str, ...], guard: Guard) -> None:
    """Have events of some types read only by those for whom the guard finds them."""
    _guards.append((types, guard))


def readable(user: Any) -> Q:
    """The events that no guard keeps from a user."""
    found = Q()
    for types, guard in _guards:
        theirs = guard(user)
        if theirs is not None:
            found &= ~Q(type__in=types) | theirs
    return found
