"""A connection to Redis on which this process hears at once what was replaced, so that it need not ask.

Redis remembers which keys were read on it and says when one of them is written (client tracking), before the
writer has its reply. So what was read there is known until it is said to be void. Looking whether something
was said costs a system call, a thousandth of a millisecond; asking costs a round trip and the time of two
processes. Each request looks.

Two things make what is known not good any more: the connection ended, or no whole reply has come on it for
`TRUSTED_SECONDS`: a network that drops everything says nothing either. Then the next request asks, as it
would without all this. ADR 49 has the reasons.
"""

import select
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Any

import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError

logger = structlog.get_logger(__name__)

# How long after a whole reply silence means that nothing happened.
TRUSTED_SECONDS = 1.0
# Another thread holds the line for a round trip at most; who waits longer asks on a connection of their own.
PATIENCE_SECONDS = 0.005
# So many tokens and counters are known; who asks for more at once begins anew.
MOST = 10_000


class _Held:
    """A lock that is waited for only so long: a context that says whether it is held."""

    def __init__(self, lock: Lock) -> None:
        self._lock, self._is_held = lock, False

    def __enter__(self) -> bool:
        self._is_held = self._lock.acquire(blocking=False) or self._lock.acquire(timeout=PATIENCE_SECONDS)
        return self._is_held

    def __exit__(self, *error: object) -> None:
        if self._is_held:
            self._lock.release()


class Line:
    """The connection, and what was heard on it. All but `held` is for whoever holds it.

    Attributes:
        tokens: by key, what it holds.
        numbers: by key of a counter, the next number that is taken and not used yet, and the last one.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self.tokens: dict[str, str] = {}
        self.numbers: dict[str, tuple[int, int]] = {}
        self.leave()

    def leave(self) -> None:
        """Begin anew, without a word to the server: in a child of the process the parent reads on from it."""
        self._lock = Lock()
        self._connection: Any = None
        self._poll: Any = None
        self._heard = float("-inf")
        self._is_refused = False
        self._forget()

    def held(self) -> "_Held":
        """Hold the line; False where another thread does not let go of it."""
        return _Held(self._lock)

    def is_current(self) -> bool:
        """Whether all that is known is so at this moment."""
        if self._connection is None or monotonic() - self._heard > TRUSTED_SECONDS:
            return False
        if self._poll.poll(0):
            try:
                self._listen()
            except (RedisError, OSError):
                self.lose()
        return self._connection is not None

    def is_open(self) -> bool:
        """Whether there is a connection, made now if need be; False where the server tells nobody of changes.

        Raises:
            RedisError: Redis does not answer.
        """
        if self._connection is None and not self._is_refused:
            self._open()
        return self._connection is not None

    def ask(self, *command: Any) -> Any:
        """One command on the open line; what it reads is told of when it changes.

        Raises:
            RedisError: Redis does not answer, or not well.
        """
        try:
            return self._asked(command)
        except RedisConnectionError:
            # It was left by a server that has gone since; the one that is there now counts.
            if not self.is_open():
                raise
            return self._asked(command)

    def learn(self, tokens: dict[str, str], numbers: dict[str, tuple[int, int]]) -> None:
        """Keep what the last reply said, then hear what was said after it."""
        if len(self.tokens) > MOST or len(self.numbers) > MOST:
            self._forget()
        self.tokens.update(tokens)
        self.numbers.update(numbers)
        try:
            self._listen()
        except (RedisError, OSError):
            self.lose()

    def take(self, key: str) -> int | None:
        """The next number of a counter, if one is left of those that were taken."""
        number, last = self.numbers.get(key, (1, 0))
        if number > last:
            return None
        self.numbers[key] = number + 1, last
        return number

    def lose(self) -> None:
        """End the connection and know nothing."""
        connection, self._connection = self._connection, None
        self._forget()
        if connection is not None:
            connection.disconnect()

    def _asked(self, command: tuple[Any, ...]) -> Any:
        asked = monotonic()
        try:
            self._connection.send_command(*command)
            reply = self._connection.read_response()
        except NoScriptError:
            raise  # a whole reply as well, and the script follows
        except BaseException:
            # The rest of it would be the reply to the next; and who refuses may have been replaced.
            self.lose()
            raise
        self._heard = asked
        return reply

    def _open(self) -> None:
        self.lose()
        connection = self._connect()
        try:
            connection.connect()
            connection._parser.set_invalidation_push_handler(self._told)
            self._poll = select.poll()
            self._poll.register(connection._sock, select.POLLIN)
            self._connection = connection
            self._asked(("CLIENT", "TRACKING", "ON"))
        except ResponseError as error:
            logger.warning("line.refused", error=str(error))
            self._is_refused = True
            self.lose()

    def _listen(self) -> None:
        while self._connection.can_read(0):
            self._connection.read_response(push_request=True)

    def _told(self, message: list[Any]) -> None:
        """Redis says that keys were written; without their names, that it was emptied."""
        keys = message[1]
        if keys is None:
            self._forget()
        else:
            for key in keys:
                self.tokens.pop(key.decode(), None)

    def _forget(self) -> None:
        self.tokens.clear()
        self.numbers.clear()
