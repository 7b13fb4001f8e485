"""What sockets say: a model for each message, and the table of all sockets with theirs.

A consumer names the models of what it takes (`receives`) and of what it says (`sends`). What a client sends
is checked by its model before a handler sees it; what the server sends is checked in the tests. The AsyncAPI
document and the TypeScript types are made from the same models, so none of them can say anything else.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, get_args

from django.urls.resolvers import RoutePattern
from pydantic import BaseModel, ConfigDict, Field, ValidationError

# Ids and numbers of rows, as JSON carries them.
Id = Annotated[int, Field(gt=0, lt=2**63)]

CLOSE_CODES = {
    4401: "no token in time, a bad or expired one, or the session or account has ended",
    4403: "not your address, or a token of somebody else",
    4408: "no message for 90 seconds",
    4429: "more than 60 messages in 10 seconds",
    1009: "a message of more than 1 MiB",
    1012: "the server restarts; connect again",
}


class Message(BaseModel):
    """One kind of message; the member that tells kinds apart is a `Literal` with its name."""

    discriminator: ClassVar[str] = "type"

    @classmethod
    def name(cls) -> str:
        """The value of `type`, or of what another protocol has for it."""
        (name,) = get_args(cls.model_fields[cls.discriminator].annotation)
        return str(name)


class FromClient(Message):
    """A message that clients send; members that it does not know are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)


class ToClient(Message):
    """A message that the server sends. It says no more than the model, but may say more one day."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Authenticate(FromClient):
    """Log in by the first message, or renew the login before its token expires."""

    type: Literal["authenticate"]
    token: str = Field(description="An access token.")


class Heartbeat(FromClient):
    """Say that the client is there; send one at least every 90 seconds."""

    type: Literal["heartbeat"]


class HeartbeatResponse(ToClient):
    """The answer to `heartbeat`."""

    type: Literal["heartbeat_response"]


class SocketError(ToClient):
    """A message could not be taken; the socket stays open."""

    type: Literal["error"]
    code: str = Field(
        description="`malformed`, `unknown_type`, `invalid`, `too_large`, or one of the socket's own."
    )
    detail: str


# Every socket understands and says these.
COMMON_UP: tuple[type[FromClient], ...] = (Authenticate, Heartbeat)
COMMON_DOWN: tuple[type[ToClient], ...] = (HeartbeatResponse, SocketError)


def problem_with(model: type[FromClient], message: dict[str, Any]) -> str | None:
    """What is wrong with a message, in words for the client's developer; None when it is good."""
    try:
        model.model_validate(message)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{model.name()}: {place}: {first['msg']}."
    return None


@dataclass(frozen=True)
class Socket:
    """One address: who serves it, and with which messages."""

    name: str
    address: str
    consumer: Any
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def up(self) -> tuple[type[FromClient], ...]:
        """What clients may send."""
        return (*(COMMON_UP if self.consumer.has_login else ()), *self.consumer.receives)

    @property
    def down(self) -> tuple[type[ToClient], ...]:
        """What the server may send."""
        return (*(COMMON_DOWN if self.consumer.has_login else ()), *self.consumer.sends)

    def gaps(self) -> list[str]:
        """What the consumer does and does not describe: empty when every message has a model."""
        # Those with a `*` are known by how they begin.
        described = {model.name() for model in self.consumer.receives if "*" not in model.name()}
        unmodelled = sorted({*self.consumer.handlers} - described)
        unhandled = sorted(described - {*self.consumer.handlers})
        models = (*self.up, *self.down)
        where = f"{self.consumer.__name__} ({self.address})"
        return [
            f"{where}: {gap}"
            for gap in [
                *(f"handles {name!r}, but `receives` has no model for it" for name in unmodelled),
                *(
                    f"`receives` has a model of {name!r}, but `handlers` does not take it"
                    for name in unhandled
                ),
                *([] if self.consumer.sends else ["`sends` names no message"]),
                *(f"{model.__name__} has no docstring" for model in models if not vars(model)["__doc__"]),
            ]
        ]


class Undescribed(Exception):
    """The server sent what no model of its socket describes."""


def check_sent(consumer: Any, text: str | bytes) -> None:
    """Hold a message that was sent against the consumer's models.

    Raises:
        Undescribed: it has a type, a member or a value that the models do not know.
    """
    found: dict[str, str] = {}
    for model in Socket("", "", consumer).down:
        try:
            model.model_validate_json(text)
        except ValidationError as error:
            found[model.name()] = str(error)
        else:
            return
    raise Undescribed(f"{consumer.__name__} sent {text!r}: {found}")


_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


def sockets(urlpatterns: Iterable[Any]) -> Iterator[Socket]:
    """The sockets of `path()` routes, in their order; others (the refusal of unknown addresses) are none."""
    for entry in urlpatterns:
        consumer = getattr(entry.callback, "consumer_class", None)
        if consumer is None:
            continue
        assert isinstance(entry.pattern, RoutePattern), f"{entry.pattern}: make it by path()"
        assert entry.name, f"{entry.pattern}: the route of a socket has a name"
        route = str(entry.pattern)
        yield Socket(
            name=entry.name,
            address="/" + _PARAMETER.sub(r"{\2}", route),
            consumer=consumer,
            parameters={name: kind or "str" for kind, name in _PARAMETER.findall(route)},
        )
