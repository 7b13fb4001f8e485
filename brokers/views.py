"""Branches, BDMs and brokers."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from brokers import events
from brokers.filters import BrokerFilter
from brokers.models import Bdm, Branch, Broker
from brokers.permissions import BDMS, BRANCHES, BROKERS
from brokers.serializers import (
    BdmSerializer,
    BranchSerializer,
    BrokerSerializer,
    BrokerSummarySerializer,
)
from crm_backend.common.permissions import touches
from crm_backend.common.viewsets import CrudViewSet
from events.viewsets import RecordedMixin


class BranchViewSet(RecordedMixin, CrudViewSet):
    """Branches of the lender."""

    queryset = Branch.objects.all()
    policy = BRANCHES
    serializer_class = BranchSerializer
    record_events = events.BRANCH
    filterset_fields = ["state", "is_active"]
    search_fields = ["name", "code", "city"]
    ordering_fields = ["name", "code", "state", "created_at"]
    ordering = ["name"]

    @extend_schema(responses=BrokerSummarySerializer(many=True), filters=False)
    @action(detail=True)
    @touches("brokers")
    def brokers(self, request: Request, pk: int) -> Response:
        """List the brokers of a branch that the caller may see."""
        brokers = Broker.objects.visible_to(self.caller).filter(branch=self.get_object())
        rows = brokers.select_related("branch").order_by("last_name", "id")
        return self.page_response(rows, BrokerSummarySerializer)

    @extend_schema(responses=BdmSerializer(many=True), filters=False)
    @action(detail=True)
    @touches("bdms")
    def bdms(self, request: Request, pk: int) -> Response:
        """List the BDMs of a branch that the caller may see."""
        bdms = Bdm.objects.visible_to(self.caller).filter(branch=self.get_object())
        return self.page_response(bdms.select_related("user", "branch").order_by("id"), BdmSerializer)


class BdmViewSet(RecordedMixin, CrudViewSet):
    """Business development managers."""

    queryset = Bdm.objects.select_related("user", "branch")
    policy = BDMS
    serializer_class = BdmSerializer
    record_events = events.BDM
    filterset_fields = ["branch", "is_active"]
    search_fields = ["user__first_name", "user__last_name", "user__email"]
    ordering_fields = ["user__last_name", "created_at"]
    ordering = ["id"]


class BrokerViewSet(RecordedMixin, CrudViewSet):
    """Brokers."""

    queryset = Broker.objects.select_related("branch")
    policy = BROKERS
    serializer_class = BrokerSerializer
    serializer_classes = {"list": BrokerSummarySerializer}
    record_events = events.BROKER
    filterset_class = BrokerFilter
    search_fields = ["first_name", "last_name", "email", "company_name"]
    ordering_fields = ["last_name", "company_name", "email", "created_at"]
    ordering = ["last_name"]
