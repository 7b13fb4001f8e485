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


class _Up(FromClient):
    discriminator: ClassVar[str] = "event"


class _Down(ToClient):
    discriminator: ClassVar[str] = "event"


class GatewayPing(_Up):
    """Ask whether the server is there; it answers `pusher:pong`."""

    event: Literal["pusher:ping"]


class GatewayPong(_Up):
    """The answer to the server's `pusher:ping`."""

    event: Literal["pusher:pong"]


class GatewaySubscribe(_Up):
    """Follow a channel."""

    event: Literal["pusher:subscribe"]
    data: GatewaySubscription


class GatewayUnsubscribe(_Up):
    """Follow a channel no more."""

    event: Literal["pusher:unsubscribe"]
    data: GatewaySubscription


class GatewayClientEvent(_Up):
    """A word to the others on a guarded channel that one follows."""

    event: str = Field(pattern="^client-", max_length=MAX_EVENT_NAME)
    channel: Channel
    data: Any = None

    @classmethod
    def name(cls) -> str:
        """Whatever begins like this."""
        return "client-*"


class GatewayEstablished(_Down):
    """The greeting; its data has `socket_id` and `activity_timeout`."""

    event: Literal["pusher:connection_established"]
    data: Json


class GatewayPinged(_Down):
    """The server asks whether the client is there."""

    event: Literal["pusher:ping"]
    data: Json


class GatewayPonged(_Down):
    """The answer to `pusher:ping`."""

    event: Literal["pusher:pong"]
    data: Json


class GatewayError(_Down):
    """Something was not taken; where the socket is closed, with the same code."""

    event: Literal["pusher:error"]
    data: GatewayFault


class GatewaySubscribed(_Down):
    """A channel is followed; of a presence channel the data has who is there."""

    event: Literal["pusher_internal:subscription_succeeded"]
    channel: Channel
    data: Json


class GatewaySubscriptionError(_Down):
    """A channel is not, or no longer, followed."""

    event: Literal["pusher:subscription_error"]
    channel: Channel
    data: Json


class GatewayMemberAdded(_Down):
    """Somebody came to a presence channel."""

    event: Literal["pusher_internal:member_added"]
    channel: Channel
    data: Json


class GatewayMemberRemoved(_Down):
    """Somebody left a presence channel."""

    event: Literal["pusher_internal:member_removed"]
    channel: Channel
    data: Json


class GatewayEvent(_Down):
    """What a channel carries: `notification`, the types of an application's events, what was triggered."""

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
