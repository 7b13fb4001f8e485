"""The Pusher protocol, version 7: names, codes and limits. `docs/gateway.md` says what we make of it."""

import re
from enum import IntEnum

PROTOCOL = "7"
# What the protocol's clients insist on; there is one installation, and no clusters of it.
CLUSTER = "main"

ACTIVITY_TIMEOUT = 120  # seconds without a word from the client, after which it is asked for one
PONG_TIMEOUT = 30  # seconds that it has for the answer
MAX_MESSAGE_BYTES = 32 * 1024
MAX_DATA_BYTES = 10 * 1024
MAX_SUBSCRIPTIONS = 100
MAX_EVENT_NAME = 200
CLIENT_EVENTS_PER_SECOND = 10
MESSAGES_PER_WINDOW, WINDOW_SECONDS = 300, 10.0

CHANNEL_PATTERN = r"^[A-Za-z0-9_=@,.;-]{1,164}$"
SOCKET_ID_PATTERN = r"^[0-9]{1,20}\.[0-9]{1,20}$"
# Names beginning like this are the protocol's own, or those of clients.
EVENT_PATTERN = r"^(?!pusher:|pusher_internal:|client-)[A-Za-z0-9 _=@,.;:/\\|-]{1,200}$"
_CHANNEL = re.compile(CHANNEL_PATTERN.removesuffix("$") + r"\Z")

CLIENT_EVENT = "client-"
PRIVATE, PRESENCE = "private-", "presence-"


class Code(IntEnum):
    """Codes of `pusher:error`.

    A socket closed with one below 4100 is not opened again, below 4200 later, below 4300 at once.
    """

    UNKNOWN_KEY = 4001
    BAD_VERSION = 4006
    UNSUPPORTED_VERSION = 4007
    NO_VERSION = 4008
    UNAUTHORISED = 4009
    OVER_CAPACITY = 4100
    NO_PONG = 4201
    REFUSED = 4300
    TOO_MANY_CLIENT_EVENTS = 4301


def is_channel(name: object) -> bool:
    """Whether this can be the name of a channel."""
    return isinstance(name, str) and _CHANNEL.match(name) is not None


def is_guarded(name: str) -> bool:
    """Whether not everybody may follow a channel."""
    return name.startswith((PRIVATE, PRESENCE))


def is_presence(name: str) -> bool:
    """Whether those who follow a channel see each other."""
    return name.startswith(PRESENCE)


def version_fault(asked: str | None) -> Code | None:
    """What is wrong with the version that a client speaks, None when nothing is."""
    if not asked:
        return Code.NO_VERSION
    if not (asked.isascii() and asked.isdigit()):
        return Code.BAD_VERSION
    return None if asked == PROTOCOL else Code.UNSUPPORTED_VERSION
