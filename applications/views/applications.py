"""Applications."""

from collections.abc import Callable
from typing import Any

from django.db import models, transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from applications.filters import ApplicationFilter, ApplicationSearch
from applications.models import Application, Product
from applications.permissions import APPLICATIONS
from applications.selectors import applications as selectors
from applications.selectors.pipeline import pipeline
from applications.serializers.applications import (
    ApplicationCreateSerializer,
    ApplicationInputSerializer,
    ApplicationListSerializer,
    ApplicationSerializer,
    AssignSerializer,
    CascadeSerializer,
    SetBorrowersSerializer,
    SetGuarantorsSerializer,
    ValidSerializer,
)
from applications.serializers.funding import FundingCalculationSerializer, FundingInputSerializer
from applications.serializers.pipeline import PipelineSerializer
from applications.serializers.stage import StageChangeSerializer, StageMoveSerializer
from applications.serializers.template import (
    NewApplicationSerializer,
    choices_of,
    items_of,
    required_of,
    template_of,
)
from applications.services import applications, assignment, cascade, funding, parties, stage
from applications.views.bulk import BulkMixin
from borrowers.serializers import BorrowerSummarySerializer, GuarantorSummarySerializer
from crm_backend.common.errors import StaleVersion
from crm_backend.common.filters import FilterBackend, OrderingFilter
from crm_backend.common.idempotency import idempotent
from crm_backend.common.permissions import touches
from crm_backend.common.schema_replies import refuses
from crm_backend.common.transactions import of_request
from crm_backend.common.viewsets import CrudViewSet
from crm_backend.common.write_lane import express
from events.registry import Audience
from events.selectors import timeline
from events.serializers import TimelineSerializer
from users.permissions import reader_of


