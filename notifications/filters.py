"""Filters of notifications."""

from typing import Any

from django.db.models import QuerySet

from crm_backend.common.filters import BooleanFilter, DayFilter, FilterSet
from notifications.models import Notification


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
