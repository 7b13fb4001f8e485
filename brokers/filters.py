"""Filters of brokers, partnerships and of the lender's team."""

from brokers.choices import PartnerKind, PartnershipStatus
from brokers.models import Broker, Partnership
from crm_backend.common.australia import State
from crm_backend.common.filters import BooleanFilter, EnumFilter, FilterSet, IdFilter
from users.filters import AccountFilter
from users.models import User


class BrokerFilter(FilterSet):
    """By branch, the branch's state, whether they are at work, and whether they can log in."""

    state = EnumFilter(field_name="branch__state", choices=State.choices)
    has_login = BooleanFilter(field_name="user", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Broker
        fields = ["branch", "is_active"]


class PartnershipFilter(FilterSet):
    """By kind, status, branch and owner."""

    kind = EnumFilter(choices=PartnerKind.choices)
    status = EnumFilter(choices=PartnershipStatus.choices)
    branch = IdFilter(field_name="branch_id")
    owner = IdFilter(field_name="owner_id")

    class Meta:
        model = Partnership
        fields: list[str] = []


class TeamFilter(AccountFilter):
    """By branch, role, and whether they may log in."""

    branch = IdFilter(field_name="bdm__branch_id")

    class Meta:
        model = User
        fields = ["role"]