class ApplicationViewSet(BulkMixin, CrudViewSet):
    """Loan applications."""

    queryset = Application.objects.all()
    policy = APPLICATIONS
    serializer_class = ApplicationSerializer
    serializer_classes = {
        "list": ApplicationListSerializer,
        "create": ApplicationCreateSerializer,
        "update": ApplicationInputSerializer,
        "create_with_cascade": CascadeSerializer,
        "validate_schema": CascadeSerializer,
        "assign": AssignSerializer,
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
        "estimated_settlement_date",
        "reference_number",
    ]
    ordering = ["-created_at"]

    def get_serializer_context(self) -> dict[str, Any]:
        """Tell serializers who reads, for what only the lender's staff may see."""
        return {**super().get_serializer_context(), "reader": self._reader}

    @property
    def _reader(self) -> Audience:
        return reader_of(self.caller)

    @express
    @idempotent()
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Write one row and reply with it as the detail shows it."""
        return super().create(request, *args, **kwargs)

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
    @touches("borrowers", "guarantors", "securities")
    @express
    @idempotent()
    def create_with_cascade(self, request: Request) -> Response:
        """Create an application with its people, companies, guarantors and securities: all or nothing."""
        with of_request():
            return self.created_response(self._create_cascade().pk)

    @extend_schema(request=CascadeSerializer, responses=ValidSerializer)
    @action(detail=False, methods=["post"], url_path="validate-schema")
    @touches("borrowers", "guarantors", "securities")
    def validate_schema(self, request: Request) -> Response:
        """Try what `create-with-cascade/` would say to a body: the same errors, and nothing is written."""
        with transaction.atomic():
            self.representation(self._create_cascade().pk)
            transaction.set_rollback(True)
        return Response({"valid": True})

    def _create_cascade(self) -> Application:
        serializer = self.get_serializer(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        data = dict(serializer.validated_data)
        lists = ("borrowers", "company_borrowers", "guarantors", "securities")
        nested = {part: data.pop(part, []) for part in lists}
        nested["funding_calculation_input"] = data.pop("funding_calculation_input", None)
        return cascade.application_create_with_cascade(actor=self.caller, application=data, **nested)

    @extend_schema(responses=NewApplicationSerializer)
    @action(detail=False)
    @touches("products")
    def new(self, request: Request) -> Response:
        """Read what a new application can hold: a body to fill in, what must be given, and the choices."""
        form = CascadeSerializer(context=self.get_serializer_context())
        for part in form.parts_of_others(self.caller):
            del form.fields[part]
        products = Product.objects.visible_to(self.caller).filter(is_active=True).order_by("name", "id")
        reply = {
            "template": template_of(form),
            "item_templates": items_of(form),
            "required_fields": required_of(form),
            "choices": choices_of(form),
            "products": products,
        }
        return Response(NewApplicationSerializer(reply).data)

    @extend_schema(responses=PipelineSerializer, filters=True)
    @action(detail=False, filter_backends=(FilterBackend, ApplicationSearch))
    def pipeline(self, request: Request) -> Response:
        """Count and sum the applications at each stage, for a board; filters and search as in the list."""
        return Response(PipelineSerializer(pipeline(self.filter_queryset(self.get_queryset()))).data)

    @extend_schema(request=AssignSerializer, responses=ApplicationSerializer)
    @action(detail=True, methods=["post"])
    @refuses(StaleVersion)
    def assign(self, request: Request, pk: int) -> Response:
        """Give an application to another broker, BDM or branch; those before and after are told.

        With a new BDM goes their branch, unless one is named. Settled loans are assigned as well.
        """
        return self._change(assignment.application_assign)

    @extend_schema(request=StageMoveSerializer, responses=ApplicationSerializer)
    @action(detail=True, methods=["put"])
    @refuses(StaleVersion, stage.IllegalMove, stage.GuardNotMet)
    @express
    def stage(self, request: Request, pk: int) -> Response:
        """Move an application to another stage.

        An illegal move is 409 and names the legal ones; a missing reason is 400.
        """
        return self._change(stage.application_move)

    @extend_schema(responses=StageChangeSerializer(many=True), filters=False)
    @action(detail=True, url_path="stage-history")
    def stage_history(self, request: Request, pk: int) -> Response:
        """List the moves of an application, oldest first, with the seconds spent in each stage."""
        return self.page_response(selectors.stage_history(self.get_object()), StageChangeSerializer)

    @extend_schema(responses=TimelineSerializer(many=True), filters=False)
    @action(detail=True)
    def timeline(self, request: Request, pk: int) -> Response:
        """List what happened to an application, latest first."""
        rows = timeline(self.get_object().pk, user=self.caller, reader=self._reader)
        return self.page_response(rows, TimelineSerializer)

    @extend_schema(request=FundingInputSerializer, responses={201: FundingCalculationSerializer})
    @action(detail=True, methods=["post"], url_path="funding-calculation")
    def funding_calculation(self, request: Request, pk: int) -> Response:
        """Work out what is left of the loan after fees; every run is kept."""
        with transaction.atomic():
            application = self.get_locked_object()
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
    @touches("borrowers")
    def borrowers(self, request: Request, pk: int) -> Response:
        """List the borrowers on an application, the primary one first."""
        rows = selectors.in_order(self.get_object().borrowers)
        return self.page_response(rows, BorrowerSummarySerializer)

    @extend_schema(request=SetBorrowersSerializer, responses=ApplicationSerializer)
    @borrowers.mapping.put
    @refuses(StaleVersion)
    def set_borrowers(self, request: Request, pk: int) -> Response:
        """Put exactly these borrowers on an application, the primary one first."""
        return self._change(parties.application_set_borrowers)

    @extend_schema(responses=GuarantorSummarySerializer(many=True), filters=False)
    @action(detail=True)
    @touches("guarantors")
    def guarantors(self, request: Request, pk: int) -> Response:
        """List the guarantors on an application."""
        rows = selectors.in_order(self.get_object().guarantors)
        return self.page_response(rows, GuarantorSummarySerializer)

    @extend_schema(request=SetGuarantorsSerializer, responses=ApplicationSerializer)
    @guarantors.mapping.put
    @refuses(StaleVersion)
    def set_guarantors(self, request: Request, pk: int) -> Response:
        """Put exactly these guarantors on an application."""
        return self._change(parties.application_set_guarantors)

    def _change(self, service: Callable[..., Any]) -> Response:
        """Call a service with the application, locked, and the body."""
        with of_request():
            application = self.get_locked_object()
            self.check_precondition(application.pk)
            serializer = self.get_serializer(data=self.request.data)
            serializer.is_valid(raise_exception=True)
            service(application=application, actor=self.caller, **serializer.validated_data)
            return self.detail_response(application.pk)
