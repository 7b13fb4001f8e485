"""The lender's own people: administrators and BDMs, with their workload and performance.

Under `/api/users/team/members/`, and here because the figures are those of applications.
"""

from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from applications.selectors import portfolios, team, workloads
from applications.serializers.portfolios import PeriodSerializer
from applications.serializers.team import (
    TeamMemberCreateSerializer,
    TeamMemberInputSerializer,
    TeamMemberSerializer,
    TeamMemberSummarySerializer,
    TeamPerformanceSerializer,
    TeamWorkloadSerializer,
)
from applications.services.team import team_member_deactivate
from brokers.filters import TeamFilter
from brokers.permissions import TEAM
from brokers.services import team_member_create, team_member_update
from crm_backend.common.errors import StaleVersion
from crm_backend.common.permissions import touches
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import CrudViewSet
from users.models import User


class TeamMemberViewSet(CrudViewSet):
    """Staff. A new member is a BDM; deleting one closes the account and keeps its history."""

    queryset = User.objects.all()
    policy = TEAM
    shows = ("applications", "notes", "leads")
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
        *workloads.FIGURES,
    ]
    ordering = ["last_name"]

    def narrow(self, queryset: Any) -> Any:
        """Staff, with figures over what the caller may see."""
        staff = portfolios.with_performance(portfolios.staff(queryset), reader=self.caller)
        return workloads.with_workload(staff, reader=self.caller)

    @extend_schema(responses=TeamWorkloadSerializer, filters=False)
    @action(detail=True)
    @touches("applications", "notes", "leads")
    def workload(self, request: Request, pk: int) -> Response:
        """Read what a member of the team has at hand.

        Over what is theirs and the caller may see: applications, notes and leads; `definitions` says what
        each figure means.
        """
        member = self.get_object()
        waiting = {name: getattr(member, name) for name in workloads.FIGURES}
        figures = team.workload(self._applications_of(member), waiting=waiting)
        return Response(TeamWorkloadSerializer(figures).data)

    @extend_schema(parameters=[PeriodSerializer], responses=TeamPerformanceSerializer, filters=False)
    @action(detail=True)
    @touches("applications")
    def performance(self, request: Request, pk: int) -> Response:
        """Read what a member of the team brought about in a period, both days inclusive, UTC.

        Over the applications that are theirs and that the caller may see; `definitions` says what each figure
        means. A rate or an average of nothing is null.
        """
        member = self.get_object()
        period = PeriodSerializer(data=request.query_params.dict())
        period.is_valid(raise_exception=True)
        figures = team.performance(self._applications_of(member), **period.validated_data)
        return Response(TeamPerformanceSerializer(figures).data)

    def _applications_of(self, member: User) -> Any:
        return Application.objects.all().visible_to(self.caller).filter(bd__user=member)

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
