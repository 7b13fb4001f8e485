"""The gateway's socket, as clients of the Pusher protocol know it.

The socket itself has no login: each subscription to a guarded channel has one, and ends with it. What an
application is told about is handed on only after another look at whether its reader still sees it.
"""

import asyncio
import random
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qs

import orjson
from django.conf import settings

from crm_backend.common.consumers import Consumer, is_over
from crm_backend.common.errors import NotAllowed
from crm_backend.common.threads import in_own_thread
from integrations import protocol, services
from integrations.gateway_channels import USER_PREFIX
from integrations.keeper import keeper
from integrations.live import Member
from integrations.protocol import CLIENT_EVENT, Code
from integrations.publishing import EVENT, group_of, publish
from integrations.services import Grant
from integrations.socket_messages import (
    GatewayClientEvent,
    GatewayError,
    GatewayEstablished,
    GatewayEvent,
    GatewayMemberAdded,
    GatewayMemberRemoved,
    GatewayPing,
    GatewayPinged,
    GatewayPong,
    GatewayPonged,
    GatewaySubscribe,
    GatewaySubscribed,
    GatewaySubscriptionError,
    GatewayUnsubscribe,
)
from users.models import User
from users.permissions import reader_of
from users.websocket import user_group

# How often a subscription is looked at again where nothing happens on its channel, seconds.
RECHECK_SECONDS = 60.0
# Entries of a channel that are remembered, to drop those that the dispatcher repeats.
REMEMBERED = 100


@dataclass
class Subscription:
    """A channel that a socket follows; `grant` is None where everybody may."""

    grant: Grant | None = None
    version: int = 0
    members: dict[str, str] = field(default_factory=dict)
    told: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))


