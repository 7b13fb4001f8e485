"""Waking the dispatcher after a commit."""

import structlog
from celery import current_app
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from crm_backend.common.roundtrip import claim, give_up

logger = structlog.get_logger(__name__)

DISPATCH_TASK = "events.tasks.dispatch_events"
# Whoever lost a dispatch that was queued need not wait longer for another than for the sweep.
_QUEUED, _QUEUED_SECONDS = "events:dispatch-queued", 5


def wake_dispatcher() -> None:
    """Queue a dispatch, unless one is that has not begun: it will find these events too.

    When the queue cannot be reached the sweep finds them.
    """
    queued = False
    try:
        queued = claim(_QUEUED, _QUEUED_SECONDS)
        if queued:
            current_app.send_task(DISPATCH_TASK)
    except (OperationalError, RedisError) as error:
        logger.warning("events.wake_failed", error=type(error).__name__)
        if queued:
            dispatch_begins()  # none does, but what was not queued must not keep the next from it


def dispatch_begins() -> None:
    """From now on events may be missed by the dispatch at hand: call it before they are looked for."""
    try:
        give_up(_QUEUED)
    except RedisError as error:
        # It ends by itself soon; the dispatch at hand need not fail for it.
        logger.warning("events.wake_failed", error=type(error).__name__)
