"""Conversations as their members see them, and who reads what is written."""

from collections.abc import Iterable
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    F,
    FilteredRelation,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Concat

from applications.models import Application
from messaging.choices import ConversationKind
from messaging.models import Conversation, Member, Message, MessageAttachment
from users.models import User


def seen_by(conversations: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """Conversations with what they are called for a user, and how far that user has read."""
    others = Member.objects.filter(conversation=OuterRef("pk")).exclude(user=user.pk)
    full_name = Concat("user__first_name", Value(" "), "user__last_name")
    direct = Q(kind=ConversationKind.DIRECT)
    return conversations.annotate(
        mine=FilteredRelation("members", condition=Q(members__user=user.pk)),
        my_role=F("mine__role"),
        is_muted=F("mine__is_muted"),
        last_read_number=F("mine__last_read_number"),
        unread_count=F("last_number") - F("mine__last_read_number"),
        other_user=Case(
            When(direct, then=Subquery(others.values("user")[:1])), output_field=BigIntegerField()
        ),
        name=Case(
            When(direct, then=Subquery(others.annotate(name=full_name).values("name")[:1])),
            When(title="", then=F("application__reference_number")),
            default=F("title"),
            output_field=CharField(),
        ),
    )


def with_latest(conversations: QuerySet[Any]) -> QuerySet[Any]:
    """Conversations with the latest message and its author."""
    return conversations.select_related("last_message__author")


def for_reading(messages: QuerySet[Any]) -> QuerySet[Any]:
    """Messages with author and attachments."""
    attached = MessageAttachment.objects.order_by("id")
    return messages.select_related("author").prefetch_related(Prefetch("attachments", attached))


def changed_between(
    conversation_id: int, reader: Any, after: int, upto: int | None, *, limit: int
) -> QuerySet[Any]:
    """Messages whose latest change is beyond `after`, up to and including `upto`, in order of the changes.

    None for somebody who is in the conversation no more.
    """
    rows = Message.objects.visible_to(reader).filter(conversation=conversation_id, change__gt=after)
    if upto is not None:
        rows = rows.filter(change__lte=upto)
    return for_reading(rows).order_by("change")[:limit]


def readers_of(conversation: Conversation) -> set[int]:
    """Ids of the members who see the conversation now; about an application, those who see that."""
    users = list(User.objects.active().filter(pk__in=conversation.members.values("user")))
    if conversation.application_id is None:
        return {user.pk for user in users}
    return who_see(conversation.application_id, users)


def who_see(application_id: int, users: Iterable[Any]) -> set[int]:
    """Ids of those of some users who see an application, in one query."""
    parts = [
        Application.objects.visible_to(user)
        .filter(pk=application_id)
        .order_by()
        .annotate(reader=Value(user.pk, output_field=BigIntegerField()))
        .values_list("reader", flat=True)
        for user in users
    ]
    return set(parts[0].union(*parts[1:], all=True)) if parts else set()


def listeners_of(conversation: Conversation) -> set[int]:
    """Ids of the readers who want to be told of messages."""
    muted = conversation.members.filter(is_muted=True).values_list("user", flat=True)
    return readers_of(conversation) - set(muted)


def member_of(conversation: Conversation, user: Any) -> Member | None:
    """A user's place in a conversation."""
    found: Member | None = conversation.members.filter(user=user).first()
    return found


def unread(user: Any) -> list[dict[str, int]]:
    """Of each conversation with something that a user has not read: its id and how many, newest first."""
    rows = seen_by(Conversation.objects.visible_to(user), user).filter(unread_count__gt=0)
    found = rows.order_by("-active_at", "-id").values_list("pk", "unread_count")
    return [{"conversation": pk, "unread_count": count} for pk, count in found]


def topic_of(conversation: Conversation) -> str:
    """What a conversation is about, for those who are told of it."""
    if conversation.kind == ConversationKind.DIRECT:
        return "direct message"
    if conversation.application is None:
        return conversation.title
    reference = conversation.application.reference_number
    return f"{reference}, {conversation.title}" if conversation.title else reference
