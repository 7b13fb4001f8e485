"""Filters of notifications."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from crm_backend.common.filters import FilterSet
from notifications.models import Notification


class NotificationFilter(FilterSet):
    """By type, read or not, and date (inclusive, UTC)."""

    is_read = django_filters.BooleanFilter(method="filter_read")
    date_from = django_filters.DateFilter(field_name="created_at", lookup_expr="date__gte")
    date_to = django_filters.DateFilter(field_name="created_at", lookup_expr="date__lte")

    class Meta:
        model = Notification
        fields = ["notification_type"]

    def filter_read(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: the read ones; `false`: the unread."""
        return queryset.filter(read_at__isnull=not value)
