"""What is said on `/ws/presence/`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from crm_backend.common.sockets import FromClient, Id, ToClient
from users.choices import PresenceStatus

WATCHED_AT_ONCE = 200


class WatchPresence(FromClient):
    """Watch these users instead of those before. Whom one may not see is left out."""

    type: Literal["watch"]
    ids: Annotated[list[Id], Field(max_length=WATCHED_AT_ONCE)]


class SetPresence(FromClient):
    """Say that the person at this login is away, or back; counts for all sockets of the login."""

    type: Literal["status"]
    status: Literal["online", "away"]


class PresenceConnected(ToClient):
    """The login is good."""

    type: Literal["connected"]
    user_id: Id


class Watching(ToClient):
    """The users that are watched from now on: after `watch`, and when one may not be seen any more."""

    type: Literal["watching"]
    ids: list[Id]


class PresenceChanged(ToClient):
    """Whether a watched user is there: after `watching`, and whenever it changes."""

    type: Literal["presence"]
    user_id: Id
    status: PresenceStatus
    last_seen_at: datetime | None = Field(description="UTC; while offline only, null for never.")
