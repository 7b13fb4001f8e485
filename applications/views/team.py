"""The lender's own people: administrators and BDMs, with their workload and performance.

Under `/api/users/team/members/`, and here because the figures are those of applications.
"""

from typing import Any

from django.db import models
from rest_framework.request import Request
from rest_framework.response import Response

from applications.selectors import portfolios
from applications.serializers.team import (
    TeamMemberCreateSerializer,
    TeamMemberInputSerializer,
    TeamMemberSerializer,
    TeamMemberSummarySerializer,
)
from applications.services.team import team_member_deactivate
from brokers.filters import TeamFilter
from brokers.permissions import TEAM
from brokers.services import team_member_create, team_member_update
from crm_backend.common.errors import StaleVersion
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import CrudViewSet
from users.models import User


class TeamMemberViewSet(CrudViewSet):
    """Staff. A new member is a BDM; deleting one closes the account and keeps its history."""

    queryset = User.objects.all()
    policy = TEAM
    serializer_class = TeamMemberSerializer
    serializer_classes = {
        "list": TeamMemberSummarySerializer,
        "create": TeamMemberCreateSerializer,
        "update": TeamMemberInputSerializer,
    }
    filterset_class = TeamFilter
    search_fields = ["email", "first_name", "last_name"]
    ordering_fields = [
        "last_name",
        "email",
        "created_at",
        "last_login",
        "open_applications",
        "open_amount",
        "settled_applications_90_days",
        "settled_amount_90_days",
    ]
    ordering = ["last_name"]

    def narrow(self, queryset: Any) -> Any:
        """Staff, with figures over the applications that the caller may see."""
        return portfolios.with_performance(portfolios.staff(queryset), reader=self.caller)

    def perform_create(self, serializer: Any) -> models.Model:
        """Make the account and its profile, and record who did."""
        return team_member_create(actor=self.caller, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        """Edit the account and its profile, and record who did."""
        team_member_update(user=serializer.instance, actor=self.caller, **serializer.validated_data)

    @refuses(StaleVersion)
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Suspend the account and retire its BDM profile; what they did stays theirs.

        409 while open applications are theirs: assign those to others first. To undo it, activate the
        account (`users/{id}/activate/`) and the profile (`bdms/{id}/`, `is_active`).
        """
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, obj: Any) -> None:
        """Close the account."""
        team_member_deactivate(user=obj, actor=self.caller)
