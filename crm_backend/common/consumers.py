"""The base of every socket: which messages it has, and a short way for those of the channel layer."""

import time
from collections import deque
from typing import Any, ClassVar

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer

from crm_backend.common.sockets import FromClient, ToClient


class Consumer(AsyncWebsocketConsumer):
    """A socket.

    Attributes:
        handlers: message type → the name of the coroutine method that takes it.
        receives, sends: the models of its messages.
        has_login: whether it speaks the common messages, with a login; else the protocol is another one's.
        close_codes: with which it closes, besides 1000.
        closing: whether it was closed; what still arrives is not handled any more.
    """

    handlers: ClassVar[dict[str, str]] = {}
    receives: ClassVar[tuple[type[FromClient], ...]] = ()
    sends: ClassVar[tuple[type[ToClient], ...]] = ()
    has_login: ClassVar[bool] = False
    close_codes: ClassVar[dict[int, str]] = {}

    closing = False

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close the socket."""
        self.closing = True
        await super().close(code=code, reason=reason)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Hand on a message; groups are told of more than each socket shows, a closing one of nothing.

        Channels would first look after old database connections, in a thread that all sockets share: most of
        what a message costs, and nothing here keeps a connection (`in_own_thread`).
        """
        is_over = self.closing and not message["type"].startswith("websocket.")
        handler = getattr(self, get_handler_name(message), None)
        if handler is not None and not is_over:
            await handler(message)


def is_over(times: deque[float], seconds: float) -> bool:
    """Whether one more, now, is more than the window has room for (`maxlen`); it is counted in any case."""
    now = time.monotonic()
    full = len(times) == times.maxlen and now - times[0] < seconds
    times.append(now)
    return full
