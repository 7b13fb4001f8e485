"""Filters of conversations and messages."""

from crm_backend.common.filters import (
    BooleanFilter,
    DayFilter,
    EnumFilter,
    FilterSet,
    IdFilter,
    WholeFilter,
)
from messaging.choices import ConversationKind
from messaging.models import ChatGroup, Conversation, Message


class ConversationFilter(FilterSet):
    """Which of one's conversations."""

    kind = EnumFilter(choices=ConversationKind.choices)
    application = IdFilter(field_name="application")

    class Meta:
        model = Conversation
        fields: list[str] = []


class GroupFilter(FilterSet):
    """Which groups."""

    is_open = BooleanFilter()

    class Meta:
        model = ChatGroup
        fields: list[str] = []


class MessageFilter(FilterSet):
    """Which messages of a conversation. `changed_after` finds edited and deleted ones as well."""

    after = WholeFilter(field_name="number", lookup_expr="gt")
    before = WholeFilter(field_name="number", lookup_expr="lt")
    changed_after = WholeFilter(field_name="change", lookup_expr="gt")

    class Meta:
        model = Message
        fields: list[str] = []


class MessageSearchFilter(FilterSet):
    """Which messages of all of one's conversations."""

    conversation = IdFilter(field_name="conversation")
    author = IdFilter(field_name="author")
    application = IdFilter(field_name="conversation__application")
    date_from = DayFilter(field_name="created_at", lookup_expr="gte")
    date_to = DayFilter(field_name="created_at", lookup_expr="lte")

    class Meta:
        model = Message
        fields: list[str] = []
