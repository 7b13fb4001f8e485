"""What a program shows instead of a login: less than its owner may do, and counted by itself."""

from collections.abc import Iterable

READ, WRITE = "read", "write"


class Credential:
    """The `request.auth` of a request that a program made.

    A scope is `read` or `write` for everything, or `<resource>:read`, `<resource>:write` for one resource
    of the policy table. Writing includes reading.
    """

    def __init__(self, *, key: str, scopes: Iterable[str], requests_per_minute: int | None) -> None:
        self.key, self.scopes, self.requests_per_minute = key, frozenset(scopes), requests_per_minute

    def allows(self, resource: str, *, writing: bool) -> bool:
        """Whether the scopes cover reading, or writing, a resource."""
        wanted = {WRITE, f"{resource}:{WRITE}"}
        if not writing:
            wanted |= {READ, f"{resource}:{READ}"}
        return bool(wanted & self.scopes)
