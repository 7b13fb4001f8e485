"""Names in the channel layer."""


def conversation_group(conversation_id: int) -> str:
    """The group of all sockets in a conversation."""
    return f"chat.{conversation_id}"
