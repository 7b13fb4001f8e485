"""Commissions of referral partners and the terms that they come from, under the partnership's address.

They live here because servicing is above the app that owns that address.
"""

from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from brokers.models import Partnership
from brokers.permissions import PARTNERSHIPS
from crm_backend.common.idempotency import idempotent
from crm_backend.common.permissions import touches
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import (
    ChildMixin,
    CreateMixin,
    DestroyMixin,
    ListMixin,
    RetrieveMixin,
    ScopedViewSet,
)
from servicing.models import PartnerCommission, PartnershipTerms
from servicing.permissions import PARTNER_COMMISSIONS, PARTNERSHIP_TERMS
from servicing.selectors.commissions import partner_commission_summary
from servicing.serializers.commissions import (
    CommissionMarkPaidSerializer,
    PartnerCommissionSerializer,
    PartnerCommissionSummarySerializer,
)
from servicing.serializers.partners import PartnershipTermsSerializer
from servicing.services.errors import PaidAlready, TermsInUse
from servicing.services.referrals import partnership_terms_add, partnership_terms_withdraw
from servicing.views.commissions import PayeeCommissionViewSet


@extend_schema(tags=["partnerships"])
class PartnershipTermsViewSet(ChildMixin, ListMixin, RetrieveMixin, CreateMixin, DestroyMixin, ScopedViewSet):
    """What a partner is paid by, in versions, the latest first. None is ever changed."""

    queryset = PartnershipTerms.objects.all()
    parent_model = Partnership
    parent_field = "partnership"
    policy = PARTNERSHIP_TERMS
    serializer_class = PartnershipTermsSerializer
    querysets = {
        "list": lambda rows: rows.prefetch_related("tiers"),
        "retrieve": lambda rows: rows.prefetch_related("tiers"),
    }
    filter_backends = ()
    ordering = ["-valid_from"]

    @refuses(TermsInUse)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a version, for loans that are settled on its first day or later.

        409 if one was: what is settled stays as it was agreed.
        """
        return super().create(request, *args, **kwargs)

    def perform_create(self, serializer: Any) -> models.Model:
        """Under a lock, with an event."""
        return partnership_terms_add(partnership=self.parent, actor=self.caller, **serializer.validated_data)

    @refuses(TermsInUse)
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take back a version that no loan was settled under; else 409."""
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, obj: PartnershipTerms) -> None:
        """Under a lock, with an event."""
        partnership_terms_withdraw(terms=obj, actor=self.caller)


@extend_schema(tags=["partnerships"])
class PartnerCommissionViewSet(PayeeCommissionViewSet):
    """Commissions of a referral partner, latest first."""

    queryset = PartnerCommission.objects.all()
    parent_model = Partnership
    parent_field = "partnership"
    policy = PARTNER_COMMISSIONS
    serializer_class = PartnerCommissionSerializer

    @extend_schema(request=CommissionMarkPaidSerializer, responses=PartnerCommissionSerializer)
    @idempotent()
    @refuses(PaidAlready)
    def mark_paid(self, request: Request, partnership_id: int, pk: int) -> Response:
        """Say that it was paid to the partner, or that a clawback was recovered."""
        return self.marked_paid(request)


@extend_schema(tags=["partnerships"])
class PartnerCommissionSummaryViewSet(ScopedViewSet):
    """What a partner's commissions come to."""

    queryset = Partnership.objects.all()
    policy = PARTNERSHIPS
    serializer_class = PartnerCommissionSummarySerializer
    filter_backends = ()

    @extend_schema(responses=PartnerCommissionSummarySerializer)
    @touches("partner-commissions")
    def commission_summary(self, request: Request, pk: int) -> Response:
        """Sum up the commissions of a partner, in all and by month, with what each figure means."""
        return Response(
            PartnerCommissionSummarySerializer(partner_commission_summary(self.get_object())).data
        )
