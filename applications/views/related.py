"""The applications of a broker, a BDM, a borrower, a guarantor: lists under their addresses.

They live here because applications are above the apps that own those addresses.
"""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from applications.selectors.applications import for_list
from applications.serializers.applications import ApplicationListSerializer
from borrowers.models import Borrower, Guarantor
from borrowers.permissions import BORROWERS, GUARANTORS
from brokers.models import Bdm, Broker
from brokers.permissions import BDMS, BROKERS
from crm_backend.common.permissions import touches
from crm_backend.common.viewsets import ScopedViewSet


class _ApplicationsOf(ScopedViewSet):
    """The visible applications of one visible row."""

    serializer_class = ApplicationListSerializer
    filter_backends = ()
    relation = ""

    def _reply(self) -> Response:
        owner = self.get_object()
        visible = Application.objects.visible_to(self.caller).filter(**{self.relation: owner})
        return self.page_response(for_list(visible).order_by("-created_at", "-id"), ApplicationListSerializer)


class BrokerApplicationsViewSet(_ApplicationsOf):
    """Of a broker."""

    queryset = Broker.objects.all()
    policy = BROKERS
    relation = "broker"

    @extend_schema(responses=ApplicationListSerializer(many=True))
    @touches("applications")
    def applications(self, request: Request, pk: int) -> Response:
        """List the applications of a broker."""
        return self._reply()


class BdmApplicationsViewSet(_ApplicationsOf):
    """Of a BDM."""

    queryset = Bdm.objects.all()
    policy = BDMS
    relation = "bd"

    @extend_schema(responses=ApplicationListSerializer(many=True))
    @touches("applications")
    def applications(self, request: Request, pk: int) -> Response:
        """List the applications of a BDM."""
        return self._reply()


class BorrowerApplicationsViewSet(_ApplicationsOf):
    """Of a borrower."""

    queryset = Borrower.objects.all()
    policy = BORROWERS
    relation = "borrowers"

    @extend_schema(responses=ApplicationListSerializer(many=True))
    @touches("applications")
    def applications(self, request: Request, pk: int) -> Response:
        """List the applications that a borrower is on."""
        return self._reply()


class GuaranteedApplicationsViewSet(_ApplicationsOf):
    """Of a guarantor."""

    queryset = Guarantor.objects.all()
    policy = GUARANTORS
    relation = "guarantors"

    @extend_schema(responses=ApplicationListSerializer(many=True))
    @touches("applications")
    def guaranteed_applications(self, request: Request, pk: int) -> Response:
        """List the applications that a guarantor answers for."""
        return self._reply()
