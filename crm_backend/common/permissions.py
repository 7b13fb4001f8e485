"""DRF's door to the policy table."""

from collections.abc import Callable
from typing import Any, TypeVar

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from crm_backend.common.credentials import CREATE, READ, WRITE, Credential
from crm_backend.common.errors import NotAllowed

PEOPLE_ONLY = "This is not for API keys. Log in."


Action = TypeVar("Action", bound=Callable[..., Any])


def touches(*resources: str) -> Callable[[Action], Action]:
    """Declare the further resources whose rows an action shows or writes: a key needs the scopes of all.

    By name, as scopes are: what an address shows may belong to an app above its own.
    """

    def declare(action: Action) -> Action:
        action.touches = resources  # type: ignore[attr-defined]
        return action

    return declare


def writes_nothing(action: Action) -> Action:
    """Declare that an action takes a body and only reads: the scopes for reading are enough for a key."""
    action.writes_nothing = True  # type: ignore[attr-defined]
    return action


def _changed_by(view: Any) -> tuple[str, ...]:
    """The resources that the action at hand may change, the view's own first."""
    further = getattr(getattr(view, view.action or "", None), "touches", ())
    return (view.policy.resource, *further)


def touched_by(view: Any) -> tuple[str, ...]:
    """The resources of the action at hand, the view's own first."""
    return (*_changed_by(view), *getattr(view, "shows", ()))


def check_scopes(request: Request, view: Any) -> None:
    """Refuse what a key's scopes do not cover, before any row is looked for.

    Raises:
        NotAllowed: naming the scope that is missing.
    """
    credential = request.auth
    if not isinstance(credential, Credential):
        return
    action = getattr(view, view.action or "", None)
    writing = request.method not in SAFE_METHODS and not getattr(action, "writes_nothing", False)
    if view.policy.for_people(writing=writing):
        raise NotAllowed(PEOPLE_ONLY)
    if view.action == CREATE and view.policy.takes_submissions and credential.submits(view.policy.resource):
        return
    wanted = dict.fromkeys(getattr(view, "shows", ()), False) | dict.fromkeys(_changed_by(view), writing)
    for resource, to_write in wanted.items():
        if not credential.allows(resource, writing=to_write):
            verb = WRITE if to_write else READ
            raise NotAllowed(f"This API key lacks the scope {resource}:{verb}.")


class PolicyPermission(BasePermission):
    """Look the view's action up in its `policy`; what is not declared is not allowed."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller's role may do this at all; what the caller cannot see is missing."""
        check_scopes(request, view)
        action = view.policy_action
        # None is a method without an action: the view itself answers 405.
        if action is None or view.policy.grant(action, request.user) is not None:
            return True
        view.check_visible()
        return False

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        """Whether it may be done to this object; raises with the reason when it may not."""
        view.policy.check(view.policy_action, request.user, obj)
        return True


class IsSelfService(BasePermission):
    """For views on the caller's own account: any logged-in user, and nobody else's rows in reach.

    API keys are not for these: passwords, logins and preferences belong to people.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Any active login of a person."""
        if isinstance(request.auth, Credential):
            raise NotAllowed(PEOPLE_ONLY)
        return bool(request.user and request.user.is_authenticated)
