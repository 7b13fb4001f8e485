"""Filters of the audit log."""

import django_filters

from crm_backend.common.filters import FilterSet, NumberFilter
from events.models import Event


class AuditLogFilter(FilterSet):
    """By actor, action, subject and date (inclusive, UTC)."""

    actor = NumberFilter(field_name="actor_id")
    action = django_filters.CharFilter(field_name="type")
    subject_type = django_filters.CharFilter()
    subject_id = NumberFilter()
    application_id = NumberFilter()
    date_from = django_filters.DateFilter(field_name="occurred_at", lookup_expr="date__gte")
    date_to = django_filters.DateFilter(field_name="occurred_at", lookup_expr="date__lte")

    class Meta:
        model = Event
        fields: list[str] = []
