"""Applications."""

from typing import Any

from django.db import models, transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from applications.filters import ApplicationFilter, ApplicationSearch
from applications.models import Application
from applications.permissions import APPLICATIONS
from applications.selectors import applications as selectors
from applications.serializers.applications import (
    ApplicationCreateSerializer,
    ApplicationInputSerializer,
    ApplicationListSerializer,
    ApplicationSerializer,
    CascadeSerializer,
    SetBorrowersSerializer,
    SetGuarantorsSerializer,
)
from applications.serializers.funding import FundingCalculationSerializer, FundingInputSerializer
from applications.serializers.stage import StageChangeSerializer, StageMoveSerializer
from applications.services import applications, cascade, funding, parties, stage
from borrowers.serializers import BorrowerSummarySerializer, GuarantorSummarySerializer
from crm_backend.common.errors import StaleVersion
from crm_backend.common.filters import FilterBackend, OrderingFilter
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import CrudViewSet
from events.registry import Audience
from events.selectors import timeline
from events.serializers import TimelineSerializer
from users.permissions import reader_of


class ApplicationViewSet(CrudViewSet):
    """Loan applications."""

    queryset = Application.objects.all()
    policy = APPLICATIONS
    serializer_class = ApplicationSerializer
    serializer_classes = {
        "list": ApplicationListSerializer,
        "create": ApplicationCreateSerializer,
        "update": ApplicationInputSerializer,
        "create_with_cascade": CascadeSerializer,
        "stage": StageMoveSerializer,
        "funding_calculation": FundingInputSerializer,
        "set_borrowers": SetBorrowersSerializer,
        "set_guarantors": SetGuarantorsSerializer,
    }
    querysets = {"list": selectors.for_list, "retrieve": selectors.for_detail}
    filterset_class = ApplicationFilter
    filter_backends = (FilterBackend, ApplicationSearch, OrderingFilter)
    ordering_fields = [
        "created_at",
        "updated_at",
        "loan_amount",
        "interest_rate",
        "stage_entered_at",
    ]
    ordering = ["-created_at"]

    def get_serializer_context(self) -> dict[str, Any]:
        """Tell serializers who reads, for what only the lender's staff may see."""
        return {**super().get_serializer_context(), "reader": self._reader}

    @property
    def _reader(self) -> Audience:
        return reader_of(self.caller)

    def perform_create(self, serializer: Any) -> models.Model:
        """Open an application."""
        return applications.application_create(actor=self.caller, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        """Edit its terms."""
        applications.application_update(
            application=serializer.instance, actor=self.caller, **serializer.validated_data
        )

    def perform_destroy(self, obj: Any) -> None:
        """Delete it, unless it was submitted."""
        applications.application_delete(application=obj, actor=self.caller)

    @extend_schema(request=CascadeSerializer, responses={201: ApplicationSerializer})
    @action(detail=False, methods=["post"], url_path="create-with-cascade")
    def create_with_cascade(self, request: Request) -> Response:
        """Create an application with its people, companies, guarantors and securities: all or nothing."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = dict(serializer.validated_data)
        lists = ("borrowers", "company_borrowers", "guarantors", "securities")
        nested = {part: data.pop(part, []) for part in lists}
        nested["funding_calculation_input"] = data.pop("funding_calculation_input", None)
        with transaction.atomic():
            created = cascade.application_create_with_cascade(actor=self.caller, application=data, **nested)
            return self.created_response(created.pk)

    @extend_schema(request=StageMoveSerializer, responses=ApplicationSerializer)
    @action(detail=True, methods=["put"])
    @refuses(StaleVersion, stage.IllegalMove, stage.GuardNotMet)
    def stage(self, request: Request, pk: int) -> Response:
        """Move an application to another stage.

        An illegal move is 409 and names the legal ones; a missing reason is 400.
        """
        with transaction.atomic():
            application = self.get_locked_object()
            self.check_precondition(application.pk)
            serializer = self.get_serializer(data=request.data)
            serializer.is_valid(raise_exception=True)
            data = serializer.validated_data
            stage.application_change_stage(
                application=application,
                to=data["stage"],
                actor=self.caller,
                reason=data.get("reason", ""),
                notes=data.get("notes", ""),
            )
            return self.detail_response(pk)

    @extend_schema(responses=StageChangeSerializer(many=True), filters=False)
    @action(detail=True, url_path="stage-history")
    def stage_history(self, request: Request, pk: int) -> Response:
        """List the moves of an application, oldest first, with the seconds spent in each stage."""
        return self.page_response(selectors.stage_history(self.get_object()), StageChangeSerializer)

    @extend_schema(responses=TimelineSerializer(many=True), filters=False)
    @action(detail=True)
    def timeline(self, request: Request, pk: int) -> Response:
        """List what happened to an application, latest first."""
        return self.page_response(timeline(self.get_object().pk, reader=self._reader), TimelineSerializer)

    @extend_schema(request=FundingInputSerializer, responses={201: FundingCalculationSerializer})
    @action(detail=True, methods=["post"], url_path="funding-calculation")
    def funding_calculation(self, request: Request, pk: int) -> Response:
        """Work out what is left of the loan after fees; every run is kept."""
        application = self.get_object()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        made = funding.funding_calculate(
            application=application, terms=serializer.validated_data, actor=self.caller
        )
        return Response(FundingCalculationSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=FundingCalculationSerializer(many=True), filters=False)
    @action(detail=True, url_path="funding-calculation-history")
    def funding_calculation_history(self, request: Request, pk: int) -> Response:
        """List the runs of the funding calculator, latest first."""
        return self.page_response(selectors.funding_history(self.get_object()), FundingCalculationSerializer)

    @extend_schema(responses=BorrowerSummarySerializer(many=True), filters=False)
    @action(detail=True)
    def borrowers(self, request: Request, pk: int) -> Response:
        """List the borrowers on an application, the primary one first."""
        rows = selectors.in_order(self.get_object().borrowers)
        return self.page_response(rows, BorrowerSummarySerializer)

    @extend_schema(request=SetBorrowersSerializer, responses=ApplicationSerializer)
    @borrowers.mapping.put
    @refuses(StaleVersion)
    def set_borrowers(self, request: Request, pk: int) -> Response:
        """Put exactly these borrowers on an application, the primary one first."""
        return self._set_parties("borrowers", parties.application_set_borrowers)

    @extend_schema(responses=GuarantorSummarySerializer(many=True), filters=False)
    @action(detail=True)
    def guarantors(self, request: Request, pk: int) -> Response:
        """List the guarantors on an application."""
        rows = selectors.in_order(self.get_object().guarantors)
        return self.page_response(rows, GuarantorSummarySerializer)

    @extend_schema(request=SetGuarantorsSerializer, responses=ApplicationSerializer)
    @guarantors.mapping.put
    @refuses(StaleVersion)
    def set_guarantors(self, request: Request, pk: int) -> Response:
        """Put exactly these guarantors on an application."""
        return self._set_parties("guarantors", parties.application_set_guarantors)

    def _set_parties(self, name: str, service: Any) -> Response:
        with transaction.atomic():
            application = self.get_locked_object()
            self.check_precondition(application.pk)
            serializer = self.get_serializer(data=self.request.data)
            serializer.is_valid(raise_exception=True)
            service(
                application=application,
                actor=self.caller,
                **{name: serializer.validated_data[name]},
            )
            return self.detail_response(application.pk)
