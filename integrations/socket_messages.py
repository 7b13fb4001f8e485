"""What is said on `/app/{key}`: the messages of the Pusher protocol, version 7, as far as we speak it."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from crm_backend.common.sockets import FromClient, ToClient
from integrations.protocol import MAX_EVENT_NAME

Channel = Annotated[str, Field(description="`private-user-7`, `presence-team-3`, or a public one.")]
Json = Annotated[str, Field(description="JSON, as a text.")]


class GatewaySubscription(BaseModel):
    """Which channel, and for a guarded one what `POST /api/realtime/auth/` gave."""

    model_config = ConfigDict(extra="ignore", strict=True)

    channel: Channel
    auth: str | None = None
    channel_data: str | None = None


class GatewayFault(BaseModel):
    """What is wrong, and its code."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: int
    message: str


class GatewayPing(FromClient):
    """Ask whether the server is there; it answers `pusher:pong`."""

    discriminator: ClassVar[str] = "event"
    event: Literal["pusher:ping"]


class GatewayPong(FromClient):
    """The answer to the server's `pusher:ping`."""

    discriminator: ClassVar[str] = "event"
    event: Literal["pusher:pong"]


class GatewaySubscribe(FromClient):
    """Follow a channel."""

    discriminator: ClassVar[str] = "event"
    event: Literal["pusher:subscribe"]
    data: GatewaySubscription


class GatewayUnsubscribe(FromClient):
    """Follow a channel no more."""

    discriminator: ClassVar[str] = "event"
    event: Literal["pusher:unsubscribe"]
    data: GatewaySubscription


class GatewayClientEvent(FromClient):
    """A word to the others on a guarded channel that one follows."""

    discriminator: ClassVar[str] = "event"
    event: str = Field(pattern="^client-", max_length=MAX_EVENT_NAME)
    channel: Channel
    data: Any = None

    @classmethod
    def name(cls) -> str:
        """Whatever begins like this."""
        return "client-*"


class GatewayEstablished(ToClient):
    """The greeting; its data has `socket_id` and `activity_timeout`."""

    discriminator: ClassVar[str] = "event"
    event: Literal["pusher:connection_established"]
    data: Json


class GatewayPinged(ToClient):
    """The server asks whether the client is there."""

    discriminator: ClassVar[str] = "event"
    event: Literal["pusher:ping"]
    data: Json


class GatewayPonged(ToClient):
    """The answer to `pusher:ping`."""

    discriminator: ClassVar[str] = "event"
    event: Literal["pusher:pong"]
    data: Json


class GatewayError(ToClient):
    """Something was not taken; where the socket is closed, with the same code."""

    discriminator: ClassVar[str] = "event"
    event: Literal["pusher:error"]
    data: GatewayFault


class GatewaySubscribed(ToClient):
    """A channel is followed; of a presence channel the data has who is there."""

    discriminator: ClassVar[str] = "event"
    event: Literal["pusher_internal:subscription_succeeded"]
    channel: Channel
    data: Json


class GatewaySubscriptionError(ToClient):
    """A channel is not, or no longer, followed."""

    discriminator: ClassVar[str] = "event"
    event: Literal["pusher:subscription_error"]
    channel: Channel
    data: Json


class GatewayMemberAdded(ToClient):
    """Somebody came to a presence channel."""

    discriminator: ClassVar[str] = "event"
    event: Literal["pusher_internal:member_added"]
    channel: Channel
    data: Json


class GatewayMemberRemoved(ToClient):
    """Somebody left a presence channel."""

    discriminator: ClassVar[str] = "event"
    event: Literal["pusher_internal:member_removed"]
    channel: Channel
    data: Json


class GatewayEvent(ToClient):
    """What a channel carries: `notification`, the types of an application's events, what was triggered."""

    discriminator: ClassVar[str] = "event"
    event: str = Field(max_length=MAX_EVENT_NAME)
    channel: Channel
    data: Json
    user_id: str | None = Field(default=None, description="Who said it, on a presence channel.")

    @field_validator("event")
    @classmethod
    def _is_no_other(cls, event: str) -> str:
        if event.startswith(("pusher:", "pusher_internal:")):
            raise ValueError("this is the protocol's own")
        return event

    @classmethod
    def name(cls) -> str:
        """Whatever is none of the protocol's own."""
        return "*"
