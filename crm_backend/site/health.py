"""Is it up, is it alive, is it ready: for load balancers, containers and people."""

from typing import Any

import structlog
from django.core.cache import cache
from django.db import Error, connection
from drf_spectacular.utils import extend_schema
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.viewsets import ApiView

logger = structlog.get_logger(__name__)


class HealthSerializer(serializers.Serializer[Any]):
    """The short answer."""

    status = serializers.CharField()
    service = serializers.CharField()


class ReadinessSerializer(serializers.Serializer[Any]):
    """The answer by component."""

    status = serializers.CharField()
    components = serializers.DictField(child=serializers.CharField())


class _OpenView(ApiView):
    public = "probes send no login"
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()


class HealthView(_OpenView):
    """What answers here."""

    @extend_schema(responses=HealthSerializer)
    def get(self, request: Request) -> Response:
        """Say that the service is up."""
        return Response({"status": "ok", "service": "lending-crm"})


class LiveView(_OpenView):
    """The process runs and can answer; restart it when this fails."""

    @extend_schema(responses=HealthSerializer)
    def get(self, request: Request) -> Response:
        """Say that the process is alive; asks nothing of the database."""
        return Response({"status": "alive", "service": "lending-crm"})


class ReadyView(_OpenView):
    """Everything that a request needs is there; send no traffic while this is 503."""

    @extend_schema(responses={200: ReadinessSerializer, 503: ReadinessSerializer})
    def get(self, request: Request) -> Response:
        """Check the database and Redis."""
        components = check_components()
        ready = set(components.values()) == {"ok"}
        return Response(
            {"status": "ready" if ready else "unavailable", "components": components},
            status=200 if ready else 503,
        )


def check_components() -> dict[str, str]:
    """`ok` or `unavailable` for each thing that every request needs."""
    return {"database": _database(), "redis": _redis()}


def is_ready() -> bool:
    """Whether all of them are there."""
    return set(check_components().values()) == {"ok"}


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        logger.warning("health.database", error=type(error).__name__)
        return "unavailable"
    return "ok"


def _redis() -> str:
    try:
        cache.set("health:ready", 1, timeout=5)
    except RedisError as error:
        logger.warning("health.redis", error=type(error).__name__)
        return "unavailable"
    return "ok"