class GatewayConsumer(Consumer):
    """`/app/{key}`: notifications, the timeline of an application, and who is there, for Pusher's clients."""

    receives = (GatewayPing, GatewayPong, GatewaySubscribe, GatewayUnsubscribe, GatewayClientEvent)
    sends = (
        GatewayEstablished,
        GatewayPinged,
        GatewayPonged,
        GatewayError,
        GatewaySubscribed,
        GatewaySubscriptionError,
        GatewayMemberAdded,
        GatewayMemberRemoved,
        GatewayEvent,
    )
    close_codes: ClassVar[dict[int, str]] = {
        int(code): f"{code.name.replace('_', ' ').lower()} (docs/gateway.md)" for code in Code
    }
    handlers: ClassVar[dict[str, str]] = {
        "pusher:ping": "on_ping",
        "pusher:pong": "on_pong",
        "pusher:subscribe": "on_subscribe",
        "pusher:unsubscribe": "on_unsubscribe",
    }

    # --- life of the socket ---------------------------------------------------------------------

    async def connect(self) -> None:
        """Accept, so that the client can read a refusal; then greet or refuse."""
        self.socket_id = ""
        self.subscriptions: dict[str, Subscription] = {}
        self.followed: set[int] = set()  # users whose groups are joined
        self.tasks: list[asyncio.Task[None]] = []
        self.recent: deque[float] = deque(maxlen=protocol.MESSAGES_PER_WINDOW)
        self.spoken: deque[float] = deque(maxlen=protocol.CLIENT_EVENTS_PER_SECOND)
        self.heard = time.monotonic()
        await self.accept()
        if not settings.GATEWAY_KEY or self.scope["url_route"]["kwargs"]["key"] != settings.GATEWAY_KEY:
            await self.fail(Code.UNKNOWN_KEY, "There is no application with this key.")
            return
        query = parse_qs(self.scope.get("query_string", b"").decode("latin-1"))
        if fault := protocol.version_fault(query.get("protocol", [""])[0]):
            await self.fail(fault, f"Speak version {protocol.PROTOCOL} of the protocol.")
            return
        await self._enter()

    async def _enter(self) -> None:
        self.socket_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}"
        if await keeper().enter(self.socket_id) > settings.GATEWAY_MAX_CONNECTIONS:
            await self.fail(Code.OVER_CAPACITY, "There are too many connections. Come back later.")
            return
        greeting = {"socket_id": self.socket_id, "activity_timeout": protocol.ACTIVITY_TIMEOUT}
        await self.emit("pusher:connection_established", greeting)
        self.tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._look_again())]

    async def disconnect(self, code: int) -> None:
        """Leave everything."""
        for task in self.tasks:
            task.cancel()
        if self.socket_id:
            await keeper().leave(self.socket_id)
        for channel in list(self.subscriptions):
            await self._leave(channel)
        for user_id in self.followed:
            await self.channel_layer.group_discard(user_group(user_id), self.channel_name)

    async def fail(self, code: Code, message: str) -> None:
        """Say what is wrong, and close with the same code."""
        self.closing = True
        await self.emit_error(code, message)
        await self.close(code=int(code))  # the server takes no other kind of number

    # --- messages from the client ---------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Check, then hand one message to its handler; a bad one is answered, the socket stays open."""
        if self.closing:
            return
        self.heard = time.monotonic()
        if is_over(self.recent, protocol.WINDOW_SECONDS):
            await self.fail(Code.OVER_CAPACITY, "These are too many messages. Come back later.")
            return
        raw = (text_data or "").encode() if bytes_data is None else bytes_data
        if len(raw) > protocol.MAX_MESSAGE_BYTES:
            await self.emit_error(
                Code.REFUSED, f"A message may have {protocol.MAX_MESSAGE_BYTES} bytes at most."
            )
            return
        try:
            message = orjson.loads(raw)
        except orjson.JSONDecodeError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("event"), str):
            await self.emit_error(Code.REFUSED, "A message is a JSON object with an event.")
            return
        await self._handle(message["event"], message)

    async def _handle(self, event: str, message: dict[str, Any]) -> None:
        if event.startswith(CLIENT_EVENT):
            await self.on_client_event(event, message)
            return
        name = self.handlers.get(event)
        if name is None:
            await self.emit_error(Code.REFUSED, "There is no such event for clients to send.")
            return
        data = message.get("data")
        await getattr(self, name)(data if isinstance(data, dict) else {})

    async def on_ping(self, data: dict[str, Any]) -> None:
        """Whether we are here."""
        await self.emit("pusher:pong", {})

    async def on_pong(self, data: dict[str, Any]) -> None:
        """The answer to our ping; that something came is all there is to it."""

    async def on_subscribe(self, data: dict[str, Any]) -> None:
        """Follow a channel, with the signature that `POST /api/realtime/auth/` gave where it is guarded."""
        channel = data.get("channel")
        if not isinstance(channel, str) or not protocol.is_channel(channel):
            await self.emit_error(Code.REFUSED, "This is not the name of a channel.")
        elif channel in self.subscriptions:
            await self.emit_error(Code.REFUSED, f"Existing subscription to channel {channel}.")
        elif len(self.subscriptions) >= protocol.MAX_SUBSCRIPTIONS:
            await self.emit_error(
                Code.REFUSED, f"A socket follows {protocol.MAX_SUBSCRIPTIONS} channels at most."
            )
        elif not protocol.is_guarded(channel):
            await self._join(channel, Subscription())
            await self.emit("pusher_internal:subscription_succeeded", {}, channel)
        else:
            await self._subscribe_guarded(channel, data)

    async def _subscribe_guarded(self, channel: str, data: dict[str, Any]) -> None:
        grant = await asyncio.to_thread(
            services.grant_take,
            socket_id=self.socket_id,
            channel=channel,
            auth=data.get("auth"),
            channel_data=data.get("channel_data") or "",
        )
        if grant is None:
            await self._refuse(channel, "The signature is not good for this socket and channel.", 401)
            return
        await self._follow(grant.user_id)
        await self._join(channel, Subscription(grant))
        # Looked at after the groups are joined: whatever ends it from now on is told to this socket.
        user = await self._follower(channel)
        if user is None:
            return
        shown = await self._be_present(channel, user) if protocol.is_presence(channel) else {}
        await self.emit("pusher_internal:subscription_succeeded", shown, channel)

    async def _be_present(self, channel: str, user: User) -> dict[str, Any]:
        info = orjson.dumps(services.member_info(user)).decode()
        found = await keeper().join(channel, self.socket_id, Member(str(user.pk), info))
        subscription = self.subscriptions[channel]
        subscription.version, subscription.members = found.version, found.members
        members = {user_id: orjson.loads(text) for user_id, text in found.members.items()}
        return {"presence": {"count": len(members), "ids": list(members), "hash": members}}

    async def on_unsubscribe(self, data: dict[str, Any]) -> None:
        """Follow a channel no more."""
        if (channel := data.get("channel")) in self.subscriptions:
            await self._leave(channel)

    async def on_client_event(self, event: str, message: dict[str, Any]) -> None:
        """Hand a word of a client to the others on a guarded channel that it follows itself."""
        channel, data = message.get("channel"), message.get("data")
        subscription = self.subscriptions.get(channel) if isinstance(channel, str) else None
        if subscription is None or subscription.grant is None:
            await self.emit_error(
                Code.UNAUTHORISED, "Clients speak on private and presence channels that they follow."
            )
        elif len(event) > protocol.MAX_EVENT_NAME or len(_as_text(data)) > protocol.MAX_DATA_BYTES:
            await self.emit_error(
                Code.REFUSED, f"The data of an event may have {protocol.MAX_DATA_BYTES} bytes at most."
            )
        elif is_over(self.spoken, 1.0):
            await self.emit_error(
                Code.TOO_MANY_CLIENT_EVENTS,
                f"{protocol.CLIENT_EVENTS_PER_SECOND} client events in a second, and no more.",
            )
        else:
            told = {"type": EVENT, "event": event, "data": data, "without": self.socket_id}
            if protocol.is_presence(str(channel)):
                told["user_id"] = str(subscription.grant.user_id)
            await publish(str(channel), told)

    # --- from the channel layer -----------------------------------------------------------------

    async def gateway_event(self, message: dict[str, Any]) -> None:
        """Something was said on a channel, by `POST /api/realtime/trigger/` or by another client."""
        channel = message["channel"]
        if channel not in self.subscriptions or message["without"] == self.socket_id:
            return
        if message.get("is_checked") and protocol.is_guarded(channel):
            if await self._follower(channel) is None:
                return
        more = {"user_id": message["user_id"]} if "user_id" in message else {}
        await self.emit(message["event"], message["data"], channel, **more)

    async def gateway_happened(self, message: dict[str, Any]) -> None:
        """Something happened to an application; who lost it is not told any more, but of that."""
        channel, entry = message["channel"], message["entry"]
        if channel not in self.subscriptions:
            return
        user = await self._follower(channel)
        if user is None or entry["id"] in self.subscriptions[channel].told:
            return
        self.subscriptions[channel].told.append(entry["id"])
        if message["audience"] <= reader_of(user):
            await self.emit(entry["type"], entry, channel)

    async def gateway_members(self, message: dict[str, Any]) -> None:
        """Who is in a presence channel now; an older list than the one at hand came late."""
        channel, now = message["channel"], message["members"]
        subscription = self.subscriptions.get(channel)
        if subscription is None or subscription.grant is None or message["version"] <= subscription.version:
            return
        before, own = subscription.members, str(subscription.grant.user_id)
        subscription.version, subscription.members = message["version"], now
        for user_id in sorted(before.keys() - now.keys() - {own}):
            await self.emit("pusher_internal:member_removed", {"user_id": user_id}, channel)
        for user_id in sorted(now.keys() - before.keys() - {own}):
            told = {"user_id": user_id, "user_info": orjson.loads(now[user_id])}
            await self.emit("pusher_internal:member_added", told, channel)

    async def notification_new(self, message: dict[str, Any]) -> None:
        """A notification of a user."""
        seq, notification = message["seq"], message["notification"]
        await self._tell_user("notification", {"seq": seq, "notification": notification}, seq)

    async def notifications_read(self, message: dict[str, Any]) -> None:
        """Some were read."""
        await self._tell_user("notification_read", {"ids": message["ids"]})

    async def unread_count(self, message: dict[str, Any]) -> None:
        """The count changed."""
        await self._tell_user("unread_count", {"count": message["count"]})

    async def auth_revoked(self, message: dict[str, Any]) -> None:
        """Logins of a user have ended, perhaps one that this socket follows channels with."""
        for channel, subscription in list(self.subscriptions.items()):
            session_id = subscription.grant and subscription.grant.session_id
            if session_id and message["session_id"] in (None, session_id):
                await self._follower(channel)

    async def _tell_user(self, event: str, data: dict[str, Any], seq: int | None = None) -> None:
        # A socket joins the groups of all its users, who are one in all but strange cases.
        for channel, subscription in list(self.subscriptions.items()):
            if channel.startswith(USER_PREFIX) and seq not in subscription.told:
                if seq is not None:
                    subscription.told.append(seq)
                await self.emit(event, data, channel)

    # --- messages to the client -----------------------------------------------------------------

    async def emit(self, event: str, data: Any, channel: str = "", **more: Any) -> None:
        """Send one event; its data is a text, in which what is no text is JSON."""
        message = {"event": event, "data": _as_text(data), **more}
        if channel:
            message["channel"] = channel
        await self.send(text_data=orjson.dumps(message).decode())

    async def emit_error(self, code: Code, message: str) -> None:
        """Say that something was not taken; the data of this event is no text."""
        told = {"event": "pusher:error", "data": {"code": int(code), "message": message}}
        await self.send(text_data=orjson.dumps(told).decode())

    async def _refuse(self, channel: str, reason: str, status: int) -> None:
        """Say it to the connection, and to the channel, whose code may have more to do than log it."""
        await self.emit_error(Code.UNAUTHORISED, reason)
        told = {"type": "AuthError", "error": reason, "status": status}
        await self.emit("pusher:subscription_error", told, channel)

    # --- subscriptions --------------------------------------------------------------------------

    async def _join(self, channel: str, subscription: Subscription) -> None:
        await self.channel_layer.group_add(group_of(channel), self.channel_name)
        self.subscriptions[channel] = subscription

    async def _leave(self, channel: str) -> None:
        self.subscriptions.pop(channel, None)
        await self.channel_layer.group_discard(group_of(channel), self.channel_name)
        await keeper().part(channel, self.socket_id)

    async def _follow(self, user_id: int) -> None:
        """Be told what is told to a user's sockets: notifications, and that a login has ended."""
        if user_id not in self.followed:
            await self.channel_layer.group_add(user_group(user_id), self.channel_name)
            self.followed.add(user_id)

    async def _follower(self, channel: str) -> User | None:
        """The user behind a subscription as they are now; None when it has just ended, or everything."""
        grant = self.subscriptions[channel].grant
        assert grant is not None
        try:
            found: User = await in_own_thread(services.follower)(grant, channel)
        except services.LoginOver as ended:
            await self.fail(Code.UNAUTHORISED, ended.detail)
        except NotAllowed as refused:
            await self._leave(channel)
            await self._refuse(channel, refused.detail, refused.status)
        else:
            return found if channel in self.subscriptions else None
        return None

    # --- timers ---------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Ask a client that says nothing whether it is there, and close when it is not."""
        while True:
            silent = time.monotonic() - self.heard
            if silent < protocol.ACTIVITY_TIMEOUT:
                await asyncio.sleep(protocol.ACTIVITY_TIMEOUT - silent)
                continue
            await self.emit("pusher:ping", {})
            asked = time.monotonic()
            await asyncio.sleep(protocol.PONG_TIMEOUT)
            if self.heard < asked:
                await self.fail(Code.NO_PONG, "No answer to a ping.")
                return

    async def _look_again(self) -> None:
        """Find what nobody told: rights that were lost aside of the channel, news that Redis lost."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS * random.uniform(0.75, 1.25))  # noqa: S311 - not all at once
            for channel, subscription in list(self.subscriptions.items()):
                if subscription.grant is not None and channel in self.subscriptions and not self.closing:
                    await self._follower(channel)


def _as_text(data: Any) -> str:
    return data if isinstance(data, str) else orjson.dumps(data).decode()
