"""Rows of messaging."""

from messaging.models.contacts import Contact
from messaging.models.conversations import ChatGroup, Conversation, Member
from messaging.models.messages import Message, MessageAttachment

__all__ = ["ChatGroup", "Contact", "Conversation", "Member", "Message", "MessageAttachment"]
