"""Domain errors: what a service raises when it must refuse. Free of Django REST framework.

Each class carries its HTTP status and a `code` that clients may rely on. `exceptions.py` turns
them, and every framework error, into the one error shape (RFC 9457). The table of codes in
`docs/reference/errors.md` is generated from the subclasses found here and in the apps.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class DomainError(Exception):
    """A request that was understood and is refused; nothing has been written.

    Args:
        detail: one sentence for people; the class's own when left out.
        errors: messages by field, nested like the request body.
        extra: further members of the error document, such as the legal next steps.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid"
    title: ClassVar[str] = "Invalid input"
    default_detail: ClassVar[str] = "The request is not valid."

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.detail = detail or self.default_detail
        self.errors = dict(errors or {})
        self.extra = dict(extra or {})
        super().__init__(self.detail)


class InvalidInput(DomainError):
    """A rule that needs the database or several fields was broken; `errors` names the fields."""

    @classmethod
    def field(cls, name: str, *messages: str) -> "InvalidInput":
        """Refuse one field; a dotted name (`borrowers.1.email`) nests like the request body."""
        tree: dict[str, Any] | list[str] = list(messages)
        for part in reversed(name.split(".")):
            tree = {part: tree}
        assert isinstance(tree, dict)
        return cls(errors=tree)


class NotAllowed(DomainError):
    """Visible to the caller, but not theirs to do."""

    status = 403
    code = "permission_denied"
    title = "Not allowed"
    default_detail = "You do not have permission to perform this action."


class Conflict(DomainError):
    """The request contradicts the present state of the resource."""

    status = 409
    code = "conflict"
    title = "Conflict"
    default_detail = "The request conflicts with the current state of the resource."


class StaleVersion(DomainError):
    """`If-Match` names a version that is no longer the current one."""

    status = 412
    code = "stale_version"
    title = "Stale version"
    default_detail = "Someone else changed this since you read it. Read it again, then repeat."


class TooManyAttempts(DomainError):
    """Locked out for a while; `retry_after` is in seconds."""

    status = 429
    code = "too_many_attempts"
    title = "Too many attempts"
    default_detail = "Too many failed attempts. Wait before you try again."

    def __init__(self, *, retry_after: int) -> None:
        self.retry_after = max(1, retry_after)
        super().__init__()


class Unavailable(DomainError):
    """Something this request needs is not there right now."""

    status = 503
    code = "unavailable"
    title = "Unavailable"
    default_detail = "A part of the service is not available. Try again shortly."


def error_classes() -> Sequence[type[DomainError]]:
    """Every domain error that is declared, most general first, by code."""
    found: dict[str, type[DomainError]] = {}
    queue: list[type[DomainError]] = [DomainError]
    while queue:
        cls = queue.pop(0)
        found.setdefault(cls.code, cls)
        queue.extend(cls.__subclasses__())
    return sorted(found.values(), key=lambda cls: (cls.status, cls.code))
