"""Who is in a conversation."""

from typing import Any

from django.db import transaction

from crm_backend.common.errors import Conflict
from events.services import emit
from messaging.choices import ConversationKind, MemberRole
from messaging.events import MemberAdded, MemberJoined, MemberRemoved, MemberRoleChanged
from messaging.models import Conversation, Member
from messaging.selectors import topic_of
from messaging.services.conversations import check_members, check_size
from messaging.services.locks import conversation_lock, membership
from users.models import User


class LastOwner(Conflict):
    """Nobody would run the conversation any more."""

    code = "last_owner"
    title = "Last owner"
    default_detail = "Make somebody else an owner first, or delete the conversation."


def member_add(*, conversation: Conversation, actor: Any, user: User) -> Member:
    """Take somebody in; who is in already stays as they are. What was written before is theirs to read.

    Raises:
        InvalidInput: they may not be in it.
        Conflict: it is direct, or full.
    """
    check_members([user], conversation.application)
    with transaction.atomic():
        locked = conversation_lock(conversation)
        _refuse_direct(locked)
        member, is_new = _enter(locked, user)
        if is_new:
            payload = MemberAdded(
                topic=topic_of(locked),
                actor_name=actor.full_name,
                user_id=user.pk,
                member_name=user.full_name,
            )
            emit(payload, actor=actor, subject=locked, recipients=[user])
    return member


def group_join(*, conversation: Conversation, user: Any) -> Member:
    """Enter an open group; whoever is in it stays as they are.

    Raises:
        Conflict: it is closed, or full.
    """
    with transaction.atomic():
        locked = conversation_lock(conversation)
        present = locked.members.filter(user=user.pk).first()
        if present is not None:
            return present
        if not locked.is_open:
            raise Conflict("This group is closed: somebody in it has to add you.")
        member, _ = _enter(locked, user)
        emit(MemberJoined(user_id=user.pk, member_name=user.full_name), actor=user, subject=locked)
    return member


def member_set_role(*, member: Member, actor: Any, role: MemberRole) -> Member:
    """Let a member do more, or less; call it with the conversation locked.

    Raises:
        LastOwner: nobody else owns it.
    """
    if role == member.role:
        return member
    with transaction.atomic():
        if role != MemberRole.OWNER:
            _keep_an_owner(member)
        member.role = role
        member.save(update_fields=["role"])
        payload = MemberRoleChanged(
            user_id=member.user_id, member_name=member.user.full_name, role=MemberRole(role).label.lower()
        )
        emit(payload, actor=actor, subject=member.conversation)
    return member


def member_remove(*, member: Member, actor: Any) -> None:
    """Take a member out, or leave; their sockets are closed. Call it with the conversation locked.

    Raises:
        LastOwner: nobody else owns it.
        Conflict: it is direct.
    """
    with transaction.atomic():
        _refuse_direct(member.conversation)
        _keep_an_owner(member)
        payload = MemberRemoved(user_id=member.user_id, member_name=member.user.full_name)
        emit(payload, actor=actor, subject=member.conversation)
        member.delete()


def conversation_leave(*, conversation: Conversation, user: Any) -> None:
    """Leave a conversation.

    Raises:
        NotAllowed: they are not in it.
        LastOwner: nobody else owns it.
        Conflict: it is direct.
    """
    with transaction.atomic():
        member_remove(member=membership(conversation_lock(conversation), user), actor=user)


def _enter(conversation: Conversation, user: Any) -> tuple[Member, bool]:
    present: Member | None = conversation.members.filter(user=user.pk).first()
    if present is not None:
        return present, False
    check_size(conversation, 1)
    # What was written before is not news.
    member = Member.objects.create(
        conversation=conversation, user_id=user.pk, last_read_number=conversation.last_number
    )
    return member, True


def _refuse_direct(conversation: Conversation) -> None:
    if conversation.kind == ConversationKind.DIRECT:
        raise Conflict("A direct conversation is always of the same two.")


def _keep_an_owner(member: Member) -> None:
    others = Member.objects.filter(conversation=member.conversation_id, role=MemberRole.OWNER)
    if member.role == MemberRole.OWNER and not others.exclude(pk=member.pk).exists():
        raise LastOwner
