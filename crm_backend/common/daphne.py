"""What the web server lacks: telling its sockets that it stops, and waiting for slow clients.

On SIGTERM daphne cancels the applications and waits for the first of them only, and autobahn lets
applications close with 1000 and 3000-4999 only; so every socket would be cut, which clients see as 1006.
RFC 6455 and the IANA registry have 1012 (service restart) for this.
"""

import asyncio
import time
from typing import Any, ClassVar

from daphne import http_protocol
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import reactor as running_reactor
from twisted.internet.defer import Deferred

reactor: Any = running_reactor

SERVICE_RESTART = 1012
GOODBYE_SECONDS = 3.0
FULL_SECONDS = 0.01


class RestartingWebSocketProtocol(WebSocketProtocol):
    """A socket that is remembered while it is open."""

    open_sockets: ClassVar[set["RestartingWebSocketProtocol"]] = set()

    def onOpen(self) -> None:  # noqa: N802
        """Remember it."""
        self.open_sockets.add(self)
        super().onOpen()

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: N802, N803
        """Forget it."""
        self.open_sockets.discard(self)
        super().onClose(wasClean, code, reason)


def close_all() -> "Deferred[None]":
    """Close every socket with 1012; done when all clients have confirmed, or after a few seconds."""
    for socket in list(RestartingWebSocketProtocol.open_sockets):
        socket.sendCloseFrame(code=SERVICE_RESTART)
    done: Deferred[None] = Deferred()
    deadline = time.monotonic() + GOODBYE_SECONDS

    def look() -> None:
        if RestartingWebSocketProtocol.open_sockets and time.monotonic() < deadline:
            reactor.callLater(0.05, look)
        else:
            done.callback(None)

    look()
    return done


class UnparsedWebRequest(http_protocol.WebRequest):
    """A request whose form is the application's to read: twisted would read all files of it into memory."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._parsePOSTFormSubmission = False


def is_full(protocol: Any) -> bool:
    """Whether a connection has as much to send as it should hold."""
    return bool(getattr(getattr(protocol, "channel", None), "_waitingForTransport", False))


def install() -> None:
    """Have every socket of this process closed that way when the server stops, and replies sent at a pace.

    Daphne itself takes all that an application has to say at once: of a large file to a slow client it would
    hold the whole in memory.
    """
    WebSocketFactory.protocol = RestartingWebSocketProtocol
    http_protocol.WebRequest = UnparsedWebRequest
    handle_reply = Server.handle_reply

    async def paced(server: Server, protocol: Any, message: Any) -> None:
        await handle_reply(server, protocol, message)
        while message.get("more_body") and is_full(protocol):
            await asyncio.sleep(FULL_SECONDS)

    Server.handle_reply = paced
    reactor.addSystemEventTrigger("before", "shutdown", close_all)
