"""Celery's entries to running jobs and to the sweep."""

from celery import shared_task

from jobs.services import lifecycle, running
from jobs.wake import RUN_TASK


@shared_task(name=RUN_TASK, soft_time_limit=1800, time_limit=1860)
def run_job(job_id: int) -> None:
    """Run one job; a message that is delivered twice finds it taken."""
    running.job_run(job_id)


@shared_task(name="jobs.tasks.recover_jobs")
def recover_jobs() -> int:
    """Repeat or give up jobs whose worker is gone; beat calls it."""
    return lifecycle.jobs_recover()


@shared_task(name="jobs.tasks.delete_expired_jobs")
def delete_expired_jobs() -> int:
    """Delete finished jobs whose time is over; beat calls it."""
    return lifecycle.jobs_delete_expired()
