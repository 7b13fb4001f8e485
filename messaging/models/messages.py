"""Messages."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from crm_backend.common.scoping import ScopedQuerySet, through
from documents.models import Document
from messaging.models.conversations import Conversation
from users.choices import Role


class MessageQuerySet(ScopedQuerySet):
    """Messages follow their conversation."""

    scopes = dict.fromkeys(Role.values, through("conversation"))


class Message(models.Model):
    """What somebody wrote.

    `number` is its place in the conversation, from 1; `change` is the conversation's count when it was last
    sent, edited or deleted, so that "all with a greater one" is what somebody missed. A deleted one keeps its
    place and loses its words. `client_id` is the sender's own: the same one again is the same message.
    """

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    number = models.PositiveBigIntegerField()
    change = models.PositiveBigIntegerField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    body = models.TextField(max_length=10_000, blank=True)
    reply_to = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    client_id = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="message_number_once", fields=["conversation", "number"]),
            models.UniqueConstraint(name="message_change_once", fields=["conversation", "change"]),
            models.UniqueConstraint(
                name="message_sent_once",
                fields=["conversation", "author", "client_id"],
                condition=~Q(client_id=""),
            ),
            models.CheckConstraint(name="message_number_from_1", condition=Q(number__gte=1)),
            models.CheckConstraint(
                name="message_deleted_is_empty", condition=Q(deleted_at=None) | Q(body="")
            ),
        ]
        indexes = [
            models.Index(name="message_newest", fields=["created_at", "id"]),
            models.Index(name="message_of_author", fields=["author", "created_at", "id"]),
            GinIndex(OpClass(Upper("body"), "gin_trgm_ops"), name="message_search"),
        ]

    def __str__(self) -> str:
        return f"message {self.number} in conversation {self.conversation_id}"


class MessageAttachment(models.Model):
    """A document that a message shows; who reads the message needs the document's own permission for it."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attachments", db_index=False)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(name="attachment_once", fields=["message", "document"])]

    def __str__(self) -> str:
        return f"document {self.document_id} on message {self.message_id}"
