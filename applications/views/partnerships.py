"""Referral partners, with what they referred.

They live here because the figures are those of applications, which are above the app that owns the rows.
"""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from applications.models import Application
from applications.selectors.applications import for_list
from applications.selectors.partnerships import with_referrals
from applications.serializers.applications import ApplicationListSerializer
from applications.serializers.partnerships import PartnershipSerializer, PartnershipStatusSerializer
from brokers import events
from brokers.filters import PartnershipFilter
from brokers.models import Partnership
from brokers.permissions import PARTNERSHIPS
from brokers.services import IllegalPartnershipMove, partnership_change_status
from crm_backend.common.errors import StaleVersion
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import CrudViewSet
from events.viewsets import RecordedMixin


@extend_schema(tags=["partnerships"])
class PartnershipViewSet(RecordedMixin, CrudViewSet):
    """Partnerships with those who refer borrowers."""

    queryset = Partnership.objects.select_related("branch", "owner__user")
    policy = PARTNERSHIPS
    shows = ("applications",)
    serializer_class = PartnershipSerializer
    serializer_classes = {"change_status": PartnershipStatusSerializer}
    record_events = events.PARTNERSHIP
    filterset_class = PartnershipFilter
    search_fields = ["organisation", "contact_name", "email"]
    ordering_fields = ["organisation", "created_at"]
    ordering = ["organisation"]

    def narrow(self, queryset: Any) -> Any:
        """With figures over the applications that the caller may see."""
        return with_referrals(queryset, reader=self.caller)

    @extend_schema(request=PartnershipStatusSerializer, responses=PartnershipSerializer)
    @action(detail=True, methods=["put"], url_path="status")
    @refuses(StaleVersion, IllegalPartnershipMove)
    def change_status(self, request: Request, pk: int) -> Response:
        """Move a partnership to another status.

        Only active ones take new referrals. An illegal move is 409 and names the legal ones.
        """
        with transaction.atomic():
            partnership = self.get_locked_object()
            self.check_precondition(partnership.pk)
            serializer = self.get_serializer(data=request.data)
            serializer.is_valid(raise_exception=True)
            partnership_change_status(partnership=partnership, actor=self.caller, **serializer.validated_data)
            return self.detail_response(partnership.pk)

    @extend_schema(responses=ApplicationListSerializer(many=True), filters=False)
    @action(detail=True)
    def referrals(self, request: Request, pk: int) -> Response:
        """List the applications that a partner referred, latest first."""
        rows = Application.objects.visible_to(self.caller).filter(referral_partner=self.get_object())
        return self.page_response(for_list(rows).order_by("-created_at", "-id"), ApplicationListSerializer)
