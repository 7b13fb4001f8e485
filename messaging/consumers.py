"""The chat socket.

Every sending, edit and deletion is a change with the next number of its conversation, by which what the
socket sends is numbered (`crm_backend.common.replay`).
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction

from crm_backend.common.errors import DomainError, InvalidInput
from crm_backend.common.replay import Replay
from crm_backend.common.threads import in_own_thread
from documents.models import Document
from messaging import selectors
from messaging.live import conversation_group
from messaging.models import Conversation, Member, Message
from messaging.permissions import MESSAGES
from messaging.serializers import message_body
from messaging.services import conversations, messages
from messaging.services.locks import conversation_lock
from messaging.socket_messages import (
    ChatConnected,
    ChatMessage,
    ChatRead,
    ChatResume,
    ChatTyping,
    DeleteMessage,
    EditMessage,
    ReadUpTo,
    SendMessage,
    Typing,
)
from users.models import User
from users.websocket import NOT_YOURS, AuthenticatedConsumer

REPLAY_BATCH = 200


class ChatConsumer(AuthenticatedConsumer):
    """`/ws/chat/{conversation_id}/`: what is written in one conversation, for its members."""

    handlers = {
        "message.send": "on_send",
        "message.edit": "on_edit",
        "message.delete": "on_delete",
        "typing": "on_typing",
        "read": "on_read",
        "resume": "on_resume",
    }
    receives = (SendMessage, EditMessage, DeleteMessage, Typing, ReadUpTo, ChatResume)
    sends = (ChatConnected, ChatMessage, ChatTyping, ChatRead)

    is_listening = False

    async def ready(self) -> None:
        """Greet a member; to others the conversation is not there."""
        if await self._membership() is None:
            await self.close(code=NOT_YOURS)
            return
        self.is_listening = True
        await self.channel_layer.group_add(self._group, self.channel_name)
        # Who was taken out before the group was joined was not told here.
        found = await self._membership()
        if found is None:
            await self.close(code=NOT_YOURS)
            return
        conversation, member = found
        self.replay = Replay(conversation.last_change, self._rows, self._send_changed)
        await self.send_json(
            {
                "type": "connected",
                "conversation": conversation.pk,
                "last_number": conversation.last_number,
                "last_change": conversation.last_change,
                "last_read_number": member.last_read_number,
            }
        )

    async def leave_groups(self, user: User) -> None:
        """Leave the conversation's group too."""
        await super().leave_groups(user)
        if self.is_listening:
            await self.channel_layer.group_discard(self._group, self.channel_name)

    async def heartbeat(self) -> None:
        """Use the occasion to look for pushes that never came, and whether one is still a member."""
        if await self._still_member():
            await self.replay.catch_up()

    # --- from the client ------------------------------------------------------------------------

    async def on_send(self, message: dict[str, Any]) -> None:
        """`{"type": "message.send", "body": "…", "client_id": "…"}`; it comes back as to everybody."""
        await self._do(self._send_message, message)

    async def on_edit(self, message: dict[str, Any]) -> None:
        """`{"type": "message.edit", "id": 1, "body": "…"}`."""
        await self._do(self._edit_message, message)

    async def on_delete(self, message: dict[str, Any]) -> None:
        """`{"type": "message.delete", "id": 1}`."""
        await self._do(self._delete_message, message)

    async def on_typing(self, message: dict[str, Any]) -> None:
        """`{"type": "typing"}`: to the others' sockets, and nowhere else."""
        assert self.login is not None
        user = self.login.user
        person = {"id": user.pk, "name": user.full_name}
        await self.channel_layer.group_send(self._group, {"type": "chat.typing", "user": person})

    async def on_read(self, message: dict[str, Any]) -> None:
        """`{"type": "read", "number": n}`."""
        await self._do(self._read, message)

    async def on_resume(self, message: dict[str, Any]) -> None:
        """`{"type": "resume", "last_change": n}`: send all that came after n and was not sent here."""
        if await self._still_member():
            await self.replay.resume(message["last_change"])

    # --- from the channel layer -----------------------------------------------------------------

    async def chat_message(self, event: dict[str, Any]) -> None:
        """Something was sent, edited or deleted; `readers` are those who saw the conversation then."""
        if self._user.pk in event["readers"] or await self._still_member():
            await self.replay.take(event["change"], event["message"])

    async def chat_read(self, event: dict[str, Any]) -> None:
        """A member has read."""
        await self.send_json({"type": "read", "user_id": event["user_id"], "number": event["number"]})

    async def chat_typing(self, event: dict[str, Any]) -> None:
        """A member is writing: told to the others."""
        if event["user"]["id"] != self._user.pk:
            await self.send_json({"type": "typing", "user": event["user"]})

    async def chat_members_changed(self, event: dict[str, Any]) -> None:
        """Somebody may be a member no more; `user_id` says who, None that it may be anybody."""
        if event["user_id"] in (None, self._user.pk):
            await self._still_member()

    # --- parts ----------------------------------------------------------------------------------

    @property
    def _conversation_id(self) -> int:
        return int(self.scope["url_route"]["kwargs"]["conversation_id"])

    @property
    def _group(self) -> str:
        return conversation_group(self._conversation_id)

    @property
    def _user(self) -> Any:
        assert self.login is not None
        return self.login.user

    async def _still_member(self) -> bool:
        """Whether one is still a member; closes the socket of who is not."""
        if await self._membership() is None:
            await self.close(code=NOT_YOURS)
            return False
        return True

    @in_own_thread
    def _membership(self) -> tuple[Conversation, Member] | None:
        conversation = Conversation.objects.visible_to(self._user).filter(pk=self._conversation_id).first()
        member = None if conversation is None else selectors.member_of(conversation, self._user)
        return None if conversation is None or member is None else (conversation, member)

    async def _do(self, act: Callable[[Conversation, dict[str, Any]], None], message: dict[str, Any]) -> None:
        """Act in the conversation, if one is still a member; a refusal is answered in words."""

        def run() -> tuple[str, str] | None:
            found = Conversation.objects.visible_to(self._user).filter(pk=self._conversation_id).first()
            if found is None:
                return "not_allowed", "You are not in this conversation."
            try:
                with transaction.atomic():
                    act(found, message)
            except DomainError as error:
                return error.code, " ".join(_words(error.errors)) or error.detail
            return None

        refusal = await in_own_thread(run)()
        if refusal is not None:
            await self.send_error(*refusal)

    def _send_message(self, conversation: Conversation, message: dict[str, Any]) -> None:
        reply_to = message.get("reply_to")
        messages.message_send(
            conversation=conversation,
            author=self._user,
            body=message.get("body", "").strip(),
            reply_to=None if reply_to is None else self._message(conversation, reply_to),
            attachments=self._documents(message.get("attachments", [])),
            client_id=message.get("client_id", ""),
        )

    def _edit_message(self, conversation: Conversation, message: dict[str, Any]) -> None:
        conversation_lock(conversation)
        found = self._message(conversation, message["id"])
        MESSAGES.check("update", self._user, found)
        messages.message_edit(message=found, actor=self._user, body=message["body"].strip())

    def _delete_message(self, conversation: Conversation, message: dict[str, Any]) -> None:
        conversation_lock(conversation)
        found = self._message(conversation, message["id"])
        MESSAGES.check("destroy", self._user, found)
        messages.message_delete(message=found, actor=self._user)

    def _read(self, conversation: Conversation, message: dict[str, Any]) -> None:
        conversations.conversation_read(
            conversation=conversation, reader=self._user, number=message.get("number")
        )

    def _message(self, conversation: Conversation, pk: int) -> Message:
        found = Message.objects.filter(conversation=conversation, pk=pk).lock().first()
        if found is None:
            raise InvalidInput("There is no such message here.")
        return found

    def _documents(self, ids: list[int]) -> list[Document]:
        rows = Document.objects.visible_to(self._user).in_bulk(ids)
        if len(rows) < len(set(ids)):
            raise InvalidInput("One of these documents is not there.")
        return list(rows.values())

    async def _send_changed(self, change: int, body: dict[str, Any]) -> None:
        await self.send_json({"type": "message", "change": change, "message": body})

    @in_own_thread
    def _rows(self, after: int, upto: int | None) -> list[tuple[int, dict[str, Any]]]:
        rows = selectors.changed_between(self._conversation_id, self._user, after, upto, limit=REPLAY_BATCH)
        return [(row.change, message_body(row)) for row in rows]


def _words(errors: Any) -> Iterator[str]:
    """The messages of an error, whatever fields they are of."""
    parts = errors.values() if isinstance(errors, dict) else errors
    for part in parts:
        if isinstance(part, str):
            yield part
        else:
            yield from _words(part)
