"""What is said on `/ws/chat/{conversation_id}/`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from crm_backend.common.sockets import FromClient, Id, ToClient

Number = Annotated[int, Field(ge=0, lt=2**63)]
# PostgreSQL keeps no NUL.
Body = Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")]
ClientId = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ChatPerson(_Part):
    """A user, as far as a member may know."""

    id: Id
    name: str


class ChatAttachment(_Part):
    """A document that a message shows."""

    document: Id


class ChatMessageBody(_Part):
    """A message, as `GET /api/chat/conversations/{id}/messages/{id}/` gives it."""

    id: Id
    conversation: Id
    number: Id
    change: Id
    author: ChatPerson
    body: str
    reply_to: Id | None
    attachments: list[ChatAttachment]
    client_id: str
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None


class SendMessage(FromClient):
    """Send a message. It comes back as `message` like everybody's, with the same `client_id`."""

    type: Literal["message.send"]
    body: Body = ""
    reply_to: Id | None = None
    attachments: list[Id] = Field(default=[], max_length=100)
    client_id: ClientId = ""


class EditMessage(FromClient):
    """Write one's own message anew."""

    type: Literal["message.edit"]
    id: Id
    body: Body


class DeleteMessage(FromClient):
    """Delete one's own message, or another's where one runs the conversation."""

    type: Literal["message.delete"]
    id: Id


class Typing(FromClient):
    """Say that one is writing; the others are told, and nothing is kept."""

    type: Literal["typing"]


class ReadUpTo(FromClient):
    """Say how far one has read; all of it without a number."""

    type: Literal["read"]
    number: Number | None = None


class ChatResume(FromClient):
    """Ask for all that was sent, edited or deleted after a change that one knows."""

    type: Literal["resume"]
    last_change: Number


class ChatConnected(ToClient):
    """The login is good, and one is a member. `last_change` counts sending, editing and deleting."""

    type: Literal["connected"]
    conversation: Id
    last_number: Number
    last_change: Number
    last_read_number: Number


class ChatMessage(ToClient):
    """A message was sent, edited or deleted: as it is now. One with a known id takes the place of that."""

    type: Literal["message"]
    change: Id
    message: ChatMessageBody


class ChatTyping(ToClient):
    """A member is writing."""

    type: Literal["typing"]
    user: ChatPerson


class ChatRead(ToClient):
    """A member has read up to a message."""

    type: Literal["read"]
    user_id: Id
    number: Number
