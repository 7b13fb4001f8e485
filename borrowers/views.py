"""Borrowers and guarantors."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from borrowers import events
from borrowers.filters import BorrowerFilter
from borrowers.models import Borrower, Guarantor
from borrowers.permissions import BORROWERS, GUARANTORS
from borrowers.serializers import (
    BorrowerSerializer,
    BorrowerSummarySerializer,
    CompanyBorrowerSerializer,
    GuarantorSerializer,
    GuarantorSummarySerializer,
)
from crm_backend.common.viewsets import CrudViewSet
from events.viewsets import RecordedMixin


class PartyViewSet(RecordedMixin, CrudViewSet):
    """What borrowers and guarantors share."""

    def created_with(self) -> dict[str, Any]:
        """Remember who brought them."""
        return {"created_by": self.caller}


class BorrowerViewSet(PartyViewSet):
    """People and companies who borrow."""

    queryset = Borrower.objects.all()
    policy = BORROWERS
    serializer_class = BorrowerSerializer
    serializer_classes = {"list": BorrowerSummarySerializer, "company": CompanyBorrowerSerializer}
    record_events = events.BORROWER
    filterset_class = BorrowerFilter
    search_fields = ["first_name", "last_name", "company_name", "email"]
    ordering_fields = ["last_name", "created_at"]
    ordering = ["-created_at"]

    @extend_schema(request=CompanyBorrowerSerializer, responses={201: BorrowerSerializer})
    @action(detail=False, methods=["post"])
    def company(self, request: Request) -> Response:
        """Create a company as a borrower."""
        response = self.create(request)
        response["Location"] = request.build_absolute_uri(f"../{response.data['id']}/")
        return response

    @extend_schema(responses=GuarantorSummarySerializer(many=True), filters=False)
    @action(detail=True)
    def guarantors(self, request: Request, pk: int) -> Response:
        """List the guarantors of a borrower that the caller may see."""
        rows = Guarantor.objects.visible_to(self.caller).filter(borrower=self.get_object())
        return self.page_response(rows.order_by("-created_at", "-id"), GuarantorSummarySerializer)


class GuarantorViewSet(PartyViewSet):
    """People and companies who answer for a borrower."""

    queryset = Guarantor.objects.all()
    policy = GUARANTORS
    serializer_class = GuarantorSerializer
    serializer_classes = {"list": GuarantorSummarySerializer}
    record_events = events.GUARANTOR
    filterset_fields = ["guarantor_type", "relationship", "borrower"]
    search_fields = ["first_name", "last_name", "company_name", "email"]
    ordering_fields = ["last_name", "created_at"]
    ordering = ["-created_at"]
