"""Figures of a broker, a BDM and a branch, under their addresses.

They live here because applications are above the apps that own those addresses. Whoever may see the row
sees figures over the applications that they may see themselves.
"""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from applications.filters import ApplicationFilter
from applications.models import Application
from applications.selectors import portfolios
from applications.serializers.portfolios import (
    BranchTeamSerializer,
    BrokerStatsSerializer,
    PeriodSerializer,
    PortfolioSerializer,
)
from brokers.models import Bdm, Branch, Broker
from brokers.permissions import BDMS, BRANCHES, BROKERS
from crm_backend.common.permissions import touches
from crm_backend.common.viewsets import ScopedViewSet


class _FiguresViewSet(ScopedViewSet):
    """Figures about one visible row."""

    filter_backends = ()
    pagination_class = None

    def _applications(self, **owner: Any) -> QuerySet[Any]:
        return Application.objects.all().visible_to(self.caller).filter(**owner)


class BrokerStatsViewSet(_FiguresViewSet):
    """Of a broker."""

    queryset = Broker.objects.all()
    policy = BROKERS
    serializer_class = BrokerStatsSerializer

    @extend_schema(parameters=[PeriodSerializer], responses=BrokerStatsSerializer)
    @touches("applications")
    def stats(self, request: Request, pk: int) -> Response:
        """Read what a broker's applications came to.

        Over those that the caller may see and that were created in the period; `definitions` says what
        each figure means. A rate or an average of nothing is null.
        """
        broker = self.get_object()
        asked = request.query_params.dict()
        PeriodSerializer(data=asked).is_valid(raise_exception=True)
        applications = ApplicationFilter(asked, queryset=self._applications(broker=broker)).qs
        return Response(BrokerStatsSerializer(portfolios.broker_stats(applications)).data)


class BdmPortfolioViewSet(_FiguresViewSet):
    """Of a BDM."""

    queryset = Bdm.objects.all()
    policy = BDMS
    serializer_class = PortfolioSerializer

    @extend_schema(responses=PortfolioSerializer)
    @touches("applications", "brokers")
    def portfolio(self, request: Request, pk: int) -> Response:
        """Read a BDM's applications in figures.

        By stage, by broker (the ten with the most open money), those that have not moved for 14 days (the ten
        oldest), and what was settled in the running month, quarter and financial year.
        """
        figures = portfolios.bdm_portfolio(self._applications(bd=self.get_object()))
        return Response(PortfolioSerializer(figures).data)


class BranchTeamViewSet(_FiguresViewSet):
    """Of a branch."""

    queryset = Branch.objects.all()
    policy = BRANCHES
    serializer_class = BranchTeamSerializer

    @extend_schema(responses=BranchTeamSerializer)
    @touches("bdms", "brokers", "applications")
    def team(self, request: Request, pk: int) -> Response:
        """Read who works in and with a branch, each with what they have open and what was settled."""
        team = portfolios.branch_team(self.get_object(), reader=self.caller)
        return Response(BranchTeamSerializer(team).data)
