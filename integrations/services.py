"""Letting people into channels, and looking again whether they still belong there.

A signature says which socket may follow which channel; it does not say who asked for it. That is remembered
beside it for a moment, and used once, so that a subscription ends with the login and the rights of its user.
"""

import hashlib
import hmac
from dataclasses import dataclass

import orjson
from django.conf import settings
from django.core.cache import cache

from crm_backend.common.counters import redis_client
from crm_backend.common.errors import DomainError, NotAllowed, Unavailable
from integrations.protocol import is_presence
from integrations.registry import find
from users.models import Session, User
from users.services.sessions import session_by_id

GRANT_SECONDS = 60


class GatewayOff(Unavailable):
    """There is no gateway in this installation: `GATEWAY_KEY` is not set."""

    code = "gateway_off"
    title = "Gateway off"
    default_detail = "This installation has no gateway for the Pusher protocol."


class LoginOver(DomainError):
    """The login that a subscription was made with has ended."""

    status = 401
    code = "token_not_valid"
    title = "Token not valid"
    default_detail = "The login has ended."


@dataclass(frozen=True)
class Grant:
    """Whose subscription it is: the user, and the login that asked for it."""

    user_id: int
    session_id: str


def check_configured() -> None:
    """Refuse what needs a gateway.

    Raises:
        GatewayOff: there is none.
    """
    if not settings.GATEWAY_KEY:
        raise GatewayOff()


def signature(socket_id: str, channel: str, channel_data: str = "") -> str:
    """What Pusher calls the auth of a subscription: the key, and an HMAC of what it is for."""
    told = ":".join(filter(None, (socket_id, channel, channel_data)))
    digest = hmac.new(settings.GATEWAY_SECRET.encode(), told.encode(), hashlib.sha256).hexdigest()
    return f"{settings.GATEWAY_KEY}:{digest}"


def member_info(user: User) -> dict[str, str]:
    """How the others in a presence channel see a user."""
    return {"name": user.full_name, "role": user.role}


def channel_authorize(*, session: Session, socket_id: str, channel: str) -> dict[str, str]:
    """Sign a socket's subscription for the user of a login.

    Raises:
        GatewayOff: there is no gateway.
        NotAllowed: there is no such channel, or it is not theirs to follow. Which, is not told.
    """
    check_configured()
    user = session.user
    if not _may_follow(user, channel):
        raise NotAllowed("You may not follow this channel.")
    data = ""
    if is_presence(channel):
        data = orjson.dumps({"user_id": str(user.pk), "user_info": member_info(user)}).decode()
    granted = orjson.dumps([user.pk, str(session.pk)])
    redis_client().set(_grant_key(socket_id, channel), granted, ex=GRANT_SECONDS)
    found = {"auth": signature(socket_id, channel, data)}
    return {**found, "channel_data": data} if data else found


def grant_take(*, socket_id: str, channel: str, auth: object, channel_data: object) -> Grant | None:
    """Who is behind a signature, once; None when it is not ours, not of this socket, used or too old."""
    if not isinstance(auth, str) or not isinstance(channel_data, str):
        return None
    if is_presence(channel) != bool(channel_data):
        return None
    wanted = signature(socket_id, channel, channel_data)
    if not hmac.compare_digest(wanted.encode(), auth.encode("utf-8", "replace")):
        return None
    found = redis_client().getdel(_grant_key(socket_id, channel))
    return Grant(*orjson.loads(found)) if found else None


def follower(grant: Grant, channel: str) -> User:
    """The user behind a subscription, as they are now.

    Raises:
        LoginOver: the login has ended, or the account is closed.
        NotAllowed: the channel is not theirs to follow any more.
    """
    session = session_by_id(grant.session_id)
    if session is None:
        raise LoginOver()
    if not _may_follow(session.user, channel):
        raise NotAllowed("You may not follow this channel any more.")
    return session.user


def _may_follow(user: User, channel: str) -> bool:
    found = find(channel)
    return found is not None and found[0].may_follow(user, found[1])


def _grant_key(socket_id: str, channel: str) -> str:
    return cache.make_key(f"gateway:grant:{socket_id}:{channel}")
