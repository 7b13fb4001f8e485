"""Who may do what with jobs: everyone with their own, administrators with all."""

from crm_backend.common.policy import Policy
from jobs.models import Job
from users.permissions import EVERYONE

JOBS = Policy(
    "jobs",
    Job,
    dict.fromkeys(["list", "retrieve", "cancel", "retry", "result", "stream", "stream_ticket"], EVERYONE),
)
