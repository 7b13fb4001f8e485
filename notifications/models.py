"""Notifications, their numbering, preferences, and outgoing account mail."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from crm_backend.common.reads import reads
from crm_backend.common.scoping import ScopedQuerySet, where
from events.models import Event
from notifications.choices import MailKind, MailStatus, NotificationType
from users.choices import Role

OWN = where("own", lambda user: Q(user=user))


class NotificationQuerySet(ScopedQuerySet):
    """Everyone reads their own, administrators included."""

    scopes = dict.fromkeys(Role.values, OWN)

    def unread(self) -> "NotificationQuerySet":
        """Not read yet."""
        return self.filter(read_at=None)


class Notification(models.Model):
    """One thing one user was told. `seq` counts the user's notifications from 1 without gaps."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notifications",
        db_index=False,
    )
    seq = models.BigIntegerField()
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+", db_index=False)
    notification_type = models.CharField(max_length=32, choices=NotificationType.choices)
    title = models.CharField(max_length=200)
    body = models.TextField()
    application_id = models.BigIntegerField(null=True)
    subject_type = models.CharField(max_length=32)
    subject_id = models.BigIntegerField()
    read_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="notification_user_seq", fields=["user", "seq"]),
            models.UniqueConstraint(name="notification_once", fields=["event", "user"]),
            models.CheckConstraint(name="notification_seq_positive", condition=Q(seq__gt=0)),
        ]
        indexes = [
            models.Index(name="notification_unread", fields=["user"], condition=Q(read_at=None)),
            models.Index(name="notification_recent", fields=["user", "-created_at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.notification_type} {self.seq} of user {self.user_id}"

    @property
    @reads("read_at")
    def is_read(self) -> bool:
        """Whether its owner has read it."""
        return self.read_at is not None


class NotificationCounter(models.Model):
    """The last number given to a user; the row lock that keeps the numbering without gaps."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    last_seq = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"user {self.user_id}: {self.last_seq}"


class NotificationPreference(models.Model):
    """A choice that differs from the default, which is to be told."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_preferences"
    )
    notification_type = models.CharField(max_length=32, choices=NotificationType.choices)
    in_app = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="notification_preference_once", fields=["user", "notification_type"])
        ]

    def __str__(self) -> str:
        return f"{self.notification_type} of user {self.user_id}"


class OutgoingMail(models.Model):
    """A mail about an account, owed since its event. Its text is made when it is sent."""

    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=32, choices=MailKind.choices)
    status = models.CharField(max_length=16, choices=MailStatus.choices, default=MailStatus.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(name="mail_pending", fields=["id"], condition=Q(status=MailStatus.PENDING))]

    def __str__(self) -> str:
        return f"{self.kind} to user {self.user_id}: {self.status}"
