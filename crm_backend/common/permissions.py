"""DRF's door to the policy table."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class PolicyPermission(BasePermission):
    """Look the view's action up in its `policy`; what is not declared is not allowed."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller's role may do this at all; what the caller cannot see is missing."""
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
    """For views on the caller's own account: any logged-in user, and nobody else's rows in reach."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Any active login."""
        return bool(request.user and request.user.is_authenticated)
