"""Beginning, editing, reading, muting and deleting conversations."""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils import timezone

from applications.models import Application
from crm_backend.common.errors import Conflict, InvalidInput
from crm_backend.common.models import save_changes
from events.services import emit
from messaging.choices import ConversationKind, MemberRole
from messaging.events import ConversationDeleted, ConversationRead, ConversationStarted, ConversationUpdated
from messaging.models import Conversation, Member
from messaging.selectors import topic_of, who_see
from messaging.services.locks import conversation_lock, membership
from users.choices import Role
from users.models import User

MAX_MEMBERS = 200


def direct_start(*, actor: Any, other: User) -> tuple[Conversation, bool]:
    """The direct conversation of two people, and whether it is new: there is one at most."""
    pair = ":".join(map(str, sorted([actor.pk, other.pk])))
    with transaction.atomic():
        conversation, is_new = Conversation.objects.get_or_create(
            kind=ConversationKind.DIRECT,
            pair=pair,
            defaults={"created_by_id": actor.pk, "active_at": timezone.now()},
        )
        if is_new:
            _take_in(conversation, {actor.pk: MemberRole.MEMBER, other.pk: MemberRole.MEMBER})
            _tell(conversation, actor)
    return conversation, is_new


def conversation_start(
    *,
    actor: Any,
    members: Collection[User],
    title: str = "",
    application: Application | None = None,
    is_open: bool = False,
) -> Conversation:
    """Begin a conversation about an application, or without one a group; who begins it owns it.

    Raises:
        InvalidInput: a member may not be in it.
    """
    check_members(members, application)
    kind = ConversationKind.GROUP if application is None else ConversationKind.APPLICATION
    with transaction.atomic():
        conversation = Conversation.objects.create(
            kind=kind,
            title=title,
            application=application,
            is_open=is_open,
            created_by_id=actor.pk,
            active_at=timezone.now(),
        )
        roles = {member.pk: MemberRole.MEMBER for member in members}
        _take_in(conversation, {**roles, actor.pk: MemberRole.OWNER})
        _tell(conversation, actor, members)
    return conversation


def conversation_update(*, conversation: Conversation, actor: Any, **fields: Any) -> Conversation:
    """Change the title, and whether a group is open; call it with the row locked.

    Raises:
        InvalidInput: a group needs a title, and nothing else is open.
    """
    is_group = conversation.kind == ConversationKind.GROUP
    if conversation.kind == ConversationKind.DIRECT and fields.get("title"):
        raise InvalidInput.field("title", "A direct conversation has no title.")
    if is_group and fields.get("title") == "":
        raise InvalidInput.field("title", "A group needs a title.")
    if not is_group and fields.get("is_open"):
        raise InvalidInput.field("is_open", "Only groups are open.")
    with transaction.atomic():
        if changed := save_changes(conversation, fields):
            payload = ConversationUpdated(field_names=", ".join(changed))
            emit(payload, actor=actor, subject=_row(conversation))
    return conversation


def conversation_delete(*, conversation: Conversation, actor: Any) -> None:
    """Delete a conversation with all that was written in it; call it with the row locked."""
    with transaction.atomic():
        payload = ConversationDeleted(messages=conversation.last_number)
        emit(payload, actor=actor, subject=_row(conversation))
        conversation.delete()


def conversation_read(*, conversation: Conversation, reader: Any, number: int | None = None) -> Member:
    """Note that somebody has read up to a message, or all without one; reading never goes back.

    Raises:
        NotAllowed: they are not in the conversation.
    """
    with transaction.atomic():
        locked = conversation_lock(conversation)
        member = membership(locked, reader)
        upto = locked.last_number if number is None else min(number, locked.last_number)
        if upto > member.last_read_number:
            member.last_read_number, member.read_at = upto, timezone.now()
            member.save(update_fields=["last_read_number", "read_at"])
            emit(ConversationRead(user_id=reader.pk, number=upto), actor=reader, subject=locked)
    return member


def conversation_mute(*, conversation: Conversation, user: Any, is_muted: bool) -> Member:
    """Be told of messages no more, or again; whoever is muted reads all the same.

    Raises:
        NotAllowed: they are not in the conversation.
    """
    with transaction.atomic():
        member = membership(conversation_lock(conversation), user)
        member.is_muted = is_muted
        member.save(update_fields=["is_muted"])
    return member


def check_members(members: Collection[User], application: Application | None) -> None:
    """Refuse whoever may not be in a group, or in a conversation about an application.

    Raises:
        InvalidInput: borrowers' logins are in no groups; an application is for those who see it.
    """
    if application is None:
        if any(member.role == Role.CLIENT for member in members):
            raise InvalidInput.field("members", "Borrowers are not in groups.")
        return
    if len(who_see(application.pk, members)) < len(members):
        raise InvalidInput.field("members", "Somebody of these does not see the application.")


def check_size(conversation: Conversation, further: int) -> None:
    """Refuse more members than a conversation can have.

    Raises:
        Conflict: it is full.
    """
    if conversation.members.count() + further > MAX_MEMBERS:
        raise Conflict(f"A conversation has at most {MAX_MEMBERS} members.")


def _take_in(conversation: Conversation, roles: dict[int, MemberRole]) -> None:
    Member.objects.bulk_create(
        Member(conversation=conversation, user_id=pk, role=role) for pk, role in sorted(roles.items())
    )


def _tell(conversation: Conversation, actor: Any, members: Collection[User] = ()) -> None:
    """Those in a direct one are told of its first message, which is soon enough."""
    payload = ConversationStarted(
        kind=conversation.kind, topic=topic_of(conversation), actor_name=actor.full_name
    )
    emit(payload, actor=actor, subject=conversation, recipients=members)


def _row(conversation: Conversation) -> Conversation:
    """As the log knows it: a group is a conversation."""
    return Conversation(pk=conversation.pk)
