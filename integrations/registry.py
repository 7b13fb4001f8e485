"""The one list of channels that not everybody may follow.

An app declares its own in its `gateway_channels.py`::

    register(GuardedChannel("private-application-", "…", may_follow=sees_application))

So this app asks those above it without knowing them, as stages ask their guards
(docs/adr/0020-guards-from-above.md).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_MAX_ID = 2**63 - 1


@dataclass(frozen=True)
class GuardedChannel:
    """All channels of one prefix, each followed by the id of what it is about.

    Attributes:
        prefix: begins with `private-` or `presence-`, ends with a hyphen.
        carries: what is told there, in words.
        may_follow: whether an active user may, asked at the database each time.
    """

    prefix: str
    carries: str
    may_follow: Callable[[Any, int], bool]


REGISTRY: dict[str, GuardedChannel] = {}


def register(channel: GuardedChannel) -> None:
    """Add a prefix; apps do so in their `gateway_channels.py`."""
    if REGISTRY.setdefault(channel.prefix, channel) is not channel:
        raise ValueError(f"channels {channel.prefix!r} are declared twice")


def find(name: str) -> tuple[GuardedChannel, int] | None:
    """The declaration that a name falls under, and the id in it; None without one."""
    prefix, hyphen, number = name.rpartition("-")
    channel = REGISTRY.get(prefix + hyphen)
    if channel is None or not _NUMBER.fullmatch(number) or int(number) > _MAX_ID:
        return None
    return channel, int(number)
