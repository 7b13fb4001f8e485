"""Dashboards over HTTP."""

from collections.abc import Callable
from functools import cache
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.permissions import touches
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import ScopedViewSet
from reports.models import Cell
from reports.permissions import DASHBOARDS
from reports.selectors import dashboards
from reports.selectors.sums import ReportsNotReady
from reports.serializers.dashboards import (
    DashboardSerializer,
    DaysSerializer,
    TeamDashboardSerializer,
    dashboard_reply,
)


@extend_schema(tags=["analytics"], parameters=[DaysSerializer])
class DashboardViewSet(ScopedViewSet):
    """Dashboards of what the caller sees."""

    queryset = Cell.objects.none()
    policy = DASHBOARDS
    serializer_class = DashboardSerializer
    filter_backends = ()
    pagination_class = None

    @extend_schema(operation_id="analytics_dashboard", responses=DashboardSerializer)
    @touches("applications", "loans", "repayments")
    @refuses(ReportsNotReady)
    def overview(self, request: Request) -> Response:
        """Read the book at a glance: what was opened, what settled, what is owed and late."""
        return self._reply(dashboards.overview)

    @extend_schema(operation_id="analytics_leads", responses=DashboardSerializer)
    @touches("leads")
    def leads(self, request: Request) -> Response:
        """Read how leads come in, and what becomes of them."""
        return self._reply(dashboards.leads)

    @extend_schema(operation_id="analytics_revenue", responses=DashboardSerializer)
    @touches("applications", "loans", "commissions")
    @refuses(ReportsNotReady)
    def revenue(self, request: Request) -> Response:
        """Read what loans earn, what came in, and what commissions cost, from the ledger."""
        return self._reply(dashboards.revenue)

    @extend_schema(operation_id="analytics_team", responses=TeamDashboardSerializer)
    @touches("applications", "team-members")
    @refuses(ReportsNotReady)
    def team(self, request: Request) -> Response:
        """Read what each BDM has at hand, and brought about."""
        return self._reply(dashboards.team, TeamDashboardSerializer)

    def _reply(
        self,
        dashboard: Callable[[Any, dashboards.Days], dashboards.Dashboard],
        shape: type[DashboardSerializer] = DashboardSerializer,
    ) -> Response:
        asked = DaysSerializer(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        found = dashboard(self.caller, asked.validated_data["days"])
        return Response(_kept(shape).to_representation(dashboard_reply(found)))


@cache
def _kept(shape: type[DashboardSerializer]) -> DashboardSerializer:
    """It keeps nothing of what it shows."""
    return shape()
