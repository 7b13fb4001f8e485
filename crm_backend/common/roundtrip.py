"""At most one round trip to Redis for each request: it counts for the throttles and reads generations.

Most requests need none: what was read is known until Redis says that it was replaced (`line`), and a trip
that counts takes some numbers more for the next requests of the same caller.

A *generation* is a random token under a name, and whoever keeps a copy of rows keeps the token with it that
was there before the rows were read. `replace` puts another token in its place: at once, so that copies from
before the change are void whatever happens next, and again when the change is committed, so that nobody can
keep under the first token what they read before the commit. A copy is good while its token is the current
one. A missing token (Redis was emptied) is made anew by whoever asks, so no copy outlives it.
"""

import hashlib
import os
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

import structlog
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError

from crm_backend.common.counters import redis_client
from crm_backend.common.line import Line

logger = structlog.get_logger(__name__)

# Replaced by every event, and so by every change of the domain; not by what is derived from events later.
DATA = "data"

# Under this a WSGI environment has the trip that was begun before Django made a request of it.
TRIP = "crm.trip"

_DAY = 86_400
# Connections to Redis that nobody is asking on, and how many of them are kept at most.
_idle: deque[Any] = deque()
_IDLE = 64
# So many numbers of a counter are taken ahead at most, and no more than such a part of those that are left.
AHEAD, PART = 32, 64
# Counters first: ARGV has their number, for each the seconds it lives from its first use and how many are
# taken, and a fresh token.
_TAKE = """
local counters, found = tonumber(ARGV[1]), {}
for i, key in ipairs(KEYS) do
  if i <= counters then
    local many = tonumber(ARGV[2 * i + 1])
    found[i] = redis.call('INCRBY', key, many)
    if found[i] == many then redis.call('EXPIRE', key, ARGV[2 * i]) end
  else
    found[i] = redis.call('GET', key)
    if not found[i] then
      found[i] = ARGV[#ARGV]
      redis.call('SET', key, found[i], 'EX', ARGV[#ARGV - 1])
    end
  end
end
return found
"""
_REPLACE = "for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'EX', ARGV[2]) end"
# What Redis calls a script; it protects nothing.
_HASHES = {
    script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest() for script in (_TAKE, _REPLACE)
}


class Trip:
    """What one request asks of Redis, in as few round trips as it can be: usually one.

    Args:
        writes: of one that writes; it reads no `DATA`, and is given a token for it that nobody else has: what
            it counts between its own changes is good for nobody else.
    """

    def __init__(self, *, writes: bool = False) -> None:
        self.counted: dict[str, int] = {}
        self._generations: dict[str, str] = {DATA: _token()} if writes else {}
        self._outage: RedisError | None = None

    def take(
        self,
        *,
        counters: Mapping[str, int] | None = None,
        generations: Iterable[str] = (),
        limits: Mapping[str, int] | None = None,
    ) -> None:
        """Add one to counters (name → seconds from first use to end), and read generations, `DATA` as well.

        The counts are in `counted` then, and until somebody takes them out nothing is counted again. What a
        request has read once stays as it was read.

        Args:
            counters: what to count.
            generations: their names.
            limits: of counters that nobody minds to be ahead of: numbers are taken for later requests too,
                fewer the nearer the limit is. Who never asks again leaves them unused.

        Raises:
            RedisError: Redis does not answer; nor is it asked again for this request.
        """
        missing = {name: end for name, end in (counters or {}).items() if name not in self.counted}
        wanted = [name for name in {*generations, DATA} if name not in self._generations]
        if not missing and not wanted:
            return
        if self._outage is not None:
            raise self._outage
        try:
            with line.held() as is_held:
                if is_held:
                    self._take_known(missing, wanted)
                if missing or wanted:
                    on = line if is_held and line.is_open() else None
                    self._ask(missing, wanted, limits or {}, on)
        except RedisError as error:
            self._outage = error
            raise

    def _take_known(self, missing: dict[str, int], wanted: list[str]) -> None:
        """Take what the line knows out of what is to be asked."""
        if not line.is_current():
            return
        for name in [*wanted]:
            token = line.tokens.get(_generation_key(name))
            if token is not None:
                self._generations[name] = token
                wanted.remove(name)
        if wanted:
            return  # a trip is to be made anyway, which counts as well
        for name in [*missing]:
            number = line.take(_key(name))
            if number is not None:
                self.counted[name] = number
                del missing[name]

    def _ask(
        self, missing: Mapping[str, int], wanted: list[str], limits: Mapping[str, int], on: Line | None
    ) -> None:
        keys = [*map(_key, missing), *map(_generation_key, wanted)]
        many = [_ahead(on, key, limits.get(name)) for name, key in zip(missing, keys, strict=False)]
        ends = [number for pair in zip(missing.values(), many, strict=True) for number in pair]
        arguments = [len(missing), *ends, _DAY, _token()]
        found = _run(_TAKE, keys, arguments) if on is None else _run(_TAKE, keys, arguments, on.ask)
        counts, tokens = found[: len(missing)], [token.decode() for token in found[len(missing) :]]
        firsts = [last - number + 1 for last, number in zip(counts, many, strict=True)]
        self.counted.update(zip(missing, firsts, strict=True))
        self._generations.update(zip(wanted, tokens, strict=True))
        if on is not None:
            lasts = zip(keys, firsts, counts, strict=False)
            on.learn(
                dict(zip(keys[len(missing) :], tokens, strict=True)),
                {key: (first + 1, last) for key, first, last in lasts},
            )

    def generation(self, name: str) -> str:
        """The token of a name as it was when this request first read it: before any row, so ask before rows.

        `DATA` comes with the request's first trip; other names cost a trip when nobody asked for them then.
        """
        if name not in self._generations:
            self.take(generations=[name])
        return self._generations[name]


