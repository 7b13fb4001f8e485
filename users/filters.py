"""Filters of users."""

from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from crm_backend.common.filters import BooleanFilter, FilterSet, IdFilter, MomentFilter
from users.choices import AccountStatus
from users.models import ApiKey, Session, User


class AccountFilter(FilterSet):
    """By whether an account may log in."""

    is_active = BooleanFilter(method="filter_active")

    class Meta:
        model = User
        fields: list[str] = []

    def filter_active(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: those who may log in; `false`: the others."""
        if value:
            return queryset.filter(status=AccountStatus.ACTIVE)
        return queryset.exclude(status=AccountStatus.ACTIVE)


class UserFilter(AccountFilter):
    """By role, status, whether they may log in, branch, last login, and date of creation.

    `after` includes the moment itself, `before` does not.
    """

    branch = IdFilter(method="filter_branch")
    last_login_after = MomentFilter(field_name="last_login", lookup_expr="gte")
    last_login_before = MomentFilter(field_name="last_login", lookup_expr="lt")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = User
        fields = ["role", "status"]

    def filter_branch(self, queryset: QuerySet[Any], name: str, value: int) -> QuerySet[Any]:
        """The BDMs and brokers of a branch; subqueries of keys, so that its own indexes serve."""
        # The profiles belong to an app above this one; only the names of the relations are known here.
        bdms, brokers = (_profiles(name).filter(branch_id=value).values("user") for name in ("bdm", "broker"))
        return queryset.filter(Q(pk__in=bdms) | Q(pk__in=brokers))


def _profiles(relation: str) -> Any:
    model: Any = User._meta.get_field(relation).related_model
    return model._base_manager


class SessionFilter(FilterSet):
    """By whether they still last."""

    is_active = BooleanFilter(method="filter_active")

    class Meta:
        model = Session
        fields: list[str] = []

    def filter_active(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: those whose tokens are still good; `false`: the others."""
        lasting = Q(revoked_at=None, expires_at__gt=Now())
        return queryset.filter(lasting) if value else queryset.exclude(lasting)


class ApiKeyFilter(FilterSet):
    """By owner, and by whether they have expired."""

    user = IdFilter(field_name="user_id")
    is_expired = BooleanFilter(method="filter_expired")

    class Meta:
        model = ApiKey
        fields: list[str] = []

    def filter_expired(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """`true`: those whose end has passed; `false`: the others."""
        expired = Q(expires_at__lte=Now())
        return queryset.filter(expired) if value else queryset.filter(Q(expires_at=None) | ~expired)
