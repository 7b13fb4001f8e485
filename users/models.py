"""Users and their sessions."""

import uuid
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Upper

from crm_backend.common.australia import validate_phone
from crm_backend.common.models import TimestampedModel
from crm_backend.common.reads import reads
from crm_backend.common.scoping import EVERYTHING, Scope, ScopedQuerySet, where
from users.choices import AccountStatus, Role

SELF: Scope = where("self", lambda user: Q(pk=user.pk))


def _branch_team(user: Any) -> Q:
    # The profiles belong to `brokers`, above this app; only their relation names are known here.
    mine = {"branch__bdms__user": user}
    return (
        Q(pk=user.pk)
        | Q(bdm__in=User._meta.get_field("bdm").related_model._base_manager.filter(**mine))
        | Q(broker__in=User._meta.get_field("broker").related_model._base_manager.filter(**mine))
    )


class UserQuerySet(ScopedQuerySet):
    """Users, by who may see whom."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: where("self and own branch's team", _branch_team),
        Role.BROKER: SELF,
        Role.CLIENT: SELF,
    }

    def active(self) -> "UserQuerySet":
        """Those who may log in."""
        return self.filter(status=AccountStatus.ACTIVE)

    def admins(self) -> "UserQuerySet":
        """Active administrators."""
        return self.active().filter(role=Role.ADMIN)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Makes users; e-mail addresses are kept in lower case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find by e-mail, in any spelling of its case."""
        return self.get(email=(username or "").strip().lower())

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make and save a user; without a password nobody can log in as them."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make an administrator: the first one of an installation, by `manage.py createsuperuser`."""
        return self.create_user(email, password, **{**fields, "role": Role.ADMIN})


def validate_timezone(name: str) -> None:
    """Refuse what is not an IANA time zone name."""
    if name not in available_timezones():
        raise ValidationError("This is not a known time zone.", code="timezone")


class User(AbstractBaseUser, TimestampedModel):
    """Someone who can log in. `token_version` grows whenever all their tokens must end."""

    email = models.EmailField(max_length=254, unique=True)
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    phone = models.CharField(max_length=32, blank=True, validators=[validate_phone])
    role = models.CharField(max_length=16, choices=Role.choices)
    status = models.CharField(max_length=16, choices=AccountStatus.choices, default=AccountStatus.ACTIVE)
    email_verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    timezone = models.CharField(max_length=64, default="Australia/Sydney", validators=[validate_timezone])
    token_version = models.PositiveIntegerField(default=0, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["first_name", "last_name"]

    class Meta:
        constraints = [
            models.CheckConstraint(name="user_email_lower_case", condition=Q(email=Lower("email"))),
            models.CheckConstraint(name="user_role_known", condition=Q(role__in=Role.values)),
            models.CheckConstraint(name="user_status_known", condition=Q(status__in=AccountStatus.values)),
        ]
        indexes = [
            models.Index(name="user_role", fields=["role", "status"]),
            models.Index(name="user_in_role", fields=["role", "id"]),
            models.Index(name="user_in_status", fields=["status", "id"]),
            models.Index(name="user_last_name", fields=["last_name", "id"]),
            models.Index(name="user_created", fields=["created_at", "id"]),
            models.Index(name="user_last_login", fields=["last_login", "id"]),
            GinIndex(
                OpClass(Upper("email"), "gin_trgm_ops"),
                OpClass(Upper("first_name"), "gin_trgm_ops"),
                OpClass(Upper("last_name"), "gin_trgm_ops"),
                name="user_search",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @classmethod
    def stand_in(cls, *, pk: int, role: str) -> "User":
        """Some active user of a role, to see what is visible to any of them; anything else is unknown.

        What is not known fails when it is asked for, since the database of such a user does not exist.
        """
        return cls.from_db("nowhere", ["id", "role", "status"], [pk, role, AccountStatus.ACTIVE])

    @property
    @reads("status")
    def is_active(self) -> bool:  # type: ignore[override]
        """Whether they may log in; Django and SimpleJWT ask under this name."""
        return self.status == AccountStatus.ACTIVE

    @property
    @reads("first_name", "last_name")
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


OWN: Scope = where("own", lambda user: Q(user=user))


class SessionQuerySet(ScopedQuerySet):
    """Sessions, by who may see which."""

    scopes = {Role.ADMIN: EVERYTHING, Role.BD: OWN, Role.BROKER: OWN, Role.CLIENT: OWN}


class Session(models.Model):
    """One login of one user: a family of refresh tokens, of which only the latest is good.

    `previous_jti` answers for a few seconds after a rotation, for tabs that refresh at once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions", db_index=False)
    jti = models.CharField(max_length=64)
    previous_jti = models.CharField(max_length=64, blank=True, default="")
    rotated_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)
    ip_address = models.GenericIPAddressField(null=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(name="session_recent", fields=["user", "-last_used_at", "-id"])]

    def __str__(self) -> str:
        return f"session {self.pk} of user {self.user_id}"


class LastSeen(models.Model):
    """When a user was last connected, to a minute; apart from the user, whom being there does not change."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"user {self.pk} at {self.at}"


class ApiKeyQuerySet(ScopedQuerySet):
    """API keys are for administrators."""

    scopes = {Role.ADMIN: EVERYTHING}


class ApiKey(TimestampedModel):
    """A secret with which a program acts as its owner, within scopes.

    A key reads `crm_<prefix>_<secret>`. The prefix finds the row and may be shown; of the secret only the
    SHA-256 is kept, and of the one before it until `previous_expires_at`.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    previous_hash = models.CharField(max_length=64, blank=True, editable=False)
    previous_expires_at = models.DateTimeField(null=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=48))
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of this key; the installation's own limit where empty."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    rotated_at = models.DateTimeField(null=True, editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, editable=False
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(name="api_key_has_scopes", condition=~Q(scopes=[])),
            models.CheckConstraint(
                name="api_key_limit_positive",
                condition=Q(requests_per_minute=None) | Q(requests_per_minute__gt=0),
            ),
            models.CheckConstraint(
                name="api_key_previous_ends",
                condition=Q(previous_hash="") | Q(previous_expires_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="api_key_created", fields=["created_at", "id"]),
            models.Index(name="api_key_last_used", fields=["last_used_at", "id"]),
            models.Index(name="api_key_expiry", fields=["expires_at", "id"]),
            GinIndex(
                OpClass(Upper("name"), "gin_trgm_ops"),
                OpClass(Upper("prefix"), "gin_trgm_ops"),
                name="api_key_search",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (crm_{self.prefix})"
