"""Who is in a conversation."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import ChildMixin, CrudViewSet
from messaging.models import ChatGroup, Conversation, Member
from messaging.permissions import MEMBERS
from messaging.serializers import MemberInputSerializer, MemberRoleSerializer, MemberSerializer
from messaging.services import members
from messaging.services.locks import conversation_lock
from messaging.services.members import LastOwner


@extend_schema(tags=["chat"])
class MemberViewSet(ChildMixin, CrudViewSet):
    """Members of a conversation, in the order in which they came."""

    queryset = Member.objects.select_related("user")
    parent_model = Conversation
    parent_field = "conversation"
    policy = MEMBERS
    serializer_class = MemberSerializer
    serializer_classes = {"create": MemberInputSerializer, "update": MemberRoleSerializer}
    filter_backends = ()
    ordering = ["id"]

    def get_locked_object(self) -> Any:
        """The conversation is locked first, as whoever writes in it does."""
        conversation_lock(self.parent)
        return super().get_locked_object()

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take somebody in, who is told and reads what was written before. Who is in it stays as they are."""
        self.check_object_permissions(request, self.parent)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            member = members.member_add(
                conversation=self.parent, actor=self.caller, **serializer.validated_data
            )
            return self.created_response(member.pk)

    def perform_update(self, serializer: Any) -> None:
        """Let a member do more, or less."""
        member = serializer.instance
        role = serializer.validated_data.get("role", member.role)
        members.member_set_role(member=member, actor=self.caller, role=role)

    @refuses(LastOwner)
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let a member do more, or less. The last owner stays one."""
        return super().update(request, *args, **kwargs)

    @refuses(LastOwner)
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take a member out, or leave; their sockets here are closed. The last owner stays."""
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, obj: Any) -> None:
        """Take a member out, or leave."""
        members.member_remove(member=obj, actor=self.caller)


class GroupMemberViewSet(MemberViewSet):
    """Members of a group, for those who are in it."""

    parent_model = ChatGroup
