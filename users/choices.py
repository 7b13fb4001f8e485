"""Roles and account states."""

from django.db import models

from crm_backend.common.policy import ADMIN as PLATFORM_ADMIN


class Role(models.TextChoices):
    """What a user is to the lender."""

    ADMIN = PLATFORM_ADMIN, "Administrator"
    BROKER = "broker", "Broker"
    BD = "bd", "Business development manager"
    CLIENT = "client", "Client"


# Nobody makes themselves an administrator.
REGISTRATION_ROLES = [(role.value, role.label) for role in (Role.BROKER, Role.BD, Role.CLIENT)]


class PresenceStatus(models.TextChoices):
    """Whether somebody is there at this moment."""

    ONLINE = "online", "Online"
    AWAY = "away", "Away"
    OFFLINE = "offline", "Offline"


class AccountStatus(models.TextChoices):
    """Whether a user may log in: only the active may."""

    PENDING = "pending", "Waiting for approval"
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"
