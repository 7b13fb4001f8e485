"""API keys, for administrators."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.viewsets import CrudViewSet
from users.filters import ApiKeyFilter
from users.models import ApiKey
from users.permissions import API_KEYS
from users.serializers import (
    ApiKeyCreateSerializer,
    ApiKeyIssuedSerializer,
    ApiKeyRotateSerializer,
    ApiKeySerializer,
    ApiKeySummarySerializer,
)
from users.services import api_keys


class ApiKeyViewSet(CrudViewSet):
    """Keys with which programs act as a user. Deleting one revokes it at once."""

    queryset = ApiKey.objects.select_related("user")
    policy = API_KEYS
    serializer_class = ApiKeySerializer
    serializer_classes = {
        "list": ApiKeySummarySerializer,
        "create": ApiKeyCreateSerializer,
        "created": ApiKeyIssuedSerializer,
        "rotate": ApiKeyRotateSerializer,
    }
    untagged = frozenset({"last_used_at"})
    filterset_class = ApiKeyFilter
    search_fields = ["name", "prefix"]
    ordering_fields = ["created_at", "last_used_at", "expires_at"]
    ordering = ["-created_at"]

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The reply shows the key itself, once: it is kept as a hash only."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = {"user": self.caller, **serializer.validated_data}
        with transaction.atomic():
            key, secret = api_keys.api_key_create(actor=self.caller, **fields)
            return _shown_once(self.created_response(key.pk), secret)

    def perform_update(self, serializer: Any) -> None:
        """Edit the key and record who did."""
        api_keys.api_key_update(key=serializer.instance, actor=self.caller, **serializer.validated_data)

    def perform_destroy(self, obj: Any) -> None:
        """Revoke the key."""
        api_keys.api_key_revoke(key=obj, actor=self.caller)

    @extend_schema(request=ApiKeyRotateSerializer, responses=ApiKeyIssuedSerializer)
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: int) -> Response:
        """Give an API key a new secret; the reply shows the new key, once.

        The old one goes on until `previous_valid_until`: a day from now where that is left out, seven days
        at most; null ends it at once, as after a leak.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        until = serializer.validated_data["previous_valid_until"]
        with transaction.atomic():
            key, secret = api_keys.api_key_rotate(
                key=self.get_object(), actor=self.caller, previous_until=until
            )
            return _shown_once(self.detail_response(key.pk), secret)


def _shown_once(response: Response, secret: str) -> Response:
    response.data["key"] = secret
    response["Cache-Control"] = "no-store"
    return response
