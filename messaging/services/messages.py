"""Sending, editing and deleting messages: what REST and sockets call alike."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm_backend.common.errors import Conflict, InvalidInput
from documents.models import Document
from events.services import emit
from messaging.events import MessageDeleted, MessageEdited, MessageSent
from messaging.models import Conversation, Message, MessageAttachment
from messaging.selectors import listeners_of, topic_of
from messaging.services.locks import conversation_lock, membership

GONE = "This message was deleted."


def message_send(
    *,
    conversation: Conversation,
    author: Any,
    body: str,
    reply_to: Message | None = None,
    attachments: Sequence[Document] = (),
    client_id: str = "",
) -> tuple[Message, bool]:
    """Write in a conversation; return the message, and whether it is new.

    A `client_id` that the author used here before is the same message: nothing is written, the first one is
    returned. Who writes has read all that was there.

    Raises:
        NotAllowed: the author is not in the conversation.
        InvalidInput: there is nothing in it, or it replies to a message of another conversation.
    """
    if not body and not attachments:
        raise InvalidInput.field("body", "Write something, or attach a document.")
    if reply_to is not None and reply_to.conversation_id != conversation.pk:
        raise InvalidInput.field("reply_to", "This message is in another conversation.")
    with transaction.atomic():
        locked = conversation_lock(conversation)
        member = membership(locked, author)
        if client_id and (sent := _sent_before(locked, author, client_id)):
            return sent, False
        message = Message.objects.create(
            conversation=locked,
            number=locked.last_number + 1,
            change=locked.last_change + 1,
            author_id=author.pk,
            body=body,
            reply_to=reply_to,
            client_id=client_id,
        )
        MessageAttachment.objects.bulk_create(
            MessageAttachment(message=message, document=document) for document in attachments
        )
        _count(locked, message)
        member.last_read_number, member.read_at = message.number, message.created_at
        member.save(update_fields=["last_read_number", "read_at"])
        payload = MessageSent(
            message_id=message.pk,
            number=message.number,
            change=message.change,
            topic=topic_of(locked),
            author_name=author.full_name,
        )
        emit(payload, actor=author, subject=locked, recipients=listeners_of(locked))
    return message, True


def message_edit(*, message: Message, actor: Any, body: str) -> Message:
    """Write a message anew; call it with conversation and message locked.

    Raises:
        Conflict: it was deleted.
    """
    if message.deleted_at is not None:
        raise Conflict(GONE)
    if not body and not message.attachments.exists():
        raise InvalidInput.field("body", "Write something.")
    if body == message.body:
        return message
    with transaction.atomic():
        message.body, message.edited_at = body, timezone.now()
        _change(message)
        payload = MessageEdited(message_id=message.pk, number=message.number, change=message.change)
        emit(payload, actor=actor, subject=message.conversation)
    return message


def message_delete(*, message: Message, actor: Any) -> Message:
    """Take its words and attachments away, and keep its place; call it with conversation and message locked.

    One that was deleted stays so.
    """
    if message.deleted_at is not None:
        return message
    with transaction.atomic():
        message.body, message.deleted_at = "", timezone.now()
        message.attachments.all().delete()
        _change(message)
        payload = MessageDeleted(message_id=message.pk, number=message.number, change=message.change)
        emit(payload, actor=actor, subject=message.conversation)
    return message


def _sent_before(conversation: Conversation, author: Any, client_id: str) -> Message | None:
    found: Message | None = Message.objects.filter(
        conversation=conversation, author=author.pk, client_id=client_id
    ).first()
    return found


def _count(conversation: Conversation, message: Message) -> None:
    """Give the next message the next numbers; the conversation is locked."""
    Conversation.objects.filter(pk=conversation.pk).update(
        last_number=message.number,
        last_change=message.change,
        last_message=message,
        active_at=message.created_at,
    )


def _change(message: Message) -> None:
    """Number a change of a message; its conversation is locked."""
    locked = conversation_lock(message.conversation)
    message.change = locked.last_change + 1
    message.save(update_fields=["body", "edited_at", "deleted_at", "change"])
    Conversation.objects.filter(pk=locked.pk).update(last_change=message.change)
