"""Jobs, what they work on, and the rows of their reports."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from crm_backend.common.reads import reads
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, where
from jobs.choices import FINISHED, UNFINISHED, JobStatus
from users.choices import Role

OWN = where("own", lambda user: Q(created_by=user))


class JobQuerySet(ScopedQuerySet):
    """Everyone sees their own jobs; administrators see all."""

    scopes = {Role.ADMIN: EVERYTHING, Role.BD: OWN, Role.BROKER: OWN, Role.CLIENT: OWN}

    def unfinished(self) -> "JobQuerySet":
        """Queued or running."""
        return self.filter(status__in=UNFINISHED)


class Job(models.Model):
    """Work that a worker does. Times are UTC.

    `attempts` counts the starts, and tells the worker of one attempt from that of another. While it runs,
    its worker renews `lease_until`; a lease that ran out means that the worker is gone. `enqueued_at` is
    when a worker was last told of it.
    """

    kind = models.CharField(max_length=64)
    status = models.CharField(max_length=16, choices=JobStatus.choices, default=JobStatus.QUEUED)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    parameters = models.JSONField(default=dict, help_text="What it was asked to do.")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0, help_text="Steps in all; 0 before that is known.")
    counts = models.JSONField(default=dict, help_text="What came of the steps so far, by outcome.")
    message = models.CharField(max_length=300, blank=True)
    result = models.JSONField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    attempts_before = models.PositiveSmallIntegerField(
        default=0, help_text="Attempts when somebody last asked for it to be done again."
    )
    revision = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="Grows with each change that a listener sees; by a trigger."
    )
    lease_until = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    enqueued_at = models.DateTimeField()
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, help_text="Until when its report is kept.")

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="job_status_known", condition=Q(status__in=JobStatus.values)),
            models.CheckConstraint(
                name="job_lease_while_running",
                condition=Q(status=JobStatus.RUNNING, lease_until__isnull=False)
                | (~Q(status=JobStatus.RUNNING) & Q(lease_until=None)),
            ),
            models.CheckConstraint(
                name="job_finished_has_time",
                condition=Q(status__in=FINISHED, finished_at__isnull=False)
                | Q(status__in=UNFINISHED, finished_at=None),
            ),
            models.CheckConstraint(
                name="job_done_within_total", condition=Q(total=0) | Q(done__lte=models.F("total"))
            ),
        ]
        indexes = [
            models.Index(name="job_recent", fields=["-created_at", "-id"]),
            models.Index(name="job_own", fields=["created_by", "-created_at", "-id"]),
            models.Index(name="job_unfinished", fields=["id"], condition=Q(status__in=UNFINISHED)),
            models.Index(name="job_finished", fields=["finished_at", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in FINISHED

    @property
    @reads("status", "done", "total")
    def percent(self) -> int:
        """Whole percent done, rounded down; 100 only when it succeeded."""
        if self.status == JobStatus.SUCCEEDED:
            return 100
        return min(99, self.done * 100 // self.total) if self.total else 0


class JobInput(models.Model):
    """The file that a job works on, as it was uploaded; deleted when the job ends."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="input")
    filename = models.CharField(max_length=200, blank=True)
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"input of job {self.job_id}"


class JobRow(models.Model):
    """What came of one row of a job's input, written in the transaction of what it tells of.

    So a job that is repeated finds the rows that it has done, and does none of them twice.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="rows", db_index=False)
    number = models.PositiveIntegerField(help_text="As a spreadsheet numbers it: the header is row 1.")
    outcome = models.CharField(max_length=16)
    data = models.JSONField(default=dict)
    errors = models.JSONField(default=dict, help_text="Messages by column.")

    class Meta:
        constraints = [models.UniqueConstraint(name="job_row_once", fields=["job", "number"])]

    def __str__(self) -> str:
        return f"row {self.number} of job {self.job_id}: {self.outcome}"
