"""Filters of jobs."""

import django_filters

from crm_backend.common.filters import FilterSet
from jobs.models import Job


class JobFilter(FilterSet):
    """By status and kind."""

    kind = django_filters.CharFilter()

    class Meta:
        model = Job
        fields = ["status"]
