"""Waking the dispatcher after a commit."""

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

logger = structlog.get_logger(__name__)

DISPATCH_TASK = "events.tasks.dispatch_events"


def wake_dispatcher() -> None:
    """Queue a dispatch; when the queue cannot be reached the sweep finds the events instead."""
    try:
        current_app.send_task(DISPATCH_TASK)
    except OperationalError as error:
        logger.warning("events.wake_failed", error=type(error).__name__)
