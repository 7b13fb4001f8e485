"""The audit log and the list of event types."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.permissions import IsSelfService
from crm_backend.common.viewsets import ApiView, ReadOnlyViewSet
from events.filters import AuditLogFilter
from events.models import Event
from events.permissions import AUDIT_LOGS
from events.registry import REGISTRY
from events.serializers import AuditLogSerializer, EventTypeSerializer


class AuditLogViewSet(ReadOnlyViewSet):
    """Everything that happened, for administrators."""

    queryset = Event.objects.select_related("actor")
    policy = AUDIT_LOGS
    serializer_class = AuditLogSerializer
    filterset_class = AuditLogFilter
    ordering_fields = ["occurred_at"]
    ordering = ["-id"]


class EventTypesView(ApiView):
    """The registry of event types."""

    permission_classes = (IsSelfService,)

    @extend_schema(responses=EventTypeSerializer(many=True), filters=False)
    def get(self, request: Request) -> Response:
        """List every event type with the schema of its data."""
        types = [
            {
                "type": name,
                "summary": payload.summary,
                "notification_type": payload.notify.kind if payload.notify else None,
                "told": payload.notify.to if payload.notify else "",
                "silent": payload.silent,
                "payload_schema": payload.model_json_schema(),
            }
            for name, payload in sorted(REGISTRY.items())
        ]
        return Response(EventTypeSerializer(types, many=True).data)
