"""WebSockets: who is calling, for how long, and how fast.

`TokenAuthMiddleware` finds the token and puts the user in the scope; `AuthenticatedConsumer` is the base
of every socket of this project. Close codes and messages: `docs/realtime.md`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar
from urllib.parse import parse_qs

import orjson
import structlog
from redis.exceptions import RedisError

from crm_backend.common.consumers import Consumer, is_over
from crm_backend.common.sockets import CLOSE_CODES, COMMON_UP, problem_with
from crm_backend.common.threads import in_own_thread
from users.live import connection_name
from users.models import User
from users.rollcall import roll_call
from users.services.sessions import TokenNotValid, access_token_session

logger = structlog.get_logger(__name__)

UNAUTHENTICATED = 4401
NOT_YOURS = 4403
NO_HEARTBEAT = 4408
TOO_MANY_MESSAGES = 4429

AUTHENTICATION_DEADLINE = 5.0
HEARTBEAT_DEADLINE = 90.0
MESSAGES_PER_WINDOW = 60
WINDOW_SECONDS = 10.0
MAX_MESSAGE_BYTES = 64 * 1024

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[Any]]


class Login:
    """An authenticated caller: the user, the session, when the access token ends, and the token."""

    def __init__(self, user: User, session_id: str, expires_at: float, raw: str) -> None:
        self.user, self.session_id, self.expires_at, self.raw = user, session_id, expires_at, raw


@in_own_thread
def _login_by(raw: str) -> Login | None:
    try:
        session, token = access_token_session(raw)
    except TokenNotValid:
        return None
    return Login(session.user, str(session.pk), float(token["exp"]), raw)


async def login_by(raw: str) -> Login | None:
    """The caller that an access token names, or None when it is not good."""
    login: Login | None = await _login_by(raw)
    return login


class TokenAuthMiddleware:
    """Authenticate by `Sec-WebSocket-Protocol: bearer, <token>`, else by `?token=<token>`.

    `scope["login"]` is the `Login`, or None; `scope["token_given"]` tells a bad token from none.
    """

    def __init__(self, inner: Application) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> Any:
        """Handle one socket."""
        raw = self._token(scope)
        login = await login_by(raw) if raw else None
        scope = {
            **scope,
            "token_given": bool(raw),
            "login": login,
            "user": login.user if login else None,
        }
        return await self.inner(scope, receive, send)

    @staticmethod
    def _token(scope: Scope) -> str:
        protocols = scope.get("subprotocols") or []
        if len(protocols) >= 2 and protocols[0].lower() == "bearer":
            return str(protocols[1])
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        return query.get("token", [""])[0]


class AuthenticatedConsumer(Consumer):
    """A socket of one user, JSON both ways.

    A refused caller is accepted and then closed, because browsers hide the close code of a socket that
    was never open. Subclasses declare `handlers` (message type → coroutine method name), the models of the
    messages that they take and send, and `ready`.
    """

    has_login = True
    close_codes: ClassVar[dict[int, str]] = CLOSE_CODES

    login: Login | None = None

    # --- life of the socket ---------------------------------------------------------------------

    async def connect(self) -> None:
        """Accept, then authenticate by what the handshake carried or wait for the first message."""
        self.timers: dict[str, asyncio.TimerHandle | asyncio.Task[None]] = {}
        self.recent: deque[float] = deque(maxlen=MESSAGES_PER_WINDOW)
        offered = self.scope.get("subprotocols") or []
        await self.accept(subprotocol=offered[0] if offered and offered[0].lower() == "bearer" else None)
        if self.scope["login"] is not None:
            await self._log_in(self.scope["login"])
        elif self.scope["token_given"]:
            await self.close(code=UNAUTHENTICATED)
        else:
            self._close_after("authentication", AUTHENTICATION_DEADLINE, UNAUTHENTICATED)

    async def disconnect(self, code: int) -> None:
        """Leave the groups and the roll call, and stop the timers."""
        for timer in self.timers.values():
            timer.cancel()
        login, self.login = self.login, None
        if login is None:
            return
        await roll_call().leave(login.user.pk, self._connection_name(login))
        try:
            await self.leave_groups(login.user)
        except (RedisError, OSError) as error:
            # The group is left in this process all the same.
            logger.warning("socket.leave_failed", error=type(error).__name__)

    async def leave_groups(self, user: User) -> None:
        """Leave every group that was joined."""
        await self.channel_layer.group_discard(user_group(user.pk), self.channel_name)

    def _connection_name(self, login: Login) -> str:
        return connection_name(login.session_id, self.channel_name)

    async def ready(self) -> None:
        """Called once the caller is known and the user's group is joined."""

    def may_open(self, user: User) -> bool:
        """Whether this socket is the user's to open; checked before any group is joined."""
        return True

    async def _log_in(self, login: Login) -> None:
        known = self.login
        if not self.may_open(login.user) or (known and known.user.pk != login.user.pk):
            await self.close(code=NOT_YOURS)
            return
        self.login = login
        self._cancel("authentication")
        self._close_after("expiry", max(0.0, login.expires_at - time.time()), UNAUTHENTICATED)
        if known is None:
            self._expect_heartbeat()
            await self.channel_layer.group_add(user_group(login.user.pk), self.channel_name)
            # Whatever ended the login before the group was joined was not told to this socket.
            if await self._still_good():
                await roll_call().join(login.user.pk, self._connection_name(login))
                await self.ready()

    # --- messages from the client ---------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Check, then hand one message to its handler; a bad one is answered, the socket stays open."""
        if self.closing:
            return
        if is_over(self.recent, WINDOW_SECONDS):
            await self.close(code=TOO_MANY_MESSAGES)
            return
        raw = text_data if text_data is not None else (bytes_data or b"")
        if len(raw) > MAX_MESSAGE_BYTES:
            await self.send_error("too_large", f"A message may have {MAX_MESSAGE_BYTES} bytes at most.")
            return
        try:
            message = orjson.loads(raw)
        except orjson.JSONDecodeError:
            await self.send_error("malformed", "This is not JSON.")
            return
        if not isinstance(message, dict):
            await self.send_error("malformed", "A message is an object with a type.")
            return
        if message.get("type") == "authenticate":
            await self._authenticate(message)
        elif self.login is None:
            await self.close(code=UNAUTHENTICATED)
        else:
            self._expect_heartbeat()
            await self._handle(message)

    async def _authenticate(self, message: dict[str, Any]) -> None:
        token = message.get("token")
        login = await login_by(token) if isinstance(token, str) else None
        if login is None:
            await self.close(code=UNAUTHENTICATED)
        else:
            await self._log_in(login)

    async def _handle(self, message: dict[str, Any]) -> None:
        if message.get("type") == "heartbeat":
            # The channel layer may have lost the news that the login has ended.
            if await self._still_good():
                await self.send_json({"type": "heartbeat_response"})
                await self.heartbeat()
            return
        kind = str(message.get("type"))
        name = self.handlers.get(kind)
        if name is None:
            known = ", ".join(sorted([*self.handlers, *(model.name() for model in COMMON_UP)]))
            await self.send_error("unknown_type", f"Unknown message type. Known: {known}.")
        elif problem := self._problem_with(kind, message):
            await self.send_error("invalid", problem)
        else:
            await getattr(self, name)(message)

    def _problem_with(self, kind: str, message: dict[str, Any]) -> str | None:
        model = next((model for model in self.receives if model.name() == kind), None)
        return problem_with(model, message) if model else None

    async def heartbeat(self) -> None:
        """Called after a heartbeat was answered."""

    # --- messages to the client -----------------------------------------------------------------

    async def send_json(self, message: dict[str, Any]) -> None:
        """Send one message."""
        await self.send(text_data=orjson.dumps(message).decode())

    async def send_error(self, code: str, detail: str) -> None:
        """Answer a message that could not be taken."""
        await self.send_json({"type": "error", "code": code, "detail": detail})

    async def auth_revoked(self, event: dict[str, Any]) -> None:
        """Logins of this user have ended: from the channel layer, `session_id` None for perhaps all.

        The token is looked at again, because this may arrive after a newer login has opened the socket.
        """
        if self.login and event["session_id"] in (None, self.login.session_id):
            await self._still_good()

    async def _still_good(self) -> bool:
        """Whether the login lasts; closes the socket when it does not."""
        assert self.login is not None
        if await login_by(self.login.raw) is None:
            await self.close(code=UNAUTHENTICATED)
            return False
        return True

    # --- timers ---------------------------------------------------------------------------------

    def _expect_heartbeat(self) -> None:
        self._close_after("heartbeat", HEARTBEAT_DEADLINE, NO_HEARTBEAT)

    def _close_after(self, name: str, seconds: float, code: int) -> None:
        def close() -> None:
            self.closed_late = asyncio.ensure_future(self.close(code=code))

        self._cancel(name)
        # No task that sleeps: there are two for each of thousands of sockets.
        self.timers[name] = asyncio.get_running_loop().call_later(seconds, close)

    def _cancel(self, name: str) -> None:
        if timer := self.timers.pop(name, None):
            timer.cancel()


def user_group(user_id: int) -> str:
    """The channel-layer group of all sockets of a user."""
    return f"user.{user_id}"
