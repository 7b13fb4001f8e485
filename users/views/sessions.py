"""Logins: one's own, and those of others for administrators."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.permissions import IsSelfService
from crm_backend.common.viewsets import ChildMixin, DestroyMixin, ListMixin, ScopedViewSet
from users.filters import SessionFilter
from users.models import Session, User
from users.permissions import SESSIONS
from users.serializers import SessionSerializer
from users.services.sessions import session_end


class _SessionsViewSet(ListMixin, DestroyMixin, ScopedViewSet):
    """Logins, the last used first."""

    queryset = Session.objects.select_related("user")
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    ordering_fields = ["last_used_at"]
    ordering = ["-last_used_at"]
    lookup_value_converter = "uuid"

    def perform_destroy(self, obj: Any) -> None:
        """End the login: its tokens are refused and its sockets closed at once."""
        session_end(session=obj, actor=self.caller)


class UserSessionsViewSet(ChildMixin, _SessionsViewSet):
    """Logins of an account, for administrators."""

    policy = SESSIONS
    parent_model = User
    parent_field = "user"


class OwnSessionsViewSet(_SessionsViewSet):
    """One's own logins."""

    permission_classes = (IsSelfService,)

    def narrow(self, queryset: Any) -> Any:
        """One's own, for administrators too."""
        return queryset.filter(user=self.caller)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List one's own logins.

        The last used first; `is_current` is the one that asks.
        """
        return super().list(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """End one of one's own logins.

        Its tokens are refused and its sockets closed at once.
        """
        return super().destroy(request, *args, **kwargs)
