"""Waking the dispatcher after a commit."""

import structlog
from celery import current_app
from django.core.cache import cache
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = structlog.get_logger(__name__)

DISPATCH_TASK = "events.tasks.dispatch_events"
# Whoever lost a dispatch that was queued need not wait longer for another than for the sweep.
_QUEUED, _QUEUED_SECONDS = "events:dispatch-queued", 5


def wake_dispatcher() -> None:
    """Queue a dispatch, unless one is that has not begun: it will find these events too.

    When the queue cannot be reached the sweep finds them.
    """
    try:
        if not cache.add(_QUEUED, 1, timeout=_QUEUED_SECONDS):
            return
        current_app.send_task(DISPATCH_TASK)
    except (OperationalError, RedisError) as error:
        logger.warning("events.wake_failed", error=type(error).__name__)


def dispatch_begins() -> None:
    """From now on events may be missed by the dispatch at hand: call it before they are looked for."""
    cache.delete(_QUEUED)
