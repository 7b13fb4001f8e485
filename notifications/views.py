"""Notifications, preferences, reminders, alerts and the mail log."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.permissions import IsSelfService
from crm_backend.common.read_engine.engine import answer_own
from crm_backend.common.schema_replies import refuses
from crm_backend.common.throttling import AuthThrottle
from crm_backend.common.viewsets import ApiView, CrudViewSet, DestroyMixin, ReadOnlyViewSet
from crm_backend.common.write_lane import express
from notifications import selectors
from notifications.filters import AlertFilter, MailLogFilter, NotificationFilter, ReminderFilter
from notifications.models import Alert, Notification, OutgoingMail, Reminder
from notifications.permissions import ALERTS, MAIL_LOG, NOTIFICATIONS, REMINDERS
from notifications.serializers import (
    AlertInputSerializer,
    AlertListSerializer,
    AlertSerializer,
    MailLogSerializer,
    MarkedSerializer,
    MarkReadSerializer,
    NotificationSerializer,
    PreferencesSerializer,
    ReminderInputSerializer,
    ReminderListSerializer,
    ReminderSerializer,
    ResolveSerializer,
    SomePreferencesSerializer,
    StopSerializer,
    UnreadCountSerializer,
)
from notifications.services import alerts, marks, reminders
from notifications.services.preferences import preferences_set, stop_mail
from notifications.unsubscribing import Stop, UnknownLink, stop_of


class NotificationViewSet(DestroyMixin, ReadOnlyViewSet):
    """One's own notifications."""

    queryset = Notification.objects.select_related("event")
    policy = NOTIFICATIONS
    is_derived = True
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilter
    search_fields = ["title", "body"]
    ordering_fields = ["created_at", "seq"]
    ordering = ["-seq"]

    def perform_destroy(self, obj: Any) -> None:
        """Delete it and tell the owner's sockets."""
        marks.notification_delete(notification=obj)

    @extend_schema(responses=UnreadCountSerializer, filters=False)
    @action(detail=False, url_path="unread-count", pagination_class=None)
    def unread_count(self, request: Request) -> Response:
        """Count the unread notifications."""
        return answer_own(self, _unread)

    @extend_schema(request=MarkReadSerializer, responses=MarkedSerializer)
    @action(detail=False, methods=["post"], url_path="mark-read")
    @express
    def mark_read(self, request: Request) -> Response:
        """Mark notifications read: those named, or all with an empty body."""
        serializer = MarkReadSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        one = data.get("notification_id")
        return self._marked([one] if one else data.get("notification_ids"))

    @extend_schema(request=None, responses=MarkedSerializer)
    @action(detail=True, methods=["post"], url_path="mark-read")
    def mark_one_read(self, request: Request, pk: int) -> Response:
        """Mark one notification read."""
        return self._marked([self.get_object().pk])

    def _marked(self, ids: list[int] | None) -> Response:
        marked = marks.notifications_mark_read(user=self.caller, ids=ids)
        return Response({"marked": marked.count, "unread_count": marked.unread})


def _unread(user_id: int) -> dict[str, int]:
    return {"unread_count": selectors.unread_count(user_id)}


class PreferencesView(ApiView):
    """What one wants to be told."""

    permission_classes = (IsSelfService,)

    @extend_schema(responses=PreferencesSerializer)
    def get(self, request: Request) -> Response:
        """Read one's choices, defaults filled in."""
        return Response(selectors.preferences(self.caller))

    @extend_schema(request=PreferencesSerializer, responses=PreferencesSerializer)
    def put(self, request: Request) -> Response:
        """Replace one's choices, naming every type and digest."""
        return self._set(PreferencesSerializer(data=request.data))

    @extend_schema(request=SomePreferencesSerializer(partial=True), responses=PreferencesSerializer)
    def patch(self, request: Request) -> Response:
        """Change some of one's choices."""
        return self._set(SomePreferencesSerializer(data=request.data, partial=True))

    def _set(self, serializer: PreferencesSerializer) -> Response:
        serializer.is_valid(raise_exception=True)
        preferences_set(user=self.caller, choices=serializer.validated_data)
        return Response(selectors.preferences(self.caller))


TOKEN = OpenApiParameter("token", str, required=True, description="As the link in the mail has it.")


