"""Who is connected at this moment: presence, from the live sockets of all server processes.

Redis has a set of connections for each user, each with the time at which it ends unless it is renewed. Every
process renews its own every 20 seconds (`RollCall`), so the connections of a process that was killed are gone
within a minute, and a Redis that was emptied is filled again with the next call. Times are those of Redis.

A login is *away* when it says so; a user is online with any connection of a login that is not away.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.cache import cache
from django.db import connection

from crm_backend.common.counters import redis_client, script
from users.choices import PresenceStatus
from users.models import LastSeen

RENEW_SECONDS = 20.0
LIVE_MS = 60_000
# Redis knows when somebody left for this long; the table knows it for good, to a minute.
_SEEN_MS = 86_400_000

# KEYS of a user: connections with their ends, logins that are away, last seen. A connection's name begins
# with the 36 characters of its login's id.
_HEAD = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function state(connections, away)
  local live = redis.call('ZRANGEBYSCORE', connections, '(' .. now, '+inf')
  if #live == 0 then return 'offline' end
  for _, name in ipairs(live) do
    if redis.call('HEXISTS', away, string.sub(name, 1, 36)) == 0 then return 'online' end
  end
  return 'away'
end
local function has_login(login)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')) do
    if string.sub(name, 1, 36) == login then return true end
  end
  return false
end
"""
# ARGV: milliseconds that connections and the last sight live, then 1 for new ones, and their names.
_HERE = (
    _HEAD
    + """
local before = state(KEYS[1], KEYS[2])
for i = 4, #ARGV do
  if ARGV[3] == '1' and not has_login(string.sub(ARGV[i], 1, 36)) then
    redis.call('HDEL', KEYS[2], string.sub(ARGV[i], 1, 36))
  end
  redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for i = 1, 2 do redis.call('PEXPIRE', KEYS[i], ARGV[1]) end
redis.call('SET', KEYS[3], now, 'PX', ARGV[2])
return {before, state(KEYS[1], KEYS[2])}
"""
)
_GONE = (
    _HEAD
    + """
local before = state(KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[1], ARGV[2])
if not has_login(string.sub(ARGV[2], 1, 36)) then redis.call('HDEL', KEYS[2], string.sub(ARGV[2], 1, 36)) end
redis.call('SET', KEYS[3], now, 'PX', ARGV[1])
return {before, state(KEYS[1], KEYS[2])}
"""
)
# ARGV: milliseconds, the login, and whether it is away.
_SAY = (
    _HEAD
    + """
local before = state(KEYS[1], KEYS[2])
redis.call('HDEL', KEYS[2], ARGV[2])
if ARGV[3] == 'away' then redis.call('HSET', KEYS[2], ARGV[2], 1) end
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return {before, state(KEYS[1], KEYS[2])}
"""
)
_READ = (
    _HEAD
    + """
local found = {}
for i = 1, #KEYS, 3 do
  found[#found + 1] = state(KEYS[i], KEYS[i + 1])
  found[#found + 1] = redis.call('GET', KEYS[i + 2])
end
return found
"""
)


@dataclass(frozen=True)
class Presence:
    """Whether somebody is there, and if not, when they last were: None for never."""

    user_id: int
    status: PresenceStatus
    last_seen_at: datetime | None


def connection_name(session_id: str, channel_name: str) -> str:
    """What a connection is called: the id of its login first."""
    return f"{session_id}{channel_name}"


def is_here(user_id: int, name: str) -> bool:
    """Note a new connection; return whether that changed the user's status."""
    return _changed(script(_HERE)(_keys(user_id), [LIVE_MS, _SEEN_MS, 1, name]))


def is_gone(user_id: int, name: str) -> bool:
    """Forget a connection; return whether that changed the user's status."""
    return _changed(script(_GONE)(_keys(user_id), [_SEEN_MS, name]))


def says(user_id: int, session_id: str, status: PresenceStatus) -> bool:
    """Note that a login is away, or back; return whether that changed the user's status."""
    return _changed(script(_SAY)(_keys(user_id), [LIVE_MS, session_id, status.value]))


def still_here(names: dict[int, set[str]]) -> set[int]:
    """Renew connections by user, in one round trip; return the users whose status that changed."""
    users = sorted(names)
    with redis_client().pipeline(transaction=False) as pipeline:
        for pk in users:
            script(_HERE)(_keys(pk), [LIVE_MS, _SEEN_MS, 0, *sorted(names[pk])], client=pipeline)
        return {pk for pk, reply in zip(users, pipeline.execute(), strict=True) if _changed(reply)}


def presences(user_ids: Collection[int]) -> list[Presence]:
    """Where users are now, in the order asked. Who is not there any more has the time of leaving."""
    if not user_ids:
        return []
    reply = script(_READ)([key for pk in user_ids for key in _keys(pk)])
    states = [PresenceStatus(state.decode()) for state in reply[::2]]
    seen: dict[int, datetime] = {
        pk: datetime.fromtimestamp(int(moment) / 1000, UTC)
        for pk, moment in zip(user_ids, reply[1::2], strict=True)
        if moment is not None
    }
    gone = [pk for pk, state in zip(user_ids, states, strict=True) if state == PresenceStatus.OFFLINE]
    if unknown := [pk for pk in gone if pk not in seen]:
        seen |= dict(LastSeen.objects.filter(pk__in=unknown).values_list("pk", "at"))
    return [
        Presence(pk, state, seen.get(pk) if state == PresenceStatus.OFFLINE else None)
        for pk, state in zip(user_ids, states, strict=True)
    ]


def last_seen_note(user_ids: Iterable[int]) -> None:
    """Write down that users are, or were a moment ago, connected: one statement for all of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users_lastseen (user_id, at)"
            " SELECT id, statement_timestamp() FROM users_user WHERE id = ANY(%s) ORDER BY id"
            " ON CONFLICT (user_id) DO UPDATE SET at = EXCLUDED.at",
            [sorted(user_ids)],
        )


def _keys(user_id: int) -> list[str]:
    base = cache.make_key(f"presence:{user_id}")
    return [base, f"{base}:away", f"{base}:seen"]


def _changed(reply: Any) -> bool:
    before, after = reply
    return bool(before != after)
