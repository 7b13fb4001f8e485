"""Telling of jobs after the commit: workers that there is work, and listeners that something changed."""

from functools import partial

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from crm_backend.common.counters import redis_client

logger = structlog.get_logger(__name__)

RUN_TASK = "jobs.tasks.run_job"


def wake_worker(job_id: int) -> None:
    """Queue a job; when the queue cannot be reached the sweep queues it later."""
    try:
        current_app.send_task(RUN_TASK, args=[job_id])
    except OperationalError as error:
        logger.warning("jobs.wake_failed", job=job_id, error=type(error).__name__)


def changes_channel() -> str:
    """Where the ids of jobs are published that changed."""
    return f"{settings.CACHES['default']['KEY_PREFIX']}-jobs"


def tell_of_change(job_id: int) -> None:
    """Publish that a job changed, after the commit; who is not told looks by itself a little later."""
    transaction.on_commit(partial(_publish, job_id), robust=True)


def _publish(job_id: int) -> None:
    try:
        redis_client().publish(changes_channel(), job_id)
    except RedisError as error:
        logger.warning("jobs.tell_failed", job=job_id, error=type(error).__name__)