def trip_of(request: Any) -> Trip:
    """The trip of a request, Django's or DRF's."""
    plain = getattr(request, "_request", request)
    trip: Trip | None = plain.__dict__.get("trip")
    if trip is None:
        trip = plain.__dict__["trip"] = plain.META.get(TRIP) or Trip()
    return trip


def replace(*names: str) -> None:
    """Make void what was kept under these generations; call it in the transaction of the change.

    Raises:
        RedisError: Redis does not answer; the change must not happen unannounced.
    """
    announcement = _announcement()
    if announcement is None:
        _replace_now(names)
        _be_heard()
    elif fresh := [name for name in names if name not in announcement.names]:
        _replace_now(fresh)
        announcement.names.update(fresh)


def announce(name: str, *, then: Callable[[], None]) -> "Announced":
    """Replace one generation as `replace` does; its reply is to be waited for before the transaction ends.

    Args:
        name: of the generation.
        then: called once after the commit, when the generation was replaced again. It asks Redis something:
            in the reply to it lies that all processes were told.
    """
    announcement = _announcement()
    assert announcement is not None, "announced in the transaction of the change"
    is_first = name not in announcement.names
    if is_first:
        announcement.names.add(name)
        announcement.then.setdefault(then)
    return Announced(announcement, name, then, is_first)


class Announced:
    """What was sent to Redis, and is to be heard of before the change may be committed."""

    def __init__(
        self, announcement: "_Announcement", name: str, then: Callable[[], None], is_first: bool
    ) -> None:
        self._announcement, self._name, self._then = announcement, name, then
        self._is_first = is_first
        if is_first:
            announcement.sent[name] = _Sent(_REPLACE, [_generation_key(name)], [_token(), _DAY])

    def wait(self) -> None:
        """Wait for Redis to have done it, also for whoever announced it before and was undone since.

        Raises:
            RedisError: Redis does not answer; the change must not happen unannounced.
        """
        sent = self._announcement.sent.get(self._name)
        if sent is not None:
            sent.reply()
            del self._announcement.sent[self._name]

    def withdraw(self) -> None:
        """Announce nothing at the commit: there was nothing to change."""
        if self._is_first:
            self._announcement.names.discard(self._name)
            self._announcement.then.pop(self._then, None)


def claim(name: str, seconds: int) -> bool:
    """Whether nobody holds this name: who does holds it for some seconds, or until it is given up.

    Raises:
        RedisError: Redis does not answer.
    """
    return _ask("SET", _key(name), 1, "NX", "EX", seconds) is not None


def give_up(name: str) -> None:
    """Let the next one claim a name."""
    _ask("DEL", _key(name))


