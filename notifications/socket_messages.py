"""What is said on `/ws/notifications/`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from crm_backend.common.sockets import FromClient, Id, ToClient
from notifications.choices import NotificationType

Seq = Annotated[int, Field(ge=0, lt=2**63, description="A number among the notifications of the user.")]


class NotificationBody(BaseModel):
    """A notification, as `GET /api/users/notifications/{id}/` gives it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Id
    seq: Seq
    notification_type: NotificationType
    notification_type_display: str
    event_type: str
    title: str
    body: str
    application_id: Id | None
    subject_type: str
    subject_id: Id
    is_read: bool
    read_at: datetime | None
    created_at: datetime


class GetUnreadCount(FromClient):
    """Ask for `unread_count`."""

    type: Literal["get_unread_count"]


class MarkRead(FromClient):
    """Mark notifications read; `notification_read` goes to all sockets of the user."""

    type: Literal["mark_read"]
    ids: list[Id]


class Resume(FromClient):
    """Ask for everything after a number that this socket has not been sent."""

    type: Literal["resume"]
    last_seq: Seq


class Connected(ToClient):
    """The login is good; `last_seq` is the number of the latest notification."""

    type: Literal["connected"]
    user_id: Id
    last_seq: Seq


class UnreadCount(ToClient):
    """How many are unread: after `connected`, on request, and whenever it changes."""

    type: Literal["unread_count"]
    count: int = Field(ge=0)


class NotificationMessage(ToClient):
    """A notification, live or as replay after `resume`."""

    type: Literal["notification"]
    seq: Seq
    notification: NotificationBody


class NotificationRead(ToClient):
    """Some were read, here or elsewhere."""

    type: Literal["notification_read"]
    ids: list[Id]
