"""Who is connected, and who is in which presence channel: in Redis, right with any number of processes.

Every entry ends by itself. The process that has the socket puts it there again and again; what a killed
process leaves is gone after `LIFE_SECONDS`. All times are those of Redis, whose clock is one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache

from crm_backend.common.counters import script

LIFE_SECONDS = 45

# KEYS: sockets (socket → end). ARGV: life in ms, the socket that goes or "", sockets that are here.
_SOCKETS = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ARGV[2] ~= '' then redis.call('ZREM', KEYS[1], ARGV[2]) end
for i = 3, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i]) end
if #ARGV > 2 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return redis.call('ZCARD', KEYS[1])
"""

# KEYS: sockets ("user|socket" → end), info (user → what others see of them), version.
# ARGV: life in ms, the entry that goes or "", then user, entry and info of each that is here.
# Versions grow also when Redis has lost the last one: they are its clock, pushed on where that is not enough.
_MEMBERS = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ARGV[2] ~= '' then redis.call('ZREM', KEYS[1], ARGV[2]) end
local changed = 0
for i = 3, #ARGV, 3 do
  redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i + 1])
  changed = changed + redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 2])
end
local here = {}
for _, entry in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do here[string.match(entry, '^[^|]+')] = true end
for _, user in ipairs(redis.call('HKEYS', KEYS[2])) do
  if not here[user] then changed = changed + redis.call('HDEL', KEYS[2], user) end
end
local version = math.max(clock[1] * 1000000 + clock[2], (tonumber(redis.call('GET', KEYS[3])) or 0) + 1)
redis.call('SET', KEYS[3], string.format('%.0f', version), 'PX', ARGV[1])
for i = 1, 2 do if #ARGV > 2 then redis.call('PEXPIRE', KEYS[i], ARGV[1]) end end
return {changed, string.format('%.0f', version), redis.call('HGETALL', KEYS[2])}
"""


@dataclass(frozen=True)
class Member:
    """One socket of a user in a presence channel; `info` is JSON, as others get it."""

    user_id: str
    info: str


@dataclass(frozen=True)
class Members:
    """Who is in a presence channel: user id → info, each user once, and whether somebody came or went."""

    version: int
    members: dict[str, str]
    has_changed: bool


def connections(*, here: Iterable[str] = (), gone: str = "") -> int:
    """Note the sockets that are here, and one that goes; return how many there are in all processes."""
    arguments = [int(LIFE_SECONDS * 1000), gone, *here]
    return int(script(_SOCKETS)(keys=[_key("sockets")], args=arguments))


def members(
    channel: str, *, here: Mapping[str, Member] | None = None, gone: tuple[str, Member] | None = None
) -> Members:
    """Note sockets in a presence channel, and one that goes; return who is there."""
    arguments: list[Any] = [int(LIFE_SECONDS * 1000), _entry(*gone) if gone else ""]
    for socket_id, member in (here or {}).items():
        arguments += [member.user_id, _entry(socket_id, member), member.info]
    keys = [_key(f"{part}:{channel}") for part in ("members", "info", "version")]
    changed, version, flat = script(_MEMBERS)(keys=keys, args=arguments)
    words = [word.decode() for word in flat]
    return Members(int(version), dict(zip(words[::2], words[1::2], strict=True)), bool(changed))


def _entry(socket_id: str, member: Member) -> str:
    return f"{member.user_id}|{socket_id}"


def _key(name: str) -> str:
    return str(cache.make_key(f"gateway:{name}"))
