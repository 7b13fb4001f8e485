"""Leads."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from borrowers.serializers.timeline import BorrowerTimelineSerializer
from crm_backend.common.credentials import Credential
from crm_backend.common.errors import StaleVersion
from crm_backend.common.filters import FilterBackend, SearchFilter
from crm_backend.common.idempotency import idempotent
from crm_backend.common.permissions import touches
from crm_backend.common.schema_replies import refuses
from crm_backend.common.throttling import Caller, WindowThrottle
from crm_backend.common.viewsets import CrudViewSet
from engagement import selectors
from engagement.choices import Temperature
from engagement.filters import LeadFilter
from engagement.models import Lead
from engagement.permissions import LEADS
from engagement.serializers.leads import (
    LeadAssignSerializer,
    LeadConvertSerializer,
    LeadCreatedSerializer,
    LeadCreateSerializer,
    LeadInputSerializer,
    LeadListSerializer,
    LeadScoreSerializer,
    LeadSerializer,
    LeadStatsSerializer,
    LeadStatusInputSerializer,
)
from engagement.services import assignment, conversion, leads
from engagement.views.bulk import LeadBulkMixin
from users.permissions import reader_of

TEXTS = ("first_name", "last_name", "company_name", "purpose", "message")


class LeadKeyThrottle(WindowThrottle):
    """Leads that one API key hands in."""

    scope = "lead_key"

    def get_key(self, request: Request, caller: Caller) -> str | None:
        """The key's prefix."""
        return caller.credential.key if caller.credential else None


class LeadAddressThrottle(WindowThrottle):
    """Leads that programs hand in from one address."""

    scope = "lead_address"

    def get_key(self, request: Request, caller: Caller) -> str | None:
        """The caller's address."""
        return self.get_ident(request) if caller.credential else None


