"""What happens to jobs."""

from events.registry import Audience, Notify, Payload


class JobCreated(Payload):
    """A job was queued."""

    type = "job.created"
    summary = "{label} queued."
    audience = Audience.STAFF
    silent = "it is the doing of who began it"

    kind: str
    label: str


class JobCancelRequested(Payload):
    """Somebody asked a running job to stop."""

    type = "job.cancel_requested"
    summary = "{label} was asked to stop."
    audience = Audience.STAFF
    silent = "its end is told"

    kind: str
    label: str


class JobRetried(Payload):
    """Somebody asked for a job that had ended badly to be done again."""

    type = "job.retried"
    summary = "{label} queued again."
    audience = Audience.STAFF
    silent = "its end is told"

    kind: str
    label: str


class JobFinished(Payload):
    """A job succeeded, failed or was cancelled."""

    type = "job.finished"
    summary = "{label} {status}."
    notify = Notify(
        "system",
        title="{label} {status}",
        body="{message}",
        to="who began the job",
        no_mail="who began the job watches it; one that failed raises an alert",
    )
    audience = Audience.STAFF

    kind: str
    label: str
    status: str
    message: str
