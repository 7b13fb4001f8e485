"""Kinds of notifications and states of mails."""

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


# Account safety is not optional.
ALWAYS_ON = frozenset({NotificationType.SYSTEM})


class MailKind(models.TextChoices):
    """Mails about the account itself."""

    PASSWORD_RESET = "password_reset", "Password reset"
    ACCOUNT_APPROVED = "account_approved", "Account approved"
    EMAIL_CHANGED = "email_changed", "E-mail address changed"


class MailStatus(models.TextChoices):
    """How far a mail is."""

    PENDING = "pending", "Pending"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
