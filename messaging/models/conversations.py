"""Conversations, and who is in them."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from applications.models import Application
from crm_backend.common.models import TimestampedModel
from crm_backend.common.scoping import ScopedQuerySet, any_of, through, where
from messaging.choices import ConversationKind, MemberRole
from users.choices import Role


def _joined(user: Any) -> Q:
    """What one is a member of; about an application only as long as one sees that."""
    known = Q(application=None) | Q(application__in=Application.objects.visible_to(user))
    return Q(pk__in=Member.objects.filter(user=user).values("conversation")) & known


JOINED = where("those I am a member of (about an application while I see it)", _joined)
GROUPS = where("groups I am a member of", lambda user: Q(kind=ConversationKind.GROUP) & _joined(user))
OPEN_GROUPS = where("open groups", lambda user: Q(kind=ConversationKind.GROUP, is_open=True))


class ConversationQuerySet(ScopedQuerySet):
    """Conversations are for their members, administrators included."""

    scopes = dict.fromkeys(Role.values, JOINED)


class Conversation(TimestampedModel):
    """People who write to each other.

    `last_number` is that of the latest message, and `last_change` counts sending, editing and deleting: both
    grow by one under this row's lock, so neither has gaps. `pair` are the ids of the two of a direct one, the
    smaller first, so that it is there once. `active_at` is when it began or was last written in.
    """

    kind = models.CharField(max_length=16, choices=ConversationKind.choices)
    title = models.CharField(max_length=120, blank=True, default="")
    application = models.ForeignKey(
        Application,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="conversations",
        db_index=False,
    )
    pair = models.CharField(max_length=41, blank=True, default="", editable=False)
    is_open = models.BooleanField(
        default=False, help_text="Whether the lender's staff find this group and join by themselves."
    )
    last_number = models.PositiveBigIntegerField(default=0, editable=False)
    last_change = models.PositiveBigIntegerField(default=0, editable=False)
    last_message = models.OneToOneField(
        "messaging.Message", on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    active_at = models.DateTimeField(editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )

    objects = ConversationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="conversation_kind_known", condition=Q(kind__in=ConversationKind.values)
            ),
            models.CheckConstraint(
                name="conversation_of_a_pair",
                condition=(Q(kind=ConversationKind.DIRECT) & ~Q(pair=""))
                | (~Q(kind=ConversationKind.DIRECT) & Q(pair="")),
            ),
            models.CheckConstraint(
                name="conversation_of_an_application",
                condition=Q(kind=ConversationKind.APPLICATION, application__isnull=False)
                | (~Q(kind=ConversationKind.APPLICATION) & Q(application=None)),
            ),
            models.CheckConstraint(
                name="conversation_group_has_a_title",
                condition=~Q(kind=ConversationKind.GROUP) | ~Q(title=""),
            ),
            models.CheckConstraint(
                name="conversation_only_groups_are_open",
                condition=Q(is_open=False) | Q(kind=ConversationKind.GROUP),
            ),
            models.UniqueConstraint(
                name="conversation_direct_once",
                fields=["pair"],
                condition=Q(kind=ConversationKind.DIRECT),
            ),
        ]
        indexes = [
            models.Index(name="conversation_active", fields=["active_at", "id"]),
            models.Index(name="conversation_of_application", fields=["application", "active_at", "id"]),
            models.Index(
                name="conversation_open_groups", fields=["active_at", "id"], condition=Q(is_open=True)
            ),
            GinIndex(OpClass(Upper("title"), "gin_trgm_ops"), name="conversation_title_search"),
        ]

    def __str__(self) -> str:
        return f"conversation {self.pk}"


class ChatGroupQuerySet(ScopedQuerySet):
    """Groups: one's own, and for the lender's staff those that are open."""

    scopes = {
        Role.ADMIN: any_of(GROUPS, OPEN_GROUPS),
        Role.BD: any_of(GROUPS, OPEN_GROUPS),
        Role.BROKER: GROUPS,
        Role.CLIENT: GROUPS,
    }


class ChatGroup(Conversation):
    """A conversation of the kind `group`, which may be found before one is in it."""

    objects: ClassVar[Any] = ChatGroupQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        proxy = True


class MemberQuerySet(ScopedQuerySet):
    """Members know each other."""

    scopes = dict.fromkeys(Role.values, through("conversation"))


class Member(models.Model):
    """Somebody in a conversation, how far they have read, and whether they are told of messages."""

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="members", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    role = models.CharField(max_length=16, choices=MemberRole.choices, default=MemberRole.MEMBER)
    last_read_number = models.PositiveBigIntegerField(default=0)
    read_at = models.DateTimeField(null=True)
    is_muted = models.BooleanField(default=False)
    joined_at = models.DateTimeField(auto_now_add=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="member_once", fields=["conversation", "user"]),
            models.CheckConstraint(name="member_role_known", condition=Q(role__in=MemberRole.values)),
        ]
        indexes = [models.Index(name="member_of", fields=["user", "conversation"])]

    def __str__(self) -> str:
        return f"user {self.user_id} in conversation {self.conversation_id}"
