"""Who may do what with the gateway: everyone follows what is theirs, administrators tell."""

from crm_backend.common.policy import ADMIN, Policy
from users.permissions import EVERYONE

REALTIME = Policy(
    "realtime", None, {"config": EVERYONE, "status": EVERYONE, "auth": EVERYONE, "trigger": (ADMIN,)}
)
