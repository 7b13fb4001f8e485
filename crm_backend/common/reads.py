"""What a computed value is made of, said beside it.

A property of a model, a method of a serializer or a rule about who may read something sees columns that
nobody can find by looking at its name. `reads` names them::

    @property
    @reads("first_name", "last_name")
    def full_name(self) -> str: ...

The read engine loads exactly these and calls the very same function; asked for anything else it fails
loudly. A path goes along relations with dots (`user.full_name`), may end in another computed value, and
may pass through a relation to many rows (`securities.lending_value`).
"""

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def reads(*paths: str) -> Callable[[Function], Function]:
    """Declare the columns, or other computed values, that a function reads of the row it is given."""

    def declare(function: Function) -> Function:
        function.reads = paths  # type: ignore[attr-defined]
        return function

    return declare


def reads_of(function: Any) -> tuple[str, ...] | None:
    """What a function declares to read, None if it declares nothing."""
    found: tuple[str, ...] | None = getattr(function, "reads", None)
    return found