class _Announcement:
    """Replaces generations once more, when the transaction that changed something is committed."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.then: dict[Callable[[], None], None] = {}
        self.sent: dict[str, _Sent] = {}  # what nobody has waited for yet
        self.__qualname__ = type(self).__qualname__  # Django's logs name what failed by it

    def __call__(self) -> None:
        if not self.names:
            return
        try:
            _replace_now(self.names)
            if not self.then:
                _be_heard()
        except RedisError as error:
            # The change is committed. Copies that are a moment old live out their few seconds.
            logger.warning("generations.not_replaced", error=type(error).__name__)
        for one in self.then:
            one()


def _announcement() -> _Announcement | None:
    """That of the present transaction: one for all of it, unless a part that may be undone began it."""
    own = connections[DEFAULT_DB_ALIAS]  # once: each look through `connection` costs as much
    if not own.in_atomic_block:
        return None
    open_parts = set(own.savepoint_ids)
    for parts, hook, *_ in own.run_on_commit:
        if isinstance(hook, _Announcement) and parts <= open_parts:
            return hook
    made = _Announcement()
    # robust: what cannot be reached then must not fail a change that is already committed.
    transaction.on_commit(made, robust=True)
    return made


def _replace_now(names: Iterable[str]) -> None:
    _run(_REPLACE, [_generation_key(name) for name in names], [_token(), _DAY])


def _be_heard() -> None:
    """Wait until all processes were told what was replaced.

    Redis may write the reply to a command before it writes to those who are to hear of it; before it reads
    the next command it has written to all.
    """
    _ask("PING")


def _ahead(on: Line | None, key: str, limit: int | None) -> int:
    """How many numbers of a counter to take: one, and with a limit that is far more for later requests."""
    if on is None or limit is None or key not in on.numbers:
        return 1
    return max(1, min(AHEAD, (limit - on.numbers[key][1]) // PART))


@lru_cache(10_000)
def _key(name: str) -> str:
    return str(cache.make_key(name))


def _generation_key(name: str) -> str:
    return _key(f"generation:{name}")


def _token() -> str:
    return secrets.token_hex(8)


def _run(script: str, keys: list[str], arguments: list[Any], ask: Any = None) -> Any:
    """Run a script by its hash; a server that does not know it yet gets it whole, and keeps it."""
    ask = ask or _ask
    try:
        return ask("EVALSHA", _HASHES[script], len(keys), *keys, *arguments)
    except NoScriptError:
        return ask("EVAL", script, len(keys), *keys, *arguments)


class _Sent:
    """A script that was sent, on a connection that is nobody else's until the reply was read."""

    def __init__(self, script: str, keys: list[str], arguments: list[Any]) -> None:
        self._again = partial(_run, script, keys, arguments)
        self._connection: Any = None
        try:
            connection = _idle.pop()
            connection.send_command("EVALSHA", _HASHES[script], len(keys), *keys, *arguments)
            self._connection = connection
        except (IndexError, RedisError):
            pass  # it is sent when the reply is asked for

    def reply(self) -> None:
        """Wait for the reply; what went wrong on an old connection is tried on another.

        Raises:
            RedisError: Redis does not answer.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            self._again()
            return
        try:
            _read(connection)
        except (NoScriptError, RedisConnectionError):
            self._again()


def _ask(*command: Any) -> Any:
    """One command, on a connection that is nobody else's meanwhile: a pool and a client cost as much again.

    Not on one of the thread's own: daphne has a thread for each request, and each would connect anew.
    """
    try:
        kept = _idle.pop()
    except IndexError:
        return _asked(_new_connection(), command)
    try:
        return _asked(kept, command)
    except RedisConnectionError:
        # It was left by a server that has gone since; the one that is there now counts.
        return _asked(_new_connection(), command)


def _new_connection(**further: Any) -> Any:
    pool = redis_client().connection_pool
    # Not by the pool's own way, which would count it for ever, and makes so many in all.
    return pool.connection_class(**{**pool.connection_kwargs, **further})


# That of the process: on the third version of the protocol a reply and what is told can be told apart.
line = Line(lambda: _new_connection(protocol=3))


def _asked(connection: Any, command: tuple[Any, ...]) -> Any:
    """Ask, and keep the connection only after a whole reply: the next would take the rest for its own."""
    try:
        connection.send_command(*command)
    except BaseException:
        connection.disconnect()
        raise
    return _read(connection)


def _read(connection: Any) -> Any:
    """The reply to what was sent; with a whole one the connection is free again."""
    try:
        reply = connection.read_response()
    except BaseException:
        connection.disconnect()
        raise
    if len(_idle) < _IDLE:
        _idle.append(connection)
    else:
        connection.disconnect()
    return reply


def _forget_connections() -> None:
    line.leave()
    while _idle:
        _idle.pop().disconnect()


if hasattr(os, "register_at_fork"):
    # A child's are its own: the parent reads on from these.
    os.register_at_fork(after_in_child=_forget_connections)
