"""Functions that are written for one shape: what differs between rows is all that is left to run.

The makers of replies know at compile time which value goes where. As a loop over that knowledge each row
costs several calls for each field; as source text it is one dict with everything in its place. The text is
made of places in the selection and of names of our own: nothing of a request is in it.
"""

from collections.abc import Callable
from typing import Any


class Source:
    """An expression under way: `s` is what is selected for the row, other values have made-up names."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def name(self, value: Any) -> str:
        """A name for a value."""
        if value is None:
            return "None"
        made = f"v{len(self.values)}"
        self.values[made] = value
        return made

    def unless_null(self, value: str, function: Callable[[Any], Any] | None, missing: Any = None) -> str:
        """What a function makes of a value; `missing` when it is null."""
        made = "x" if function is None else f"{self.name(function)}(x)"
        return f"({self.name(missing)} if (x := {value}) is None else {made})"

    def unless_boolean(self, value: str, function: Callable[[Any], Any]) -> str:
        """What a function makes of a value that is not true, false or null already."""
        return f"(x if (x := {value}) is True or x is False or x is None else {self.name(function)}(x))"

    def function(self, *lines: str) -> Callable[[Any], Any]:
        """A function of what is selected, with this body."""
        text = "\n".join(["def made(s):", *(f"    {line}" for line in lines)])
        exec(text, self.values)  # noqa: S102 - written above, of nothing from outside
        made: Callable[[Any], Any] = self.values["made"]
        return made


# How a value is written into the source of its row.
Write = Callable[[Source], str]


def called(function: Callable[[Any], Any]) -> Write:
    """A function of all that is selected."""
    return lambda source: f"{source.name(function)}(s)"
