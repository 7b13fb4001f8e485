"""What happens to notifications."""

from events.registry import Audience, Payload


class NotificationsRead(Payload):
    """A user read notifications; their other sockets follow."""

    type = "notification.read"
    summary = "{count} notification(s) read."
    audience = Audience.STAFF

    ids: list[int]
    count: int


class NotificationDeleted(Payload):
    """A user deleted a notification."""

    type = "notification.deleted"
    summary = "Notification deleted."
    audience = Audience.STAFF

    notification_id: int