@extend_schema(tags=["notifications"])
class UnsubscribeView(ApiView):
    """Stopping one kind of mail by the link in it, without a login (RFC 8058)."""

    public = "the token of the link was signed here and can do nothing but this"
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (AuthThrottle,)

    @extend_schema(parameters=[TOKEN], responses=StopSerializer, filters=False)
    @refuses(UnknownLink)
    def get(self, request: Request) -> Response:
        """Say what the link would stop; programs that look at links stop nothing by it."""
        return self._shown(self._stop())

    @extend_schema(parameters=[TOKEN], request=None, responses=StopSerializer)
    @refuses(UnknownLink)
    def post(self, request: Request) -> Response:
        """Stop this kind of mail; again does nothing more.

        Of the body nothing is read: mail programs send a form, of either type.
        """
        stop = self._stop()
        stop_mail(stop)
        return self._shown(stop)

    def _stop(self) -> Stop:
        return stop_of(self.request.query_params.get("token", ""))

    def _shown(self, stop: Stop) -> Response:
        shown = {
            "what": stop.what,
            "what_display": stop.label,
            "is_subscribed": selectors.is_subscribed(stop.user_id, stop.what),
        }
        return Response(StopSerializer(shown).data)


@extend_schema(tags=["reminders"])
class ReminderViewSet(CrudViewSet):
    """Mails that are written for later."""

    queryset = Reminder.objects.all()
    policy = REMINDERS
    serializer_class = ReminderSerializer
    serializer_classes = {
        "list": ReminderListSerializer,
        "create": ReminderInputSerializer,
        "update": ReminderInputSerializer,
    }
    querysets = dict.fromkeys(["list", "retrieve"], lambda rows: rows.select_related("created_by", "send_as"))
    filterset_class = ReminderFilter
    ordering_fields = ["send_datetime", "created_at"]
    ordering = ["-send_datetime"]

    def perform_create(self, serializer: Any) -> Reminder:
        """Keep it until its time comes."""
        return reminders.reminder_add(created_by=self.caller, **serializer.validated_data)

    @refuses(reminders.ReminderOver)
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Edit one that is still to come, unless `If-Match` shows that the caller read an older one."""
        return super().update(request, *args, **kwargs)

    def perform_update(self, serializer: Any) -> None:
        """Edit it."""
        reminders.reminder_update(
            reminder=serializer.instance, actor=self.caller, **serializer.validated_data
        )

    @refuses(reminders.ReminderOver)
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete one that is not on its way, unless `If-Match` shows that the caller read an older one."""
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, obj: Any) -> None:
        """Delete it."""
        reminders.reminder_delete(reminder=obj, actor=self.caller)


_PEOPLE = ("assigned_to", "created_by", "acknowledged_by", "resolved_by")


@extend_schema(tags=["alerts"])
class AlertViewSet(CrudViewSet):
    """What operators have to see to."""

    queryset = Alert.objects.all()
    policy = ALERTS
    serializer_class = AlertSerializer
    serializer_classes = {
        "list": AlertListSerializer,
        "create": AlertInputSerializer,
        "update": AlertInputSerializer,
    }
    querysets = {
        "list": lambda rows: rows.select_related("assigned_to", "created_by"),
        "retrieve": lambda rows: rows.select_related(*_PEOPLE),
    }
    filterset_class = AlertFilter
    ordering_fields = ["created_at"]
    ordering = ["-created_at"]

    def perform_create(self, serializer: Any) -> Alert:
        """Raise it, and tell whoever is to see to it."""
        return alerts.alert_raise(actor=self.caller, **serializer.validated_data)

    @refuses(alerts.AlertOver)
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Edit one that is not resolved, unless `If-Match` shows that the caller read an older one."""
        return super().update(request, *args, **kwargs)

    def perform_update(self, serializer: Any) -> None:
        """Edit it."""
        alerts.alert_update(alert=serializer.instance, actor=self.caller, **serializer.validated_data)

    def perform_destroy(self, obj: Any) -> None:
        """Delete it."""
        alerts.alert_delete(alert=obj, actor=self.caller)

    @extend_schema(request=None, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    @refuses(alerts.AlertOver)
    def acknowledge(self, request: Request, pk: int) -> Response:
        """Say that one sees to it."""
        with transaction.atomic():
            alerts.alert_acknowledge(alert=self.get_locked_object(), actor=self.caller)
            return self.detail_response(pk)

    @extend_schema(request=ResolveSerializer, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    @refuses(alerts.AlertOver)
    def resolve(self, request: Request, pk: int) -> Response:
        """Say that it is mended, and how; who raised it is told."""
        serializer = ResolveSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            alert = self.get_locked_object()
            alerts.alert_resolve(alert=alert, actor=self.caller, **serializer.validated_data)
            return self.detail_response(pk)


@extend_schema(tags=["notifications"])
class MailLogViewSet(ReadOnlyViewSet):
    """Every mail that somebody was owed, for administrators."""

    queryset = OutgoingMail.objects.select_related("event")
    policy = MAIL_LOG
    is_derived = True
    serializer_class = MailLogSerializer
    filterset_class = MailLogFilter
    ordering_fields = ["created_at"]
    ordering = ["-created_at"]
