"""Kinds of notifications, mails, reminders and alerts, and their states."""

from django.db import models


class NotificationType(models.TextChoices):
    """What a notification is about; preferences are set per type."""

    APPLICATION_STATUS = "application_status", "Application status"
    REPAYMENT_UPCOMING = "repayment_upcoming", "Repayment due soon"
    REPAYMENT_OVERDUE = "repayment_overdue", "Repayment overdue"
    NOTE_REMINDER = "note_reminder", "Note or reminder"
    DOCUMENT_UPLOADED = "document_uploaded", "Document uploaded"
    SIGNATURE_REQUIRED = "signature_required", "Signature required"
    SYSTEM = "system", "Account and system"
    MESSAGE = "message", "Message"
    LEAD_ASSIGNED = "lead_assigned", "Lead assigned"
    APPOINTMENT_REMINDER = "appointment_reminder", "Appointment reminder"
    SCHEDULED_REPORT = "scheduled_report", "Scheduled report"


# Account safety is not optional.
ALWAYS_ON = frozenset({NotificationType.SYSTEM})


# By mail goes, where nobody chose: what asks for something, or is about money or safety. The rest is for
# the bell and the digests.
MAILED = ALWAYS_ON | {
    NotificationType.REPAYMENT_UPCOMING,
    NotificationType.REPAYMENT_OVERDUE,
    NotificationType.NOTE_REMINDER,
    NotificationType.SIGNATURE_REQUIRED,
    NotificationType.LEAD_ASSIGNED,
    NotificationType.APPOINTMENT_REMINDER,
    NotificationType.SCHEDULED_REPORT,
}


class Cadence(models.TextChoices):
    """How often a digest comes; in the user's own time zone."""

    DAILY = "daily_digest", "Daily digest"
    WEEKLY = "weekly_digest", "Weekly digest"


class MailKind(models.TextChoices):
    """What a mail is."""

    PASSWORD_RESET = "password_reset", "Password reset"
    ACCOUNT_APPROVED = "account_approved", "Account approved"
    EMAIL_CHANGED = "email_changed", "E-mail address changed"
    NOTIFICATION = "notification", "Notification"
    DAILY_DIGEST = Cadence.DAILY.value, Cadence.DAILY.label
    WEEKLY_DIGEST = Cadence.WEEKLY.value, Cadence.WEEKLY.label
    REMINDER = "reminder", "Reminder"


DIGESTS = frozenset({MailKind.DAILY_DIGEST, MailKind.WEEKLY_DIGEST})


class MailStatus(models.TextChoices):
    """How far a mail is; one that was dropped was not wanted any more when its time came."""

    PENDING = "pending", "Pending"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    DROPPED = "dropped", "Dropped"


class RecipientType(models.TextChoices):
    """Whom a reminder goes to."""

    CLIENT = "client", "Client"
    BDM = "bdm", "BDM"
    BROKER = "broker", "Broker"
    CUSTOM = "custom", "Another address"


class ReminderStatus(models.TextChoices):
    """How far a reminder is."""

    SCHEDULED = "scheduled", "Scheduled"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"


class Priority(models.TextChoices):
    """How urgent an alert is."""

    CRITICAL = "critical", "Critical"
    HIGH = "high", "High"
    MEDIUM = "medium", "Medium"
    LOW = "low", "Low"


class AlertStatus(models.TextChoices):
    """How far an alert is."""

    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    RESOLVED = "resolved", "Resolved"


class AlertSource(models.TextChoices):
    """Where an alert comes from."""

    PERSON = "person", "A person"
    MAIL = "mail", "Mail"
    JOB = "job", "A job"
    DOCUMENT = "document", "A document"
