"""Appointments, office hours, and the feed for calendars."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.filters import FilterBackend, OrderingFilter
from crm_backend.common.permissions import IsSelfService
from crm_backend.common.renderers import FileRenderer
from crm_backend.common.schema_replies import refuses
from crm_backend.common.throttling import Caller, WindowThrottle
from crm_backend.common.viewsets import ApiView, CrudViewSet, etag_of
from engagement import events
from engagement.filters import AppointmentFilter, OfficeHoursFilter
from engagement.models import Appointment, CalendarLink, OfficeHours
from engagement.permissions import APPOINTMENTS, OFFICE_HOURS
from engagement.selectors import availability
from engagement.serializers.appointments import (
    AppointmentInputSerializer,
    AppointmentListSerializer,
    AppointmentSerializer,
    AppointmentUpdateSerializer,
    AvailabilityQuerySerializer,
    AvailabilitySerializer,
    CalendarLinkSerializer,
    CancelSerializer,
    CompleteSerializer,
    NewCalendarLinkSerializer,
    OfficeHoursSerializer,
    RescheduleSerializer,
)
from engagement.services import appointments, calendars
from engagement.services.appointments import AppointmentClash, AppointmentOver
from events.viewsets import RecordedMixin


def _with_host(rows: Any) -> Any:
    return rows.select_related("host")


def _in_full(rows: Any) -> Any:
    return rows.select_related("host", "created_by").prefetch_related("moves__moved_by")


class AppointmentViewSet(CrudViewSet):
    """Appointments of hosts with leads, borrowers, and those on applications."""

    queryset = Appointment.objects.all()
    policy = APPOINTMENTS
    serializer_class = AppointmentSerializer
    serializer_classes = {
        "list": AppointmentListSerializer,
        "create": AppointmentInputSerializer,
        "update": AppointmentUpdateSerializer,
        "complete": CompleteSerializer,
        "cancel": CancelSerializer,
        "reschedule": RescheduleSerializer,
    }
    querysets = {"list": _with_host, "retrieve": _in_full}
    filterset_class = AppointmentFilter
    filter_backends = (FilterBackend, OrderingFilter)
    ordering_fields = ["starts_at", "created_at"]
    ordering = ["starts_at"]

    @refuses(AppointmentClash)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Book a time of a host; host and guest are told."""
        return super().create(request, *args, **kwargs)

    def perform_create(self, serializer: Any) -> Appointment:
        """Book it."""
        return appointments.appointment_book(actor=self.caller, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        """Edit what is said of it."""
        appointments.appointment_update(
            appointment=serializer.instance, actor=self.caller, **serializer.validated_data
        )

    def perform_destroy(self, obj: Any) -> None:
        """Delete it, as entered by mistake."""
        appointments.appointment_delete(appointment=obj, actor=self.caller)

    @extend_schema(request=CompleteSerializer, responses=AppointmentSerializer)
    @refuses(AppointmentOver)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: int) -> Response:
        """Say that an appointment took place, or that the guest did not come."""
        return self._do(request, appointments.appointment_complete)

    @extend_schema(request=CancelSerializer, responses=AppointmentSerializer)
    @refuses(AppointmentOver)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: int) -> Response:
        """Call an appointment off; host and guest are told."""
        return self._do(request, appointments.appointment_cancel)

    @extend_schema(request=RescheduleSerializer, responses=AppointmentSerializer)
    @refuses(AppointmentOver, AppointmentClash)
    @action(detail=True, methods=["post"])
    def reschedule(self, request: Request, pk: int) -> Response:
        """Move an appointment to another time; host and guest are told, and reminded anew."""
        return self._do(request, appointments.appointment_reschedule)

    def _do(self, request: Request, service: Callable[..., Appointment]) -> Response:
        with transaction.atomic():
            appointment = self.get_locked_object()
            serializer = self.get_serializer(data=request.data)
            serializer.is_valid(raise_exception=True)
            service(appointment=appointment, actor=self.caller, **serializer.validated_data)
            return self.detail_response(appointment.pk)

    @extend_schema(parameters=[AvailabilityQuerySerializer], responses=AvailabilitySerializer, filters=False)
    @action(detail=False, pagination_class=None)
    def availability(self, request: Request) -> Response:
        """List the times of a host that can be booked: in office hours, free, and to come."""
        query = AvailabilityQuerySerializer(
            data=request.query_params.dict(), context=self.get_serializer_context()
        )
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        host, minutes = asked["host"], asked["minutes"]
        slots = availability(
            host,
            first=asked["from"],
            last=asked["to"],
            minutes=minutes,
            buffer=asked["buffer"],
            now=timezone.now(),
        )
        shown = [{"starts_at": start, "ends_at": end} for start, end in slots]
        reply = {"host": host, "timezone": host.timezone, "minutes": minutes, "slots": shown}
        return Response(AvailabilitySerializer(reply).data)


