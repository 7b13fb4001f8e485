"""Filters of the audit log."""

import django_filters

from crm_backend.common.filters import DayFilter, FilterSet, IdFilter
from events.models import Event


class AuditLogFilter(FilterSet):
    """By actor, API key (its prefix), action, subject and date (inclusive, UTC)."""

    actor = IdFilter(field_name="actor_id")
    api_key = django_filters.CharFilter()
    action = django_filters.CharFilter(field_name="type")
    subject_type = django_filters.CharFilter()
    subject_id = IdFilter()
    application_id = IdFilter()
    date_from = DayFilter(field_name="occurred_at", lookup_expr="gte")
    date_to = DayFilter(field_name="occurred_at", lookup_expr="lte")

    class Meta:
        model = Event
        fields: list[str] = []
