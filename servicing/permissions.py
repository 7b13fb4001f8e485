"""Who may do what with schedules."""

from crm_backend.common.policy import Policy
from users.permissions import EVERYONE

# A preview reads no rows and writes none.
SCHEDULES = Policy("schedules", None, {"preview": EVERYONE})
