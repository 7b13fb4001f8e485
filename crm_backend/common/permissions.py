"""DRF's door to the policy table."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from crm_backend.common.credentials import READ, WRITE, Credential
from crm_backend.common.errors import NotAllowed

PEOPLE_ONLY = "This is not for API keys. Log in."


def check_scopes(request: Request, view: Any) -> None:
    """Refuse what a key's scopes do not cover, before any row is looked for.

    Raises:
        NotAllowed: naming the scope that is missing.
    """
    credential = request.auth
    if not isinstance(credential, Credential):
        return
    writing = request.method not in SAFE_METHODS
    if view.policy.for_people(writing=writing):
        raise NotAllowed(PEOPLE_ONLY)
    if not credential.allows(view.policy.resource, writing=writing):
        verb = WRITE if writing else READ
        raise NotAllowed(f"This API key lacks the scope {view.policy.resource}:{verb}.")


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
