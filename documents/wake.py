"""Telling a worker of a new version after the commit."""

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

logger = structlog.get_logger(__name__)

PROCESS_TASK = "documents.tasks.process_version"


def wake_reader(version_id: int) -> None:
    """Have a version looked at; when the queue cannot be reached the sweep does it later."""
    try:
        current_app.send_task(PROCESS_TASK, kwargs={"version_id": version_id})
    except OperationalError as error:
        logger.warning("documents.wake_failed", version=version_id, error=type(error).__name__)


SIGNING_TASK = "documents.tasks.go_on_with_signatures"


def wake_signing() -> None:
    """Have mails sent, files sealed and providers told; without a queue the sweep does it."""
    try:
        current_app.send_task(SIGNING_TASK)
    except OperationalError as error:
        logger.warning("documents.wake_failed", error=type(error).__name__)
