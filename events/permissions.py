"""Who may read the log."""

from crm_backend.common.policy import ADMIN, Policy
from events.models import Event

AUDIT_LOGS = Policy("audit-logs", Event, {"list": (ADMIN,), "retrieve": (ADMIN,)})
