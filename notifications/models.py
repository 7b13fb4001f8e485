"""Notifications, their numbering, what people want of them, mail, reminders and alerts."""

from email.utils import parseaddr

from django.conf import settings
from django.db import models
from django.db.models import Q

from crm_backend.common.models import TimestampedModel
from crm_backend.common.policy import ADMIN
from crm_backend.common.reads import reads
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, any_of, where
from events.models import Event
from notifications.choices import (
    AlertSource,
    AlertStatus,
    Cadence,
    MailKind,
    MailStatus,
    NotificationType,
    Priority,
    RecipientType,
    ReminderStatus,
)
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
    """A choice that differs from the default. `email` is null where only the other channel was chosen."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_preferences"
    )
    notification_type = models.CharField(max_length=32, choices=NotificationType.choices)
    in_app = models.BooleanField(default=True)
    email = models.BooleanField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="notification_preference_once", fields=["user", "notification_type"])
        ]

    def __str__(self) -> str:
        return f"{self.notification_type} of user {self.user_id}"


class DigestSubscription(models.Model):
    """A user wants a digest. It told of everything up to `told_seq`, last for the local day `told_on`."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    cadence = models.CharField(max_length=16, choices=Cadence.choices)
    told_on = models.DateField()
    told_seq = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(name="digest_once", fields=["user", "cadence"])]
        indexes = [models.Index(name="digest_told", fields=["cadence", "told_on"])]

    def __str__(self) -> str:
        return f"{self.cadence} of user {self.user_id}"


class ReminderQuerySet(ScopedQuerySet):
    """Administrators see all, others what they wrote themselves; clients write none."""

    scopes = {
        ADMIN: EVERYTHING,
        Role.BD: where("created by me", lambda user: Q(created_by=user)),
        Role.BROKER: where("created by me", lambda user: Q(created_by=user)),
    }


class Reminder(TimestampedModel):
    """A mail that somebody wrote for later. Sent once; what went wrong is in `error`."""

    recipient_type = models.CharField(max_length=16, choices=RecipientType.choices)
    recipient_email = models.EmailField(max_length=254)
    subject = models.CharField(max_length=200)
    body = models.TextField(max_length=10_000)
    send_datetime = models.DateTimeField(help_text="One that has passed means at once.")
    send_as = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose name the mail bears; the writer's own when left out.",
    )
    reply_to = models.EmailField(
        max_length=254, blank=True, help_text="Where answers go; to whose name it bears when left out."
    )
    status = models.CharField(
        max_length=16, choices=ReminderStatus.choices, default=ReminderStatus.SCHEDULED, editable=False
    )
    sent_at = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=500, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        editable=False,
    )

    objects = ReminderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="reminder_sent_when_sent",
                condition=Q(status=ReminderStatus.SENT, sent_at__isnull=False)
                | (~Q(status=ReminderStatus.SENT) & Q(sent_at=None)),
            ),
            models.CheckConstraint(
                name="reminder_status_known", condition=Q(status__in=ReminderStatus.values)
            ),
            models.CheckConstraint(
                name="reminder_recipient_known", condition=Q(recipient_type__in=RecipientType.values)
            ),
        ]
        indexes = [
            models.Index(
                name="reminder_due", fields=["send_datetime"], condition=Q(status=ReminderStatus.SCHEDULED)
            ),
            models.Index(name="reminder_when", fields=["send_datetime", "id"]),
            models.Index(name="reminder_status", fields=["status", "-send_datetime", "-id"]),
            models.Index(name="reminder_recent", fields=["created_at", "id"]),
            models.Index(name="reminder_owner", fields=["created_by", "send_datetime", "id"]),
        ]

    def __str__(self) -> str:
        return self.subject


class AlertQuerySet(ScopedQuerySet):
    """Administrators see all, BDMs what they raised or are to see to."""

    scopes = {
        ADMIN: EVERYTHING,
        Role.BD: any_of(
            where("created by me", lambda user: Q(created_by=user)),
            where("assigned to me", lambda user: Q(assigned_to=user)),
        ),
    }


