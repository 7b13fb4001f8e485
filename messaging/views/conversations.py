"""Conversations and groups as their members see them, and what one has not read."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import CrudViewSet, ListMixin, ScopedViewSet
from messaging import selectors
from messaging.choices import ConversationKind
from messaging.filters import ConversationFilter, GroupFilter
from messaging.models import ChatGroup, Contact, Conversation
from messaging.permissions import CONTACTS, CONVERSATIONS, GROUPS
from messaging.serializers import (
    ChatContactSerializer,
    ConversationInputSerializer,
    ConversationSerializer,
    ConversationUpdateSerializer,
    GroupInputSerializer,
    GroupSerializer,
    MuteInputSerializer,
    ReadingStatusSerializer,
    ReadInputSerializer,
)
from messaging.services import conversations, members
from messaging.services.members import LastOwner


class ConversationsMixin:
    """What conversations and groups have in common."""

    search_fields = ["title"]
    ordering_fields = ["active_at"]
    ordering = ["-active_at"]

    def narrow(self: Any, queryset: Any) -> Any:
        """Each with what it is to the caller."""
        return selectors.seen_by(queryset, self.caller)

    def perform_update(self: Any, serializer: Any) -> None:
        """Change the title, and whether a group is open."""
        conversations.conversation_update(
            conversation=serializer.instance, actor=self.caller, **serializer.validated_data
        )

    def perform_destroy(self: Any, obj: Any) -> None:
        """Delete it, with all that was written in it."""
        conversations.conversation_delete(conversation=obj, actor=self.caller)


@extend_schema(tags=["chat"])
class ConversationViewSet(ConversationsMixin, CrudViewSet):
    """Conversations that one is in, the latest first."""

    queryset = Conversation.objects.all()
    policy = CONVERSATIONS
    serializer_class = ConversationSerializer
    serializer_classes = {
        "create": ConversationInputSerializer,
        "update": ConversationUpdateSerializer,
        "read": ReadInputSerializer,
        "mute": MuteInputSerializer,
    }
    querysets = dict.fromkeys(["list", "retrieve"], selectors.with_latest)
    filterset_class = ConversationFilter

    @extend_schema(responses={200: ConversationSerializer, 201: ConversationSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Begin a conversation. A direct one with somebody is there once, and is returned (200) if it is."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        kind = data.pop("kind")
        with transaction.atomic():
            if kind == ConversationKind.DIRECT:
                [other] = data["members"]
                conversation, is_new = conversations.direct_start(actor=self.caller, other=other)
                if not is_new:
                    return self.detail_response(conversation.pk)
            else:
                conversation = conversations.conversation_start(actor=self.caller, **data)
            return self.created_response(conversation.pk)

    @extend_schema(request=ReadInputSerializer, responses=ConversationSerializer)
    @action(detail=True, methods=["post"])
    def read(self, request: Request, pk: int) -> Response:
        """Note how far one has read; it never goes back. The others' sockets are told."""
        conversation = self.get_object()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            conversations.conversation_read(
                conversation=conversation, reader=self.caller, **serializer.validated_data
            )
            return self.detail_response(pk)

    @extend_schema(request=MuteInputSerializer, responses=ConversationSerializer)
    @action(detail=True, methods=["post"])
    def mute(self, request: Request, pk: int) -> Response:
        """Be notified of messages here no more, or again. They can be read all the same."""
        conversation = self.get_object()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            conversations.conversation_mute(
                conversation=conversation, user=self.caller, **serializer.validated_data
            )
            return self.detail_response(pk)

    @extend_schema(responses=ReadingStatusSerializer)
    def status(self, request: Request) -> Response:
        """How many messages one has not read, all in all and in each conversation that has some."""
        found = selectors.unread(self.caller)
        total = sum(one["unread_count"] for one in found)
        return Response({"unread_count": total, "conversations": found})


@extend_schema(tags=["chat"])
class GroupViewSet(ConversationsMixin, CrudViewSet):
    """Groups that one is in, and for the lender's staff those that are open."""

    queryset = ChatGroup.objects.all()
    policy = GROUPS
    serializer_class = GroupSerializer
    serializer_classes = {"create": GroupInputSerializer, "update": ConversationUpdateSerializer}
    filterset_class = GroupFilter

    def perform_create(self, serializer: Any) -> Conversation:
        """Make a group; those in it are told."""
        return conversations.conversation_start(actor=self.caller, **serializer.validated_data)

    @extend_schema(request=None, responses=GroupSerializer)
    @action(detail=True, methods=["post"])
    def join(self, request: Request, pk: int) -> Response:
        """Enter an open group; whoever is in it stays as they are."""
        members.group_join(conversation=self.get_object(), user=self.caller)
        return self.detail_response(pk)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"])
    @refuses(LastOwner)
    def leave(self, request: Request, pk: int) -> Response:
        """Leave a group. Its last owner makes somebody else one first, or deletes it."""
        members.conversation_leave(conversation=self.get_object(), user=self.caller)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["chat"])
class ContactViewSet(ListMixin, ScopedViewSet):
    """Whom one may begin to write to."""

    queryset = Contact.objects.all()
    policy = CONTACTS
    serializer_class = ChatContactSerializer
    search_fields = ["email", "first_name", "last_name"]
    ordering_fields = ["last_name"]
    ordering = ["last_name"]
