"""Telling a worker of a job after the commit."""

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

logger = structlog.get_logger(__name__)

RUN_TASK = "jobs.tasks.run_job"


def wake_worker(job_id: int) -> None:
    """Queue a job; when the queue cannot be reached the sweep queues it later."""
    try:
        current_app.send_task(RUN_TASK, args=[job_id])
    except OperationalError as error:
        logger.warning("jobs.wake_failed", job=job_id, error=type(error).__name__)
