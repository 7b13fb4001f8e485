"""Users, for those who administer them."""

from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.viewsets import CrudViewSet
from users.filters import UserFilter
from users.models import User
from users.permissions import USERS
from users.serializers import (
    MessageSerializer,
    UserCreateSerializer,
    UserSerializer,
    UserSummarySerializer,
)
from users.services import accounts, sessions


class UserViewSet(CrudViewSet):
    """Accounts."""

    queryset = User.objects.get_queryset()
    policy = USERS
    serializer_class = UserSerializer
    serializer_classes = {
        "list": UserSummarySerializer,
        "create": UserCreateSerializer,
        "retrieve": UserSerializer,
    }
    filterset_class = UserFilter
    search_fields = ["email", "first_name", "last_name"]
    ordering_fields = ["email", "last_name", "role", "created_at", "last_login"]
    ordering = ["-id"]

    def perform_create(self, serializer: Any) -> models.Model:
        """Make the account and record who made it."""
        return accounts.user_create(actor=self.caller, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        """Edit the account and record who did."""
        accounts.user_update(user=serializer.instance, actor=self.caller, **serializer.validated_data)

    def perform_destroy(self, obj: Any) -> None:
        """Delete the account if nothing refers to it."""
        accounts.user_delete(user=obj, actor=self.caller)

    @extend_schema(responses=UserSerializer)
    @action(detail=False)
    def me(self, request: Request) -> Response:
        """Read one's own account."""
        return self.detail_response(self.caller.pk)

    @extend_schema(request=None, responses=UserSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: int) -> Response:
        """Let a waiting account log in."""
        accounts.user_approve(user=self.get_object(), actor=self.caller)
        return self.detail_response(pk)

    @extend_schema(request=None, responses=UserSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: int) -> Response:
        """Let a suspended account log in again."""
        accounts.user_activate(user=self.get_object(), actor=self.caller)
        return self.detail_response(pk)

    @extend_schema(request=None, responses=UserSerializer)
    @action(detail=True, methods=["post"])
    def suspend(self, request: Request, pk: int) -> Response:
        """Close an account; its tokens and sockets end at once."""
        accounts.user_suspend(user=self.get_object(), actor=self.caller)
        return self.detail_response(pk)

    @extend_schema(request=None, responses=MessageSerializer)
    @action(detail=True, methods=["post"], url_path="force-logout")
    def force_logout(self, request: Request, pk: int) -> Response:
        """End every login of an account."""
        sessions.sessions_end(user=self.get_object(), actor=self.caller, reason="by an administrator")
        return Response({"message": "Logged out everywhere."})
