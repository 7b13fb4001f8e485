"""Messages of a conversation, and of all that one is in."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.viewsets import ChildMixin, CrudViewSet, ListMixin, ScopedViewSet
from messaging import selectors
from messaging.filters import MessageFilter, MessageSearchFilter
from messaging.models import Conversation, Message
from messaging.permissions import MESSAGES
from messaging.serializers import ChatMessageSerializer, MessageEditSerializer, MessageInputSerializer
from messaging.services import messages
from messaging.services.locks import conversation_lock


@extend_schema(tags=["chat"])
class MessageViewSet(ChildMixin, CrudViewSet):
    """Messages of a conversation, the latest first.

    `?after=` a number gives what was sent since; `?changed_after=` a change also what was edited or deleted.
    """

    queryset = Message.objects.all()
    parent_model = Conversation
    parent_field = "conversation"
    policy = MESSAGES
    serializer_class = ChatMessageSerializer
    serializer_classes = {"create": MessageInputSerializer, "update": MessageEditSerializer}
    querysets = dict.fromkeys(["list", "retrieve"], selectors.for_reading)
    filterset_class = MessageFilter
    ordering_fields = ["number", "change"]
    ordering = ["-number"]

    def get_locked_object(self) -> Any:
        """The conversation is locked first, as whoever writes in it does."""
        conversation_lock(self.parent)
        return super().get_locked_object()

    @extend_schema(responses={200: ChatMessageSerializer, 201: ChatMessageSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send a message; the others are told. The same `client_id` again returns the first one (200)."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            message, is_new = messages.message_send(
                conversation=self.parent, author=self.caller, **{"body": "", **serializer.validated_data}
            )
            return self.created_response(message.pk) if is_new else self.detail_response(message.pk)

    def perform_update(self, serializer: Any) -> None:
        """Write it anew."""
        message = serializer.instance
        body = serializer.validated_data.get("body", message.body)
        messages.message_edit(message=message, actor=self.caller, body=body)

    def perform_destroy(self, obj: Any) -> None:
        """Take its words and attachments away; its place stays."""
        messages.message_delete(message=obj, actor=self.caller)


@extend_schema(tags=["chat"])
class MessageSearchViewSet(ListMixin, ScopedViewSet):
    """Messages of all one's conversations, the latest first."""

    queryset = Message.objects.all()
    policy = MESSAGES
    serializer_class = ChatMessageSerializer
    querysets = {"list": selectors.for_reading}
    filterset_class = MessageSearchFilter
    search_fields = ["body"]
    ordering_fields = ["created_at"]
    ordering = ["-created_at"]
