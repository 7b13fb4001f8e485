"""Users and their sessions."""

import uuid
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from crm_backend.common.australia import validate_phone
from crm_backend.common.models import TimestampedModel
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


class UserManager(BaseUserManager["User"]):
    """Makes users; e-mail addresses are kept in lower case and are unique without regard to it."""

    def get_queryset(self) -> UserQuerySet:
        """The app's own queryset."""
        return UserQuerySet(self.model, using=self._db)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find by e-mail, in any spelling of its case."""
        return self.get(email=(username or "").strip().lower())

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make and save a user; without a password nobody can log in as them."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def visible_to(self, user: Any) -> UserQuerySet:
        """See `UserQuerySet.visible_to`."""
        return self.get_queryset().visible_to(user)

    def active(self) -> UserQuerySet:
        """See `UserQuerySet.active`."""
        return self.get_queryset().active()

    def admins(self) -> UserQuerySet:
        """See `UserQuerySet.admins`."""
        return self.get_queryset().admins()


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
    REQUIRED_FIELDS = ["first_name", "last_name", "role"]

    class Meta:
        constraints = [
            models.CheckConstraint(name="user_email_lower_case", condition=Q(email=Lower("email"))),
            models.CheckConstraint(name="user_role_known", condition=Q(role__in=Role.values)),
            models.CheckConstraint(name="user_status_known", condition=Q(status__in=AccountStatus.values)),
        ]
        indexes = [
            models.Index(name="user_role", fields=["role", "status"]),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Whether they may log in; Django and SimpleJWT ask under this name."""
        return self.status == AccountStatus.ACTIVE

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


class SessionQuerySet(ScopedQuerySet):
    """Sessions."""

    def live(self) -> "SessionQuerySet":
        """Neither revoked nor expired."""
        return self.filter(revoked_at=None, expires_at__gt=Now())


class Session(models.Model):
    """One login of one user: a family of refresh tokens, of which only the latest is good.

    `previous_jti` answers for a few seconds after a rotation, for tabs that refresh at once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
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

    def __str__(self) -> str:
        return f"session {self.pk} of user {self.user_id}"
