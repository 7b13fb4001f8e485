"""What happens to notifications, reminders and alerts."""

from events.recording import record_events
from events.registry import Audience, Notify, Payload

REMINDER = record_events("reminder")


class NotificationsRead(Payload):
    """A user read notifications; their other sockets follow."""

    type = "notification.read"
    summary = "{count} notification(s) read."
    audience = Audience.STAFF
    silent = "it is the reader's own doing, which their sockets follow"

    ids: list[int]
    count: int


class NotificationDeleted(Payload):
    """A user deleted a notification."""

    type = "notification.deleted"
    summary = "Notification deleted."
    audience = Audience.STAFF
    silent = "it is the reader's own doing, which their sockets follow"

    notification_id: int


class ReminderSent(Payload):
    """The mail server took a reminder."""

    type = "reminder.sent"
    summary = "Reminder {label} sent."
    audience = Audience.STAFF
    silent = "the reminder itself is what was told"

    label: str


class ReminderFailed(Payload):
    """A reminder could not be sent, and is not tried again."""

    type = "reminder.failed"
    summary = "Reminder {label} could not be sent ({error})."
    audience = Audience.STAFF
    notify = Notify(
        "note_reminder",
        title="A reminder could not be sent",
        body="Your reminder “{label}” to {address} could not be sent: {error}",
        to="who wrote the reminder",
    )

    label: str
    address: str
    error: str


class AlertRaised(Payload):
    """Something needs an operator: a person says so, or the system noticed it."""

    type = "alert.raised"
    summary = "Alert raised ({priority}): {title}."
    audience = Audience.STAFF
    notify = Notify(
        "system",
        title="{priority_display} alert: {title}",
        body="{text}",
        to="who is to see to it, or else the administrators",
    )

    title: str
    text: str
    priority: str
    priority_display: str


class AlertAssigned(Payload):
    """Somebody else is to see to an alert now."""

    type = "alert.assigned"
    summary = "Alert {title} assigned to {assignee_name}."
    audience = Audience.STAFF
    notify = Notify("system", title="An alert is yours", body="{title}: {text}", to="who is to see to it now")

    title: str
    text: str
    assignee_name: str


class AlertUpdated(Payload):
    """An alert was edited; the names of the fields, not their values."""

    type = "alert.updated"
    summary = "Alert {title} changed: {field_names}."
    audience = Audience.STAFF
    silent = "who works with the alert reads it"

    title: str
    field_names: str


class AlertAcknowledged(Payload):
    """Somebody has seen an alert and sees to it."""

    type = "alert.acknowledged"
    summary = "Alert {title} acknowledged."
    audience = Audience.STAFF
    silent = "nothing is asked of anybody by it"

    title: str


class AlertResolved(Payload):
    """What an alert was about is mended."""

    type = "alert.resolved"
    summary = "Alert {title} resolved."
    audience = Audience.STAFF
    notify = Notify(
        "system",
        title="Alert resolved: {title}",
        body="{actor_name} resolved it. {resolution}",
        to="who raised it and who was to see to it",
        no_mail="nothing is asked of anybody by it",
    )

    title: str
    resolution: str
    actor_name: str


class AlertDeleted(Payload):
    """An alert was deleted."""

    type = "alert.deleted"
    summary = "Alert {title} deleted."
    audience = Audience.STAFF
    silent = "who works with alerts sees that it is gone"

    title: str
