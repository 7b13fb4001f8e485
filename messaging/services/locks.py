"""The order of locks: a conversation first, then what is in it."""

from typing import Any

from crm_backend.common.errors import NotAllowed
from messaging.models import Conversation, Member


def conversation_lock(conversation: Conversation) -> Conversation:
    """The row as it is now, locked for the transaction at hand.

    Raises:
        NotAllowed: it was deleted meanwhile.
    """
    found = Conversation.objects.select_related("application").filter(pk=conversation.pk).lock().first()
    if found is None:
        raise NotAllowed("This conversation is gone.")
    return found


def membership(conversation: Conversation, user: Any) -> Member:
    """A user's place in a locked conversation.

    Raises:
        NotAllowed: they are not, or no longer, in it.
    """
    found: Member | None = conversation.members.filter(user=user).first()
    if found is None:
        raise NotAllowed("You are not in this conversation.")
    return found
