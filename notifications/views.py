"""Notifications and preferences."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.permissions import IsSelfService
from crm_backend.common.read_engine.engine import answer_own
from crm_backend.common.viewsets import ApiView, DestroyMixin, ReadOnlyViewSet
from notifications import selectors, services
from notifications.filters import NotificationFilter
from notifications.models import Notification
from notifications.permissions import NOTIFICATIONS
from notifications.serializers import (
    MarkedSerializer,
    MarkReadSerializer,
    NotificationSerializer,
    PreferencesSerializer,
    UnreadCountSerializer,
)


class NotificationViewSet(DestroyMixin, ReadOnlyViewSet):
    """One's own notifications."""

    queryset = Notification.objects.select_related("event")
    policy = NOTIFICATIONS
    is_derived = True
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilter
    search_fields = ["title", "body"]
    ordering_fields = ["created_at", "seq"]
    ordering = ["-seq"]

    def perform_destroy(self, obj: Any) -> None:
        """Delete it and tell the owner's sockets."""
        services.notification_delete(notification=obj)

    @extend_schema(responses=UnreadCountSerializer, filters=False)
    @action(detail=False, url_path="unread-count", pagination_class=None)
    def unread_count(self, request: Request) -> Response:
        """Count the unread notifications."""
        return answer_own(self, _unread)

    @extend_schema(request=MarkReadSerializer, responses=MarkedSerializer)
    @action(detail=False, methods=["post"], url_path="mark-read")
    def mark_read(self, request: Request) -> Response:
        """Mark notifications read: those named, or all with an empty body."""
        serializer = MarkReadSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        one = data.get("notification_id")
        return self._marked([one] if one else data.get("notification_ids"))

    @extend_schema(request=None, responses=MarkedSerializer)
    @action(detail=True, methods=["post"], url_path="mark-read")
    def mark_one_read(self, request: Request, pk: int) -> Response:
        """Mark one notification read."""
        return self._marked([self.get_object().pk])

    def _marked(self, ids: list[int] | None) -> Response:
        marked = services.notifications_mark_read(user=self.caller, ids=ids)
        return Response({"marked": marked, "unread_count": selectors.unread_count(self.caller.pk)})


def _unread(user_id: int) -> dict[str, int]:
    return {"unread_count": selectors.unread_count(user_id)}


class PreferencesView(ApiView):
    """What one wants to be told."""

    permission_classes = (IsSelfService,)

    @extend_schema(responses=PreferencesSerializer)
    def get(self, request: Request) -> Response:
        """Read one's choices, defaults filled in."""
        return Response(selectors.preferences(self.caller))

    @extend_schema(request=PreferencesSerializer, responses=PreferencesSerializer)
    def put(self, request: Request) -> Response:
        """Replace one's choices, naming every type."""
        return self._set(request, partial=False)

    @extend_schema(request=PreferencesSerializer(partial=True), responses=PreferencesSerializer)
    def patch(self, request: Request) -> Response:
        """Change the choices for some types."""
        return self._set(request, partial=True)

    def _set(self, request: Request, *, partial: bool) -> Response:
        serializer = PreferencesSerializer(data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        services.preferences_set(user=self.caller, choices=serializer.validated_data)
        return Response(selectors.preferences(self.caller))
