"""What a worker does with a job: claim it, keep its lease, run its handler, write how it ended.

While the handler works, a thread with a database connection of its own renews the lease and publishes the
progress every second: it is seen while the handler is inside a long transaction, and a worker that is
killed stops renewing. An attempt that lost its lease can write nothing more about the job, because every
write names the attempt.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from jobs.choices import JobStatus
from jobs.models import Job
from jobs.registry import JobFailed, job_kind
from jobs.services.lifecycle import job_finish
from jobs.wake import tell_of_change

logger = structlog.get_logger(__name__)

BEAT_SECONDS = 1.0
DEFECT = "Something went wrong on our side. What the job had written stays."
# The database is away: nobody's fault. The lease runs out, and the sweep has the job repeated.
_OUTAGES = (OperationalError, InterfaceError)


class JobCancelled(Exception):
    """Its owner asked the job to stop."""


class JobLost(Exception):
    """The lease ran out, and the job is another worker's by now."""


class Run:
    """One attempt at a job, as its handler sees it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.done, self.total, self.message = 0, job.total, ""
        self.counts: dict[str, int] = {}
        self._told: dict[str, Any] = {}
        self._lease_until: datetime = job.lease_until or timezone.now()
        self._cancelled = self._lost = self._has_thread = False

    @property
    def content(self) -> bytes:
        """The uploaded file."""
        return bytes(self.job.input.content)

    def advance(
        self, *, done: int, total: int, counts: Mapping[str, int] | None = None, message: str = ""
    ) -> None:
        """Say how far it is; call it between batches.

        Raises:
            JobCancelled: it is to stop.
            JobLost: another worker has it.
        """
        self.done, self.total, self.message = done, total, message
        if counts is not None:
            self.counts = dict(counts)
        if not self._has_thread:
            self._beat()
        if self._lost:
            raise JobLost
        if self._cancelled:
            raise JobCancelled

    def hold(self) -> None:
        """Keep the job this attempt's until the transaction at hand ends; call it first in each.

        The sweep passes over rows that are locked like this, so a worker that was only slow cannot write
        beside the one that was given its job. Renewing the lease and asking to stop do not wait for it.

        Raises:
            JobLost: another worker has it.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM jobs_job WHERE id = %s AND attempts = %s AND status = %s FOR KEY SHARE",
                [self.job.pk, self.job.attempts, JobStatus.RUNNING],
            )
            if cursor.fetchone() is None:
                raise JobLost

    def _beat(self) -> None:
        """Renew the lease and publish the progress, unless the job is not ours any more."""
        lease = timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)
        mine = Job.objects.filter(pk=self.job.pk, attempts=self.job.attempts, status=JobStatus.RUNNING)
        progress = {"done": self.done, "total": self.total, "counts": self.counts, "message": self.message}
        if not mine.update(lease_until=lease, **progress):
            self._lost = True
            return
        self._lease_until = lease
        if progress != self._told:
            self._told = progress
            tell_of_change(self.job.pk)
        self._cancelled = mine.filter(cancel_requested_at__isnull=False).exists()

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Beat from a thread of its own; inside somebody's transaction nobody else sees the job anyway."""
        if connection.in_atomic_block:
            yield
            return
        stop = threading.Event()
        thread = threading.Thread(target=self._keep_beating, args=(stop,), daemon=True)
        self._has_thread = True
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self._has_thread = False

    def _keep_beating(self, stop: threading.Event) -> None:
        try:
            while not stop.wait(BEAT_SECONDS) and not self._lost:
                self._beat_or_wait()
        finally:
            # Whatever ended this thread, without it the lease runs out.
            self._lost = self._lost or not stop.is_set()
            connection.close()

    def _beat_or_wait(self) -> None:
        try:
            self._beat()
        except _OUTAGES as error:
            logger.warning("jobs.beat_failed", job=self.job.pk, error=type(error).__name__)
            connection.close()
            self._lost = timezone.now() > self._lease_until


def job_run(job_id: int) -> None:
    """Run a queued job to its end; do nothing with one that is not queued (any more).

    An error that the handler did not foresee ends the job as failed and is raised again, for the log.
    """
    job = _claim(job_id)
    if job is None:
        return
    run = Run(job)
    try:
        with run.kept_alive():
            done = job_kind(job.kind).run(run)
    except JobLost:
        logger.warning("jobs.lost", job=job_id, attempt=job.attempts)
    except JobCancelled:
        _end(run, JobStatus.CANCELLED, "Cancelled while it ran. What it had written stays.")
    except JobFailed as error:
        _end(run, JobStatus.FAILED, error.message, error.result)
    except _OUTAGES:
        raise
    except Exception:
        _end(run, JobStatus.FAILED, DEFECT)
        raise
    else:
        _end(run, JobStatus.SUCCEEDED, done.message, done.result)


def _claim(job_id: int) -> Job | None:
    """Make a queued job this worker's; a message that came twice finds it taken.

    While as many run as may at once it stays queued: the end of one of them, or the sweep, tells of it again.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('jobs.claim', 0))")
        if Job.objects.filter(status=JobStatus.RUNNING).count() >= settings.JOBS_AT_ONCE:
            return None
        job: Job | None = Job.objects.filter(pk=job_id, status=JobStatus.QUEUED).lock().first()
        if job is None:
            return None
        now = timezone.now()
        job.status, job.attempts = JobStatus.RUNNING, job.attempts + 1
        job.lease_until = now + timedelta(seconds=settings.JOB_LEASE_SECONDS)
        job.started_at = job.started_at or now
        job.save(update_fields=["status", "attempts", "lease_until", "started_at"])
        tell_of_change(job.pk)
    return job


def _end(run: Run, status: JobStatus, message: str, result: Mapping[str, Any] | None = None) -> None:
    """Write the end, unless another attempt has begun meanwhile."""
    with transaction.atomic():
        mine = Job.objects.filter(pk=run.job.pk, attempts=run.job.attempts, status=JobStatus.RUNNING)
        job = mine.lock().first()
        if job is None:
            logger.warning("jobs.lost", job=run.job.pk, attempt=run.job.attempts)
            return
        job.done, job.total, job.counts = run.done, run.total, run.counts
        job_finish(job=job, status=status, message=message, result=result)
