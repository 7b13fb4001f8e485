"""Who may do what: the role × action table, the single source of permissions.

Each app declares its resources in `permissions.py`::

    LOANS = Policy("loans", Loan, {
        "list": (ADMIN, "agent", "customer"),
        "update": (ADMIN, only("agent", before_submission)),
    })

A role that an action does not name may not do it: 403 when the object is visible, 404 when it is
not. Rows are chosen by the model's `visible_to` (see `scoping`); this table only says what may be
done with a row that one sees. `docs/reference/roles.md` and the role tests are made from
`Policy.registry`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from django.db.models import Model

from crm_backend.common.errors import NotAllowed

# The one role that the platform itself knows; the others belong to the domain.
ADMIN = "admin"

# Returns "" to allow, else the reason for the refusal.
Condition = Callable[[Any, Any], str]


@dataclass(frozen=True)
class Grant:
    """A role may act, perhaps only on some of the objects it sees."""

    role: str
    condition: Condition | None = None

    @property
    def words(self) -> str:
        """What the roles page says about the condition."""
        doc = (self.condition.__doc__ or "") if self.condition else ""
        return doc.strip().splitlines()[0].rstrip(".") if doc else ""


def only(role: str, condition: Condition) -> Grant:
    """Grant to a role on the objects for which `condition(user, obj)` returns no reason against."""
    return Grant(role, condition)


class ByPeople(Enum):
    """What of a resource is for logins only: no API key does it, whatever its scopes."""

    NOTHING = "nothing"
    WRITES = "writes"
    EVERYTHING = "everything"


class Policy:
    """The actions of one resource and who may do each.

    What can make or undo a person's access is `by_people`, or a leaked key would outlive its deletion.
    Where it `takes_submissions`, a key can be good for creating alone (`<resource>:create`): its view tells
    such a key nothing of what is there.
    """

    registry: ClassVar[dict[str, "Policy"]] = {}

    def __init__(
        self,
        resource: str,
        model: type[Model] | None,
        actions: Mapping[str, tuple[str | Grant, ...]],
        *,
        by_people: ByPeople = ByPeople.NOTHING,
        takes_submissions: bool = False,
    ) -> None:
        if resource in self.registry:
            raise ValueError(f"resource {resource!r} has two policies")
        self.resource, self.model, self.by_people = resource, model, by_people
        self.takes_submissions = takes_submissions
        self.actions: dict[str, dict[str, Grant]] = {
            action: {
                grant.role: grant
                for grant in (item if isinstance(item, Grant) else Grant(item) for item in grants)
            }
            for action, grants in actions.items()
        }
        self.registry[resource] = self

    def for_people(self, *, writing: bool) -> bool:
        """Whether reading, or writing, is for logins only."""
        return self.by_people is ByPeople.EVERYTHING or (writing and self.by_people is ByPeople.WRITES)

    def grant(self, action: str, user: Any) -> Grant | None:
        """The grant under which this user may act, if any."""
        return self.actions.get(action, {}).get(getattr(user, "role", ""))

    def check(self, action: str, user: Any, obj: Any) -> None:
        """Refuse an action on a visible object.

        Raises:
            NotAllowed: with the condition's own reason.
        """
        grant = self.grant(action, user)
        if grant is None:
            raise NotAllowed()
        if grant.condition is not None and (reason := grant.condition(user, obj)):
            raise NotAllowed(reason)
