"""What stands behind the header of a request: a program's key, or a login that was just checked."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

READ, WRITE, CREATE = "read", "write", "create"


class Credential:
    """The `request.auth` of a request that a program made: less than its owner may do, counted by itself.

    A scope is `read` or `write` for everything, or `<resource>:read`, `<resource>:write` for one resource
    of the policy table. Writing includes reading. `<resource>:create` only hands something in, where a policy
    takes submissions: nothing is read with it.
    """

    def __init__(self, *, key: str, scopes: Iterable[str], requests_per_minute: int | None) -> None:
        self.key, self.scopes, self.requests_per_minute = key, frozenset(scopes), requests_per_minute

    def allows(self, resource: str, *, writing: bool) -> bool:
        """Whether the scopes cover reading, or writing, a resource."""
        wanted = {WRITE, f"{resource}:{WRITE}"}
        if not writing:
            wanted |= {READ, f"{resource}:{READ}"}
        return bool(wanted & self.scopes)

    def submits(self, resource: str) -> bool:
        """Whether the scopes cover handing in something new of a resource."""
        return f"{resource}:{CREATE}" in self.scopes


class Recalled(NamedTuple):
    """A login that was checked a moment ago: good if its generation is still the current one.

    Attributes:
        name, generation: of the generation (see `roundtrip`), and the token that was current then.
        user: makes the user of a request.
        fresh: makes the user and the `request.auth` of a request.
    """

    user_id: int
    role: str
    name: str
    generation: str
    user: Callable[[], Any]
    fresh: Callable[[], tuple[Any, Any]]