class LeadViewSet(LeadBulkMixin, CrudViewSet):
    """People who may become borrowers."""

    queryset = Lead.objects.all()
    policy = LEADS
    serializer_class = LeadSerializer
    serializer_classes = {
        "list": LeadListSerializer,
        "hot": LeadListSerializer,
        "create": LeadCreateSerializer,
        "created": LeadCreatedSerializer,
        "update": LeadInputSerializer,
        "set_status": LeadStatusInputSerializer,
        "assign": LeadAssignSerializer,
        "convert": LeadConvertSerializer,
    }
    querysets = {
        "list": selectors.for_list,
        "hot": selectors.for_list,
        "retrieve": selectors.for_detail,
    }
    filterset_class = LeadFilter
    search_fields = ["first_name", "last_name", "company_name", "email", "phone"]
    ordering_fields = ["created_at", "updated_at", "score", "follow_up_on", "loan_amount"]
    ordering = ["-created_at"]

    def narrow(self, queryset: Any) -> Any:
        """Each with whether the caller sees what became of it."""
        return selectors.with_known(queryset, reader=self.caller)

    def get_throttles(self) -> list[Any]:
        """Programs that hand leads in are counted by themselves as well."""
        further = [LeadKeyThrottle(), LeadAddressThrottle()] if self.action == "create" else []
        return [*super().get_throttles(), *further]

    @extend_schema(
        request=LeadCreateSerializer,
        responses={201: LeadCreatedSerializer, 200: LeadCreatedSerializer, 204: None},
    )
    @refuses(leads.SpamSuspected)
    @idempotent()
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Hand a lead in.

        Whoever is an open lead already, by e-mail address or phone number within 30 days, does not become
        another one: the first is counted and filled in, and returned with `duplicate: true` (200). A key with
        the scope `leads:create` alone reads nothing, not even that (204).
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = dict(serializer.validated_data)
        texts = {name: data.get(name, "") for name in TEXTS}
        leads.check_human(trap=data.pop("website", ""), seconds=data.pop("form_seconds", None), texts=texts)
        with transaction.atomic():
            lead, is_new = leads.lead_submit(actor=self.caller, **data)
            if self._may_only_submit(request):
                return Response(status=status.HTTP_204_NO_CONTENT)
            reply = self.created_response(lead.pk) if is_new else self.detail_response(lead.pk)
        reply.data = {**reply.data, "duplicate": not is_new}
        return reply

    def _may_only_submit(self, request: Request) -> bool:
        credential = request.auth
        return isinstance(credential, Credential) and not credential.allows("leads", writing=False)

    def perform_update(self, serializer: Any) -> None:
        """Edit it, and score it anew."""
        leads.lead_update(lead=serializer.instance, actor=self.caller, **serializer.validated_data)

    def perform_destroy(self, obj: Any) -> None:
        """Delete it, unless it was converted."""
        leads.lead_delete(lead=obj, actor=self.caller)

    @extend_schema(request=LeadStatusInputSerializer, responses=LeadSerializer)
    @action(detail=True, methods=["put"], url_path="status")
    @refuses(StaleVersion, leads.IllegalLeadMove)
    def set_status(self, request: Request, pk: int) -> Response:
        """Move a lead to another status.

        An illegal move is 409 and names the legal ones; to lose a lead needs a reason. A lead that was
        converted follows its application.
        """
        return self._change(leads.lead_change_status)

    @extend_schema(request=None, responses=LeadScoreSerializer)
    @action(detail=True, methods=["post"])
    def score(self, request: Request, pk: int) -> Response:
        """Score a lead anew; the breakdown explains every point."""
        with transaction.atomic():
            lead = leads.lead_score(lead=self.get_locked_object())
        return Response(LeadScoreSerializer(lead).data)

    @extend_schema(request=LeadAssignSerializer, responses=LeadSerializer)
    @action(detail=True, methods=["post"])
    @refuses(StaleVersion, assignment.NobodyAtWork)
    def assign(self, request: Request, pk: int) -> Response:
        """Give a lead to a person, to whoever is next in turn, or to whoever has the fewest open leads.

        They are told; the lead's branch becomes theirs. By turns and by load it goes to a BDM at work.
        """
        return self._change(assignment.lead_assign)

    @extend_schema(request=LeadConvertSerializer, responses=LeadSerializer)
    @action(detail=True, methods=["post"])
    @touches("applications", "borrowers")
    @refuses(StaleVersion, conversion.AlreadyConverted, conversion.PossibleDuplicate)
    @idempotent()
    def convert(self, request: Request, pk: int) -> Response:
        """Make a lead a borrower and an application, both or neither.

        If borrowers that you see are like it, the answer is 409 with `candidates`: name one as `borrower`, or
        send `force_new`.
        """
        return self._change(conversion.lead_convert)

    @extend_schema(responses=BorrowerTimelineSerializer(many=True), filters=False)
    @action(detail=True)
    def timeline(self, request: Request, pk: int) -> Response:
        """List what happened to a lead, latest first."""
        rows = selectors.timeline(self.get_object(), user=self.caller, reader=reader_of(self.caller))
        return self.page_response(rows, BorrowerTimelineSerializer)

    @extend_schema(responses=LeadListSerializer(many=True), filters=True)
    @action(detail=False, filter_backends=(FilterBackend, SearchFilter))
    def hot(self, request: Request) -> Response:
        """List the hot leads, the highest score first; filters and search as in the list."""
        rows = self.filter_queryset(self.get_queryset()).filter(temperature=Temperature.HOT)
        return self.page_response(rows.order_by("-score", "-id"), LeadListSerializer)

    @extend_schema(responses=LeadStatsSerializer, filters=True)
    @action(detail=False, filter_backends=(FilterBackend, SearchFilter), pagination_class=None)
    def stats(self, request: Request) -> Response:
        """Read the funnel: counts by status, source and assignee, and rates; filters as in the list.

        `date_from` and `date_to` are days of coming in, both inclusive.
        """
        rows = self.filter_queryset(self.rows_for("stats"))
        return Response(LeadStatsSerializer(selectors.funnel(rows)).data)

    def _change(self, service: Callable[..., Any]) -> Response:
        """Call a service with the lead, locked, and the body."""
        with transaction.atomic():
            lead = self.get_locked_object()
            self.check_precondition(lead.pk)
            serializer = self.get_serializer(data=self.request.data)
            serializer.is_valid(raise_exception=True)
            service(lead=lead, actor=self.caller, **serializer.validated_data)
            return self.detail_response(lead.pk)
