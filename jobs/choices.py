"""States of jobs, and how imports are done."""

from django.db import models


class JobStatus(models.TextChoices):
    """How far a job is."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)
FINISHED = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


class ImportMode(models.TextChoices):
    """What a row with errors means for the other rows of a bulk import."""

    PARTIAL = "partial", "Write the good rows"
    ALL_OR_NOTHING = "all_or_nothing", "Write all rows, or none"


class ImportOutcome(models.TextChoices):
    """What came of a row of a bulk import.

    Valid rows would have been written: in a dry run, or without the errors of other rows.
    """

    CREATED = "created", "Created"
    SKIPPED = "skipped", "Imported before"
    VALID = "valid", "Valid"
    FAILED = "failed", "Failed"
