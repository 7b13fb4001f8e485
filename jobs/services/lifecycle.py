"""From queued to finished, and the sweep that finds what a killed worker left."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from crm_backend.common.errors import Conflict
from events.services import emit
from jobs.choices import FINISHED, JobStatus
from jobs.events import JobCancelRequested, JobCreated, JobFinished, JobRetried
from jobs.models import Job, JobInput
from jobs.registry import REGISTRY, job_kind
from jobs.wake import tell_of_change, wake_worker

MAX_ATTEMPTS = 3
MAX_UNFINISHED = 10
# Being told twice does no harm.
TELL_AGAIN_AFTER = timedelta(seconds=30)
KEPT_FOR = timedelta(days=30)
SWEEP_BATCH = 100
# Each takes the rows of its report along, which may be thousands.
DELETED_AT_ONCE = 20


class TooManyJobs(Conflict):
    """The caller has as many unfinished jobs as one may have."""

    code = "too_many_jobs"
    title = "Too many jobs"
    default_detail = f"You have {MAX_UNFINISHED} unfinished jobs already. Wait for one of them."


def job_create(
    *,
    kind: str,
    actor: Any,
    parameters: Mapping[str, Any],
    content: bytes | None = None,
    filename: str = "",
) -> Job:
    """Queue a job; a worker is told after the commit.

    Raises:
        TooManyJobs: the caller has ten that are not finished.
        LookupError: no app declares such a kind.
    """
    declared = job_kind(kind)
    now = timezone.now()
    with transaction.atomic():
        _check_room(actor.pk)
        job = Job.objects.create(
            kind=kind, created_by=actor, parameters=dict(parameters), enqueued_at=now, created_at=now
        )
        if content is not None:
            JobInput.objects.create(job=job, filename=filename[:200], content=content)
        emit(JobCreated(kind=kind, label=declared.label), actor=actor, subject=job)
        transaction.on_commit(partial(wake_worker, job.pk), robust=True)
    return job


def job_retry(*, job: Job, actor: Any) -> Job:
    """Have a job that failed or was cancelled done again; call it with the row locked.

    Attempts are counted on, so that a worker that comes back late changes nothing; there are three new ones.

    Raises:
        Conflict: it has not ended, or not badly, or jobs of its kind cannot be done again.
        TooManyJobs: its owner has ten that are not finished.
    """
    kind = REGISTRY.get(job.kind)
    if job.status not in (JobStatus.FAILED, JobStatus.CANCELLED):
        raise Conflict("Only a job that failed or was cancelled is done again.")
    if kind is None or not kind.can_retry:
        raise Conflict("What this job worked on is gone. Send it again.")
    with transaction.atomic():
        _check_room(job.created_by_id)
        job.status, job.message, job.result = JobStatus.QUEUED, "", None
        job.attempts_before, job.enqueued_at = job.attempts, timezone.now()
        job.cancel_requested_at = job.finished_at = job.expires_at = None
        job.save()
        emit(JobRetried(kind=job.kind, label=kind.label), actor=actor, subject=job)
        transaction.on_commit(partial(wake_worker, job.pk), robust=True)
        tell_of_change(job.pk)
    return job


def job_cancel(*, job: Job, actor: Any) -> Job:
    """End a queued job, or ask a running one to stop after its batch; call it with the row locked.

    Asking again changes nothing.

    Raises:
        Conflict: it is finished.
    """
    if job.is_finished:
        raise Conflict("The job is finished.")
    with transaction.atomic():
        if job.status == JobStatus.QUEUED:
            job_finish(job=job, status=JobStatus.CANCELLED, message="Cancelled before it began.", actor=actor)
        elif job.cancel_requested_at is None:
            job.cancel_requested_at = timezone.now()
            job.save(update_fields=["cancel_requested_at"])
            emit(JobCancelRequested(kind=job.kind, label=label_of(job)), actor=actor, subject=job)
    return job


def job_finish(
    *,
    job: Job,
    status: JobStatus,
    message: str,
    result: Mapping[str, Any] | None = None,
    actor: Any | None = None,
) -> None:
    """Write how a job ended, drop its input, tell its owner; call it with the row locked."""
    now = timezone.now()
    with transaction.atomic():
        job.status, job.message, job.lease_until = status, message[:300], None
        job.finished_at, job.expires_at = now, now + KEPT_FOR
        if result is not None:
            job.result = dict(result)
        job.save()
        JobInput.objects.filter(job=job).delete()
        transaction.on_commit(_tell_of_the_next, robust=True)
        tell_of_change(job.pk)
        told = JobFinished(kind=job.kind, label=label_of(job), status=status.label.lower(), message=message)
        emit(told, actor=actor, subject=job, recipients=[job.created_by_id])


def jobs_recover() -> int:
    """Repeat, or give up, jobs whose worker is gone; tell workers again of those whose turn it is.

    Returns how many jobs were touched. Any number of sweeps may run side by side.
    """
    with transaction.atomic():
        found = [*_lost(), *_forgotten()]
        for job in found:
            if job.status == JobStatus.RUNNING and not _may_repeat(job):
                continue
            if job.status == JobStatus.RUNNING:
                tell_of_change(job.pk)
            job.status, job.lease_until, job.enqueued_at = JobStatus.QUEUED, None, timezone.now()
            job.save(update_fields=["status", "lease_until", "enqueued_at"])
            transaction.on_commit(partial(wake_worker, job.pk), robust=True)
    return len(found)


def jobs_delete_expired() -> int:
    """Delete finished jobs whose time is over, with their reports; return how many.

    Some at a time, the oldest first: what is left waits for the next call.
    """
    over = Job.objects.filter(status__in=FINISHED, expires_at__lt=timezone.now())
    deleted = 0
    for _ in range(SWEEP_BATCH):
        with transaction.atomic():
            some = over.order_by("finished_at", "pk").select_for_update(skip_locked=True)
            chunk = list(some.values_list("pk", flat=True)[:DELETED_AT_ONCE])
            Job.objects.filter(pk__in=chunk).delete()
        deleted += len(chunk)
        if len(chunk) < DELETED_AT_ONCE:
            break
    return deleted


def _check_room(user_id: int) -> None:
    """See whether a person may have one more job; others of theirs wait until the transaction ends."""
    with connection.cursor() as cursor:
        # Two requests of one person must not both find room.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"jobs.create:{user_id}"])
    if Job.objects.filter(created_by=user_id).unfinished().count() >= MAX_UNFINISHED:
        raise TooManyJobs()


def _may_repeat(job: Job) -> bool:
    """Whether a job without a worker is to begin again; it is finished here when not."""
    if job.cancel_requested_at is not None:
        job_finish(job=job, status=JobStatus.CANCELLED, message="Cancelled while it ran.")
        return False
    made = job.attempts - job.attempts_before
    if made >= MAX_ATTEMPTS:
        message = f"Its worker stopped {made} times. What it had written stays."
        job_finish(job=job, status=JobStatus.FAILED, message=message)
        return False
    return True


def _lost() -> list[Job]:
    lost = Job.objects.filter(status=JobStatus.RUNNING, lease_until__lt=timezone.now())
    return list(lost.order_by("pk").select_for_update(skip_locked=True)[:SWEEP_BATCH])


def _forgotten() -> list[Job]:
    """The first in the line, as many as could run now, that no worker has taken."""
    free = settings.JOBS_AT_ONCE - Job.objects.filter(status=JobStatus.RUNNING).count()
    waiting = Job.objects.filter(status=JobStatus.QUEUED, enqueued_at__lt=timezone.now() - TELL_AGAIN_AFTER)
    return list(waiting.order_by("pk").select_for_update(skip_locked=True)[: max(0, free)])


def _tell_of_the_next() -> None:
    """There is room for one more: tell a worker of the job that waits longest."""
    waiting = Job.objects.filter(status=JobStatus.QUEUED).order_by("pk").values_list("pk", flat=True).first()
    if waiting is not None:
        wake_worker(waiting)


def label_of(job: Job) -> str:
    """What people call such a job; the kind's name where that kind is not declared any more."""
    kind = REGISTRY.get(job.kind)
    return kind.label if kind else job.kind