class OfficeHoursViewSet(RecordedMixin, CrudViewSet):
    """When hosts can be booked, by their own clocks."""

    queryset = OfficeHours.objects.all()
    policy = OFFICE_HOURS
    serializer_class = OfficeHoursSerializer
    record_events = events.OFFICE_HOURS
    filterset_class = OfficeHoursFilter
    filter_backends = (FilterBackend, OrderingFilter)
    ordering_fields = ["created_at"]
    ordering = ["-created_at"]


@extend_schema(tags=["appointments"])
class CalendarLinkView(ApiView):
    """The secret link to one's own appointments, for calendars."""

    permission_classes = (IsSelfService,)

    @extend_schema(responses=CalendarLinkSerializer)
    def get(self, request: Request) -> Response:
        """Say whether there is a link; its address was told when it was made."""
        link = CalendarLink.objects.filter(user=self.caller).first()
        return Response({"is_on": link is not None, "created_at": link and link.created_at})

    @extend_schema(request=None, responses={201: NewCalendarLinkSerializer})
    def post(self, request: Request) -> Response:
        """Make a link, or another one in its place: the one before ends. The address is told this once."""
        link, token = calendars.link_make(user=self.caller)
        url = request.build_absolute_uri(f"{reverse('appointment-calendar')}?token={token}")
        data = {"is_on": True, "created_at": link.created_at, "url": url}
        return Response(NewCalendarLinkSerializer(data).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """End the link; without one nothing happens."""
        calendars.link_end(user=self.caller)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CalendarThrottle(WindowThrottle):
    """Looks at calendars from one address: programs look every few minutes, guesses are many."""

    scope = "calendar"

    def get_key(self, request: Request, caller: Caller) -> str | None:
        """The caller's address."""
        return self.get_ident(request)

    def get_rate(self, caller: Caller) -> str:
        """Enough for an office behind one address."""
        return "120/minute"


TOKEN = OpenApiParameter("token", str, required=True, description="As the link has it.")


@extend_schema(tags=["appointments"])
class CalendarView(ApiView):
    """One's appointments for calendars, by a secret link."""

    public = "the token of the link stands for its user, and only reads"
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (CalendarThrottle,)
    renderer_classes: tuple[type[BaseRenderer], ...] = (FileRenderer,)

    @extend_schema(parameters=[TOKEN], responses={(200, "text/calendar"): OpenApiTypes.STR}, filters=False)
    @refuses(calendars.CalendarLinkUnknown)
    def get(self, request: Request) -> HttpResponse:
        """Read the appointments as iCalendar (RFC 5545), of the last 90 days and to come; 304 when known."""
        body = calendars.calendar_of(calendars.user_by_token(request.query_params.get("token", "")))
        headers = {"ETag": etag_of(body), "Cache-Control": "private, no-cache"}
        known = request.headers.get("If-None-Match", "").split(",")
        if headers["ETag"] in {tag.strip().removeprefix("W/") for tag in known}:
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        return HttpResponse(body, content_type="text/calendar; charset=utf-8", headers=headers)
