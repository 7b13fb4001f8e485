"""Figures of a BDM and a branch, under their addresses; those of a broker are in servicing.

They live here because applications are above the apps that own those addresses. Whoever may see the row
sees figures over the applications that they may see themselves.
"""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from applications.selectors import portfolios
from applications.serializers.portfolios import BranchTeamSerializer, PortfolioSerializer
from brokers.models import Bdm, Branch
from brokers.permissions import BDMS, BRANCHES
from crm_backend.common.permissions import touches
from crm_backend.common.viewsets import ScopedViewSet


class _FiguresViewSet(ScopedViewSet):
    """Figures about one visible row."""

    filter_backends = ()
    pagination_class = None

    def _applications(self, **owner: Any) -> QuerySet[Any]:
        return Application.objects.all().visible_to(self.caller).filter(**owner)


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
