"""One round trip to Redis for each request: it counts for the throttles and reads generations.

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
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from django.core.cache import cache
from django.db import connection, transaction
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError

from crm_backend.common.counters import redis_client

logger = structlog.get_logger(__name__)

# Replaced by every event, and so by every change of the domain; not by what is derived from events later.
DATA = "data"

# Under this a WSGI environment has the trip that was begun before Django made a request of it.
TRIP = "crm.trip"

_DAY = 86_400
# Connections to Redis that nobody is asking on, and how many of them are kept at most.
_idle: deque[Any] = deque()
_IDLE = 64
# Counters first: ARGV has their number, the seconds each lives from its first use, and a fresh token.
_TAKE = """
local counters, found = tonumber(ARGV[1]), {}
for i, key in ipairs(KEYS) do
  if i <= counters then
    found[i] = redis.call('INCR', key)
    if found[i] == 1 then redis.call('EXPIRE', key, ARGV[i + 1]) end
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
    """What one request asks of Redis, in as few round trips as it can be: usually one."""

    def __init__(self) -> None:
        self.counted: dict[str, int] = {}
        self._generations: dict[str, str] = {}
        self._outage: RedisError | None = None

    def take(self, *, counters: Mapping[str, int] | None = None, generations: Iterable[str] = ()) -> None:
        """Add one to counters (name → seconds from first use to end), and read generations, `DATA` as well.

        The counts are in `counted` then, and until somebody takes them out nothing is counted again. What a
        request has read once stays as it was read.

        Raises:
            RedisError: Redis does not answer; nor is it asked again for this request.
        """
        counters = {name: end for name, end in (counters or {}).items() if name not in self.counted}
        wanted = [name for name in {*generations, DATA} if name not in self._generations]
        if not counters and not wanted:
            return
        if self._outage is not None:
            raise self._outage
        try:
            found = _run(
                _TAKE,
                [*map(cache.make_key, counters), *map(_generation_key, wanted)],
                [len(counters), *counters.values(), _DAY, _token()],
            )
        except RedisError as error:
            self._outage = error
            raise
        self.counted.update(zip(counters, found, strict=False))
        self._generations.update(
            (name, token.decode()) for name, token in zip(wanted, found[len(counters) :], strict=True)
        )

    def generation(self, name: str) -> str:
        """The token of a name as it was when this request first read it: before any row, so ask before rows.

        `DATA` comes with the request's first trip; other names cost a trip when nobody asked for them then.
        """
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
    elif fresh := [name for name in names if name not in announcement.names]:
        _replace_now(fresh)
        announcement.names.update(fresh)


class _Announcement:
    """Replaces generations once more, when the transaction that changed something is committed."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __call__(self) -> None:
        try:
            _replace_now(self.names)
        except RedisError as error:
            # The change is committed. Copies that are a moment old live out their few seconds.
            logger.warning("generations.not_replaced", error=type(error).__name__)


def _announcement() -> _Announcement | None:
    """That of the present transaction: one for all of it, unless a part that may be undone began it."""
    if not connection.in_atomic_block:
        return None
    open_parts = set(connection.savepoint_ids)
    for parts, hook, *_ in connection.run_on_commit:
        if isinstance(hook, _Announcement) and parts <= open_parts:
            return hook
    made = _Announcement()
    transaction.on_commit(made)
    return made


def _replace_now(names: Iterable[str]) -> None:
    _run(_REPLACE, [_generation_key(name) for name in names], [_token(), _DAY])


def _generation_key(name: str) -> str:
    return cache.make_key(f"generation:{name}")


def _token() -> str:
    return secrets.token_hex(8)


def _run(script: str, keys: list[str], arguments: list[Any]) -> Any:
    """Run a script by its hash; a server that does not know it yet gets it whole, and keeps it."""
    try:
        return _ask("EVALSHA", _HASHES[script], len(keys), *keys, *arguments)
    except NoScriptError:
        return _ask("EVAL", script, len(keys), *keys, *arguments)


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


def _new_connection() -> Any:
    pool = redis_client().connection_pool
    # Not by the pool's own way, which would count it for ever, and makes so many in all.
    return pool.connection_class(**pool.connection_kwargs)


def _asked(connection: Any, command: tuple[Any, ...]) -> Any:
    """Ask, and keep the connection only after a whole reply: the next would take the rest for its own."""
    try:
        connection.send_command(*command)
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
    while _idle:
        _idle.pop().disconnect()


if hasattr(os, "register_at_fork"):
    # A child's are its own: the parent reads on from these.
    os.register_at_fork(after_in_child=_forget_connections)
