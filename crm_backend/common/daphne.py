"""What the web server lacks: telling its sockets that it stops, and bounds for slow and for greedy clients.

On SIGTERM daphne cancels the applications and waits for the first of them only, and autobahn lets
applications close with 1000 and 3000-4999 only; so every socket would be cut, which clients see as 1006.
RFC 6455 and the IANA registry have 1012 (service restart) for this.

It also keeps in memory whatever one side says faster than the other takes it, in both directions, without
end. Here a socket's application waits while its client does not read, a client that reads nothing for long is
cut (ADR 31), and one that sends more than the application takes is closed.
"""

import asyncio
import time
from typing import Any, ClassVar

import structlog
from daphne import http_protocol
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import reactor as running_reactor
from twisted.internet.defer import Deferred

reactor: Any = running_reactor
logger = structlog.get_logger(__name__)

SERVICE_RESTART = 1012
TOO_MANY_MESSAGES = 4429
GOODBYE_SECONDS = 3.0
FULL_SECONDS = 0.01
# How long a client may read nothing of what fills its connection's buffer (64 KiB here, more on the way).
UNREAD_SECONDS = 10.0
# Messages of a client that wait for the application. Consumers count them too, but only as they take them.
WAITING_MESSAGES = 100


class BoundedWebSocketProtocol(WebSocketProtocol):
    """A socket that is remembered while it is open, and keeps neither side's words without end."""

    muted: bool = False
    open_sockets: ClassVar[set["BoundedWebSocketProtocol"]] = set()

    def onConnect(self, request: Any) -> Any:  # noqa: N802
        """Be told when the connection's buffer is full."""
        self.drained = asyncio.Event()
        self.drained.set()
        # Until now the HTTP channel, which is done with this connection, was told of a full buffer.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        return super().onConnect(request)

    def onOpen(self) -> None:  # noqa: N802
        """Remember it."""
        self.open_sockets.add(self)
        super().onOpen()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        """Hand a message on, unless too many wait."""
        if self.application_queue.qsize() < WAITING_MESSAGES:
            super().onMessage(payload, isBinary)
        elif not self.muted:
            self.application_queue.put_nowait({"type": "websocket.disconnect", "code": TOO_MANY_MESSAGES})
            self.muted = True
            self.sendCloseFrame(code=TOO_MANY_MESSAGES)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: N802, N803
        """Forget it, and let go of whoever waits to send."""
        self.open_sockets.discard(self)
        self.drained.set()
        super().onClose(wasClean, code, reason)

    def _sendAutoPing(self) -> None:  # noqa: N802
        """Ask whether the client is there, unless it was asked and has not answered yet.

        Autobahn forgets the deadline of an older ping without calling it off, and would cut at it a client
        that a network held up for a while and that has answered since.
        """
        if self.autoPingTimeoutCall is None:
            super()._sendAutoPing()

    def onAutoPingTimeout(self) -> None:  # noqa: N802
        """It is not there."""
        logger.info("socket.cut", reason="no_pong", path=self.path.decode())
        super().onAutoPingTimeout()

    # --- what the connection tells its producer ---------------------------------------------------

    def pauseProducing(self) -> None:  # noqa: N802
        """The buffer is full."""
        self.drained.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        """The buffer is empty."""
        self.drained.set()

    def stopProducing(self) -> None:  # noqa: N802
        """The connection is gone."""
        self.drained.set()

    async def wait_until_drained(self) -> None:
        """Come back when the client has read what it was sent; cut it when it reads nothing for long."""
        try:
            async with asyncio.timeout(UNREAD_SECONDS):
                await self.drained.wait()
        except TimeoutError:
            logger.info("socket.cut", reason="unread", path=self.path.decode())
            self.transport.abortConnection()


def close_all() -> "Deferred[None]":
    """Close every socket with 1012; done when all clients have confirmed, or after a few seconds."""
    for socket in list(BoundedWebSocketProtocol.open_sockets):
        socket.sendCloseFrame(code=SERVICE_RESTART)
    done: Deferred[None] = Deferred()
    deadline = time.monotonic() + GOODBYE_SECONDS

    def look() -> None:
        if BoundedWebSocketProtocol.open_sockets and time.monotonic() < deadline:
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
    WebSocketFactory.protocol = BoundedWebSocketProtocol
    http_protocol.WebRequest = UnparsedWebRequest
    handle_reply = Server.handle_reply

    async def paced(server: Server, protocol: Any, message: Any) -> None:
        await handle_reply(server, protocol, message)
        if isinstance(protocol, BoundedWebSocketProtocol):
            await protocol.wait_until_drained()
        while message.get("more_body") and is_full(protocol):
            await asyncio.sleep(FULL_SECONDS)

    Server.handle_reply = paced
    reactor.addSystemEventTrigger("before", "shutdown", close_all)
