"""Who may do what with notifications, reminders, alerts and the mail log."""

from typing import Any

from crm_backend.common.policy import ADMIN, Policy, only
from notifications.models import Alert, Notification, OutgoingMail, Reminder
from users.choices import Role
from users.permissions import EVERYONE

NOTIFICATIONS = Policy(
    "notifications",
    Notification,
    dict.fromkeys(["list", "retrieve", "destroy", "mark_read", "mark_one_read", "unread_count"], EVERYONE),
)

WRITERS = (ADMIN, Role.BD, Role.BROKER)

REMINDERS = Policy(
    "reminders",
    Reminder,
    dict.fromkeys(["list", "retrieve", "create", "update", "destroy"], WRITERS),
)


def own_alert(user: Any, alert: Alert) -> str:
    """One's own."""
    return "" if alert.created_by_id == user.pk else "This alert is somebody else's."


STAFF = (ADMIN, Role.BD)

ALERTS = Policy(
    "alerts",
    Alert,
    {
        "list": STAFF,
        "retrieve": STAFF,
        "create": STAFF,
        "update": (ADMIN, only(Role.BD, own_alert)),
        "destroy": (ADMIN, only(Role.BD, own_alert)),
        "acknowledge": STAFF,
        "resolve": STAFF,
    },
)

MAIL_LOG = Policy("mail-log", OutgoingMail, {"list": (ADMIN,), "retrieve": (ADMIN,)})
