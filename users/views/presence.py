"""Whether people are there, for those who do not keep a socket open."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.permissions import IsSelfService
from crm_backend.common.serializers import Serializer
from crm_backend.common.viewsets import ApiView
from users import live, selectors
from users.choices import PresenceStatus
from users.socket_messages import WATCHED_AT_ONCE


class IdsField(serializers.ListField):
    """Ids with commas between them."""

    def to_internal_value(self, data: Any) -> Any:
        """Split the text."""
        return super().to_internal_value([part for part in str(data).split(",") if part])


class PresenceQuerySerializer(Serializer):
    """Whose presence."""

    ids = IdsField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        min_length=1,
        max_length=WATCHED_AT_ONCE,
    )


class PresenceSerializer(Serializer):
    """Whether somebody is there; `last_seen_at` while offline only, null for never."""

    user_id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=PresenceStatus.choices)
    last_seen_at = serializers.DateTimeField(allow_null=True)


class PresencesSerializer(Serializer):
    """Of each user who was asked for and may be seen, in order of id."""

    results = PresenceSerializer(many=True)


class PresenceView(ApiView):
    """Presence of users."""

    permission_classes = (IsSelfService,)

    @extend_schema(
        responses=PresencesSerializer,
        parameters=[
            OpenApiParameter(
                "ids",
                {"type": "string", "pattern": r"^[1-9]\d{0,17}(,[1-9]\d{0,17}){0,199}$"},
                description=f"Up to {WATCHED_AT_ONCE} ids of users, with commas between them. Users whom the "
                "caller may not see are left out. Without it, the caller's own.",
                examples=[],
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """Tell who is online, away or offline."""
        query = PresenceQuerySerializer(data={"ids": request.query_params.get("ids", self.caller.pk)})
        query.is_valid(raise_exception=True)
        visible = selectors.presence_visible(self.caller, query.validated_data["ids"])
        found = [asdict(presence) for presence in live.presences(visible)]
        return Response(PresencesSerializer({"results": found}).data)
