"""What happens in conversations. Texts stay in them; the log says who wrote where, not what."""

from events.registry import Audience, Notify, Payload


class ConversationStarted(Payload):
    """Somebody began a conversation."""

    type = "conversation.started"
    summary = "{actor_name} began a conversation: {topic}."
    notify = Notify(
        "message",
        title="{actor_name} began a conversation",
        body="{actor_name} began a conversation with you: {topic}.",
        to="who was taken into it; of a direct one nobody, whose first message is told soon enough",
    )
    audience = Audience.STAFF

    kind: str
    topic: str
    actor_name: str


class ConversationUpdated(Payload):
    """A conversation was changed."""

    type = "conversation.updated"
    summary = "Conversation changed: {field_names}."
    silent = "its members see it where they write"
    audience = Audience.STAFF

    field_names: str


class ConversationDeleted(Payload):
    """A conversation was deleted with all that was written in it."""

    type = "conversation.deleted"
    summary = "Conversation deleted, with {messages} message(s)."
    silent = "there is nothing left to look at"
    audience = Audience.STAFF

    messages: int


class ConversationRead(Payload):
    """A member has read up to a message."""

    type = "conversation.read"
    summary = "Read up to message {number}."
    silent = "sockets show it; a notification for each reading would be noise"
    audience = Audience.STAFF

    user_id: int
    number: int


class MemberAdded(Payload):
    """Somebody was added to a conversation."""

    type = "conversation.member_added"
    summary = "{actor_name} added {member_name}."
    notify = Notify(
        "message",
        title="You were added to a conversation",
        body="{actor_name} added you to a conversation: {topic}.",
        to="who was added",
    )
    audience = Audience.STAFF

    topic: str
    actor_name: str
    user_id: int
    member_name: str


class MemberJoined(Payload):
    """Somebody joined an open group."""

    type = "conversation.member_joined"
    summary = "{member_name} joined."
    silent = "its members see who is in it"
    audience = Audience.STAFF

    user_id: int
    member_name: str


class MemberRemoved(Payload):
    """Somebody is no longer in a conversation: they left, or were removed."""

    type = "conversation.member_removed"
    summary = "{member_name} is no longer in the conversation."
    silent = "their sockets are closed; nobody is told of others who left"
    audience = Audience.STAFF

    user_id: int
    member_name: str


class MemberRoleChanged(Payload):
    """A member may do more, or less, than before."""

    type = "conversation.member_role_changed"
    summary = "{member_name} is {role} now."
    silent = "members see who runs it"
    audience = Audience.STAFF

    user_id: int
    member_name: str
    role: str


class MessageSent(Payload):
    """Somebody wrote in a conversation."""

    type = "message.sent"
    summary = "{author_name} sent message {number}."
    notify = Notify(
        "message",
        title="Message from {author_name}",
        body="{author_name} wrote in a conversation: {topic}.",
        to="the other members who did not mute it, and still see the application that it is about",
    )
    audience = Audience.STAFF

    message_id: int
    number: int
    change: int
    topic: str
    author_name: str


class MessageEdited(Payload):
    """A message was edited by its author."""

    type = "message.edited"
    summary = "Message {number} edited."
    silent = "sockets show it in its place"
    audience = Audience.STAFF

    message_id: int
    number: int
    change: int


class MessageDeleted(Payload):
    """A message was deleted; its place is kept."""

    type = "message.deleted"
    summary = "Message {number} deleted."
    silent = "sockets show it in its place"
    audience = Audience.STAFF

    message_id: int
    number: int
    change: int
