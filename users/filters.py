"""Filters of users."""

from typing import Any

from django.db.models import QuerySet

from crm_backend.common.filters import BooleanFilter, FilterSet
from users.choices import AccountStatus
from users.models import User


class UserFilter(FilterSet):
    """By role, status, or whether they may log in."""

    is_active = BooleanFilter(method="filter_active")

    class Meta:
        model = User
        fields = ["role", "status"]

    def filter_active(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: those who may log in; `false`: the others."""
        if value:
            return queryset.filter(status=AccountStatus.ACTIVE)
        return queryset.exclude(status=AccountStatus.ACTIVE)