class Alert(TimestampedModel):
    """Something that an operator has to see to.

    `key` names what an automatic alert is about: while one is not resolved, the same trouble makes no
    other, but is counted in `occurrences`.
    """

    source = models.CharField(
        max_length=16, choices=AlertSource.choices, default=AlertSource.PERSON, editable=False
    )
    key = models.CharField(max_length=100, blank=True, editable=False)
    priority = models.CharField(max_length=16, choices=Priority.choices, default=Priority.MEDIUM)
    title = models.CharField(max_length=200)
    body = models.TextField(max_length=4000, blank=True)
    status = models.CharField(
        max_length=16, choices=AlertStatus.choices, default=AlertStatus.OPEN, editable=False
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    occurrences = models.PositiveIntegerField(default=1, editable=False)
    last_seen_at = models.DateTimeField(editable=False)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    acknowledged_at = models.DateTimeField(null=True, editable=False)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    resolved_at = models.DateTimeField(null=True, editable=False)
    resolution = models.CharField(max_length=1000, blank=True, editable=False)

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="alert_open_once",
                fields=["key"],
                condition=~Q(key="") & ~Q(status=AlertStatus.RESOLVED),
            ),
            models.CheckConstraint(name="alert_status_known", condition=Q(status__in=AlertStatus.values)),
            models.CheckConstraint(name="alert_priority_known", condition=Q(priority__in=Priority.values)),
            models.CheckConstraint(
                name="alert_resolved_when_resolved",
                condition=Q(status=AlertStatus.RESOLVED, resolved_at__isnull=False)
                | (~Q(status=AlertStatus.RESOLVED) & Q(resolved_at=None)),
            ),
        ]
        indexes = [
            models.Index(name="alert_recent", fields=["-created_at", "-id"]),
            models.Index(name="alert_status", fields=["status", "-created_at", "-id"]),
            models.Index(name="alert_priority", fields=["priority", "-created_at", "-id"]),
            models.Index(name="alert_source", fields=["source", "-created_at", "-id"]),
        ]

    def __str__(self) -> str:
        return self.title


class OutgoingMailQuerySet(ScopedQuerySet):
    """The mail log is for administrators."""

    scopes = {ADMIN: EVERYTHING}


class OutgoingMail(models.Model):
    """A mail that somebody is owed, and the log of it. Its text is made when it is sent, and not kept.

    One row for each event and user, each reminder, each digest of a user's day: what is owed twice is
    owed once. `address` and `subject` are those it was last sent to and with.
    """

    kind = models.CharField(max_length=32, choices=MailKind.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+", db_index=False
    )
    event = models.ForeignKey(Event, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    reminder = models.ForeignKey(
        Reminder, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    # Of a digest: the local day that it is of, and the notifications that it tells of.
    digest_day = models.DateField(null=True)
    after_seq = models.BigIntegerField(null=True)
    upto_seq = models.BigIntegerField(null=True)
    status = models.CharField(max_length=16, choices=MailStatus.choices, default=MailStatus.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    # Defaults of the database too: while a release is rolled out, processes of the one before it write.
    address = models.EmailField(max_length=254, blank=True, default="", db_default="")
    subject = models.CharField(max_length=200, blank=True, default="", db_default="")
    error = models.CharField(max_length=500, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="mail_once_per_event", fields=["event", "user"]),
            models.UniqueConstraint(name="mail_once_per_reminder", fields=["reminder"]),
            models.UniqueConstraint(name="mail_once_per_digest", fields=["user", "kind", "digest_day"]),
        ]
        indexes = [
            models.Index(name="mail_due", fields=["attempts", "id"], condition=Q(status=MailStatus.PENDING)),
            models.Index(name="mail_recent", fields=["created_at", "id"]),
            models.Index(name="mail_status", fields=["status", "-created_at", "-id"]),
            models.Index(name="mail_kind", fields=["kind", "-created_at", "-id"]),
            models.Index(name="mail_address", fields=["address", "-created_at", "-id"]),
            models.Index(name="mail_user", fields=["user", "-created_at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}: {self.status}"

    @property
    @reads("pk", "created_at")
    def message_id(self) -> str:
        """The same at each attempt: a receiver that got the mail before it was marked can drop the repeat."""
        domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
        return f"<mail-{self.pk}-{self.created_at:%Y%m%d%H%M%S}@{domain}>"
