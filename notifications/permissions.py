"""Who may do what with notifications: everyone with their own."""

from crm_backend.common.policy import Policy
from notifications.models import Notification
from users.permissions import EVERYONE

NOTIFICATIONS = Policy(
    "notifications",
    Notification,
    dict.fromkeys(["list", "retrieve", "destroy", "mark_read", "mark_one_read", "unread_count"], EVERYONE),
)
