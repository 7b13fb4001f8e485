"""Conversations to test with, written by the services."""

from typing import Any

from messaging.choices import MemberRole
from messaging.models import ChatGroup, Conversation, Member, Message
from messaging.services.conversations import conversation_start, direct_start
from messaging.services.messages import message_send
from tests.documents import makers
from tests.factories import Side, World
from users.choices import Role
from users.models import User


def others_than(user: User, side: Side, admin: User | None) -> list[User]:
    """An administrator and the logins of a side, without one of them."""
    everybody = [*([admin] if admin else []), *side.users.values()]
    return [one for one in everybody if one.pk != user.pk]


def chat_about(side: Side, owner: User, admin: User | None = None) -> Conversation:
    """A conversation about a side's application: all of it are in it, and something is written."""
    members = others_than(owner, side, admin)
    conversation = conversation_start(
        actor=owner, members=members, application=side.application, title="Valuation"
    )
    write(conversation, members[0], "When does the valuer come?")
    write(conversation, owner, "On Monday.")
    return conversation


def long_chat_about(side: Side, owner: User, admin: User | None = None) -> Conversation:
    """The same with some more messages."""
    conversation = chat_about(side, owner, admin)
    for day in ("Tuesday", "Wednesday", "Thursday"):
        write(conversation, owner, f"Or on {day}.")
    return conversation


def group_of(side: Side, owner: User, admin: User | None = None, **fields: Any) -> ChatGroup:
    """A group of a side's staff; all of them own it, so that anybody can leave."""
    members = [one for one in others_than(owner, side, admin) if one.role != Role.CLIENT]
    made = conversation_start(actor=owner, members=members, title="Deals", **fields)
    Member.objects.filter(conversation=made).update(role=MemberRole.OWNER)
    write(made, owner, "Who takes the new one?")
    return ChatGroup.objects.get(pk=made.pk)


def write(conversation: Conversation, author: User, body: str, **fields: Any) -> Message:
    """A message of somebody."""
    return message_send(conversation=conversation, author=author, body=body, **fields)[0]


def fill_chats(side: Side, admin: User) -> None:
    """Rows of everything about conversations, for proofs that ask each table."""
    direct, _ = direct_start(actor=side.broker_user, other=side.bd_user)
    document = makers.document_of(side.application, side.broker_user)
    write(direct, side.broker_user, "Here it is", client_id="a-0")
    about = chat_about(side, side.bd_user, admin)
    for conversation in (direct, about):
        write(conversation, side.broker_user, "This one", attachments=[document], client_id="a-1")
        write(conversation, side.broker_user, "And this", client_id="a-2")
    group_of(side, side.bd_user, admin)


def latest(**fields: Any) -> Conversation:
    """The conversation that was made last."""
    return Conversation.objects.filter(**fields).latest("pk")


def member_beside(world: World, role: str) -> Member:
    """Somebody else in the latest conversation."""
    return latest().members.exclude(user=world.user(role)).earliest("pk")


def message_of(world: World, role: str) -> Message:
    """What our user of a role wrote in the latest conversation."""
    return latest().messages.filter(author=world.user(role)).latest("pk")
