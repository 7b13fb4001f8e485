"""Kinds of conversations, and what members are in them."""

from django.db import models


class ConversationKind(models.TextChoices):
    """What a conversation is."""

    DIRECT = "direct", "Direct"
    GROUP = "group", "Group"
    APPLICATION = "application", "About an application"


class MemberRole(models.TextChoices):
    """What a member may do: owners everything, administrators all but deleting it and choosing others."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Administrator"
    MEMBER = "member", "Member"


# Who changes the title and who is in it.
RUNNING = (MemberRole.OWNER, MemberRole.ADMIN)
