"""What clients of the gateway ask over HTTP."""

from typing import Any

import structlog
from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from redis.exceptions import RedisError
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.errors import NotAllowed
from crm_backend.common.parsers import FormParser, ORJSONParser
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import ScopedViewSet
from integrations import live, services
from integrations.permissions import REALTIME
from integrations.protocol import CLUSTER
from integrations.publishing import EVENT, publish_all
from integrations.serializers import (
    AuthorizedSerializer,
    AuthSerializer,
    ConfigSerializer,
    StatusSerializer,
    TriggeredSerializer,
    TriggerSerializer,
)

logger = structlog.get_logger(__name__)


class RealtimeViewSet(ScopedViewSet):
    """The gateway for clients of the Pusher protocol."""

    policy = REALTIME
    serializer_class = ConfigSerializer
    serializer_classes = {"auth": AuthSerializer, "trigger": TriggerSerializer}
    pagination_class = None
    filter_backends = ()

    @extend_schema(responses=ConfigSerializer)
    @action(detail=False)
    @refuses(services.GatewayOff)
    def config(self, request: Request) -> Response:
        """Get the options for a Pusher client, as seen from where this was asked."""
        services.check_configured()
        host, _, port = request.get_host().rpartition(":")
        if not port.isdigit():
            host, port = request.get_host(), ""
        secure = request.is_secure()
        own = int(port) if port else None
        found = {
            "key": settings.GATEWAY_KEY,
            "cluster": CLUSTER,
            "wsHost": host,
            "wsPort": own if own and not secure else 80,
            "wssPort": own if own and secure else 443,
            "forceTLS": secure,
            "authEndpoint": request.build_absolute_uri(reverse("realtime-auth")),
        }
        return Response(ConfigSerializer(found).data)

    @extend_schema(responses=StatusSerializer)
    @action(detail=False)
    def status(self, request: Request) -> Response:
        """See whether the gateway is there, and how many sockets are open in all its processes."""
        configured = bool(settings.GATEWAY_KEY)
        try:
            count: int | None = live.connections()
        except RedisError:
            count = None
        found = {
            "available": configured and count is not None,
            "service": "pusher-protocol-7",
            "configured": configured,
            "connections": count,
        }
        return Response(StatusSerializer(found).data)

    @extend_schema(request=AuthSerializer, responses=AuthorizedSerializer)
    @action(detail=False, methods=["post"], parser_classes=[ORJSONParser, FormParser])
    @refuses(services.GatewayOff)
    def auth(self, request: Request) -> Response:
        """Have a subscription of one's own socket to a private or presence channel signed.

        The signature is good for a minute, once. The subscription ends with this login, and when the
        channel is not one's own to follow any more.
        """
        session = getattr(request.auth, "session", None)
        if session is None:
            raise NotAllowed("API keys open no sockets. Log in.")
        data = self._valid(request)
        signed = services.channel_authorize(
            session=session, socket_id=data["socket_id"], channel=data["channel_name"]
        )
        return Response(AuthorizedSerializer(signed).data)

    @extend_schema(request=TriggerSerializer, responses=TriggeredSerializer)
    @action(detail=False, methods=["post"])
    @refuses(services.GatewayOff)
    def trigger(self, request: Request) -> Response:
        """Tell an event to whoever follows these channels now. Nothing is kept, and nothing sent again."""
        services.check_configured()
        data = self._valid(request)
        told = {
            "type": EVENT,
            "event": data["name"],
            "data": data["data"],
            "without": data.get("socket_id", ""),
            "is_checked": True,
        }
        publish_all((channel, told) for channel in data["channels"])
        logger.info("gateway.triggered", name=data["name"], channels=len(data["channels"]))
        return Response({"channels": data["channels"]})

    def _valid(self, request: Request) -> dict[str, Any]:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        found: dict[str, Any] = serializer.validated_data
        return found
