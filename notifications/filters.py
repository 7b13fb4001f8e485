"""Filters of notifications, reminders, alerts and the mail log."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from crm_backend.common.filters import BooleanFilter, DayFilter, EnumFilter, FilterSet, IdFilter
from notifications.choices import (
    AlertSource,
    AlertStatus,
    MailKind,
    MailStatus,
    Priority,
    RecipientType,
    ReminderStatus,
)
from notifications.models import Alert, Notification, OutgoingMail, Reminder


class NotificationFilter(FilterSet):
    """By type, read or not, and date (inclusive, UTC)."""

    is_read = BooleanFilter(method="filter_read")
    date_from = DayFilter(field_name="created_at", lookup_expr="gte")
    date_to = DayFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = Notification
        fields = ["notification_type"]

    def filter_read(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: the read ones; `false`: the unread."""
        return queryset.filter(read_at__isnull=not value)


class ReminderFilter(FilterSet):
    """By state, kind of recipient and day of sending (inclusive, UTC)."""

    status = EnumFilter(choices=ReminderStatus.choices)
    recipient_type = EnumFilter(choices=RecipientType.choices)
    date_from = DayFilter(field_name="send_datetime", lookup_expr="gte")
    date_to = DayFilter(field_name="send_datetime", lookup_expr="lte")

    class Meta:
        model = Reminder
        fields: list[str] = []


class AlertFilter(FilterSet):
    """By state, priority, source, who is to see to it, and day (inclusive, UTC)."""

    status = EnumFilter(choices=AlertStatus.choices)
    priority = EnumFilter(choices=Priority.choices)
    source = EnumFilter(choices=AlertSource.choices)
    assigned_to = IdFilter(field_name="assigned_to")
    date_from = DayFilter(field_name="created_at", lookup_expr="gte")
    date_to = DayFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = Alert
        fields: list[str] = []


class MailLogFilter(FilterSet):
    """By state, kind, address, user and day (inclusive, UTC)."""

    status = EnumFilter(choices=MailStatus.choices)
    kind = EnumFilter(choices=MailKind.choices)
    address = django_filters.CharFilter()
    user = IdFilter(field_name="user")
    date_from = DayFilter(field_name="created_at", lookup_expr="gte")
    date_to = DayFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = OutgoingMail
        fields: list[str] = []
