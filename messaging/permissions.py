"""Who may do what in conversations. Everybody sees only their own: `visible_to` comes first."""

from typing import Any

from crm_backend.common.policy import ADMIN, Policy, only
from messaging.choices import RUNNING, MemberRole
from messaging.models import ChatGroup, Contact, Conversation, Member, Message
from users.choices import Role
from users.permissions import EVERYONE

NOT_RUN = "This is for those who run the conversation."


def _is(user: Any, row: Any, *roles: MemberRole) -> bool:
    """Whether a user has one of these roles in a conversation, or in that of a row."""
    pk = row.conversation_id if isinstance(row, Member | Message) else row.pk
    return Member.objects.filter(conversation=pk, user=user.pk, role__in=roles).exists()


def runs(user: Any, row: Any) -> str:
    """Where one is an owner or administrator."""
    return "" if _is(user, row, *RUNNING) else NOT_RUN


def owns(user: Any, row: Any) -> str:
    """Where one is an owner."""
    return "" if _is(user, row, MemberRole.OWNER) else NOT_RUN


def may_remove(user: Any, member: Member) -> str:
    """Oneself; others where one is an owner, and as an administrator all but owners."""
    if member.user_id == user.pk or _is(user, member, MemberRole.OWNER):
        return ""
    return runs(user, member) if member.role != MemberRole.OWNER else NOT_RUN


def own_message(user: Any, message: Message) -> str:
    """One's own."""
    return "" if message.author_id == user.pk else "This message is somebody else's."


def may_delete(user: Any, message: Message) -> str:
    """One's own; any where one is an owner or administrator."""
    reason = own_message(user, message)
    return reason if reason and runs(user, message) else ""


def everyone(condition: Any) -> tuple[Any, ...]:
    """Every role under a condition."""
    return tuple(only(role, condition) for role in EVERYONE)


CONVERSATIONS = Policy(
    "conversations",
    Conversation,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": EVERYONE,
        "update": everyone(runs),
        "destroy": everyone(owns),
        "read": EVERYONE,
        "mute": EVERYONE,
        "status": EVERYONE,
    },
)

STAFF = (ADMIN, Role.BD)
PARTNERS = (ADMIN, Role.BD, Role.BROKER)

# Borrowers are in no groups.
GROUPS = Policy(
    "chat-groups",
    ChatGroup,
    {
        "list": PARTNERS,
        "retrieve": PARTNERS,
        "create": PARTNERS,
        "update": tuple(only(role, runs) for role in PARTNERS),
        "destroy": tuple(only(role, owns) for role in PARTNERS),
        "join": STAFF,
        "leave": PARTNERS,
    },
)

MEMBERS = Policy(
    "conversation-members",
    Member,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": everyone(runs),
        "update": everyone(owns),
        "destroy": everyone(may_remove),
    },
)

MESSAGES = Policy(
    "messages",
    Message,
    {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": EVERYONE,
        "update": everyone(own_message),
        "destroy": everyone(may_delete),
    },
)

CONTACTS = Policy("contacts", Contact, {"list": EVERYONE})
