"""Who calls: the product's own tokens, checked as cheaply as is honest."""

import binascii
import hmac
import os
import time
from base64 import urlsafe_b64decode
from hmac import compare_digest
from typing import Any, NamedTuple

import asyncpg
import orjson

KEY = os.environ["SECRET_KEY"].encode()
# How long a session that was found good is taken to be; signature and expiry are checked on every call.
SESSION_SECONDS = 2.0
ACCESS = "access"

SESSION = """
SELECT person.id, person.role FROM users_session session JOIN users_user person ON person.id = session.user_id
WHERE session.id = $1 AND session.revoked_at IS NULL AND session.expires_at > now()
  AND person.status = 'active' AND person.token_version = $2
"""


class Caller(NamedTuple):
    """A logged-in user."""

    id: int
    role: str


_known: dict[str, tuple[float, Caller]] = {}


async def caller_of(pool: asyncpg.Pool, headers: list[tuple[bytes, bytes]]) -> Caller | None:
    """The caller that a request's bearer token names, or None when it is not good."""
    for name, value in headers:
        if name == b"authorization":
            claims = claims_of(value[7:]) if value.startswith(b"Bearer ") else None
            return await _of_session(pool, claims) if claims else None
    return None


def claims_of(token: bytes) -> dict[str, Any] | None:
    """What a token says, when it is signed by us, for access, and not expired."""
    signed, _, signature = token.rpartition(b".")
    if not compare_digest(_decoded(signature), hmac.digest(KEY, signed, "sha256")):
        return None
    claims: dict[str, Any] = orjson.loads(_decoded(signed.partition(b".")[2]))
    return claims if claims["token_type"] == ACCESS and claims["exp"] > time.time() else None


def _decoded(text: bytes) -> bytes:
    try:
        return urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return b""


async def _of_session(pool: asyncpg.Pool, claims: dict[str, Any]) -> Caller | None:
    now, session = time.monotonic(), claims["sid"]
    known = _known.get(session)
    if known and known[0] > now:
        return known[1]
    row = await pool.fetchrow(SESSION, session, claims["tv"])
    if row is None:
        return None
    caller = Caller(row["id"], row["role"])
    _known[session] = now + SESSION_SECONDS, caller
    return caller
