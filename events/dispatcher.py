"""From event rows to everything derived from them: at least once, in two steps.

1. *Project*: rows derived from events (notifications) are written in one transaction that also sets
   `projected_at`. Either both are there or neither.
2. *Deliver*: the outside is told (socket groups), then `dispatched_at` is set. A crash in between
   repeats the delivery, so deliveries carry what the receiver needs to drop a repeat.

Both steps take rows with `FOR UPDATE SKIP LOCKED`: any number of dispatchers run side by side, and a
killed one's rows are free again as soon as the database notices. There is no "last seen id" cursor,
because transactions commit out of id order and a cursor would skip rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import OperationalError as QueueError
from redis.exceptions import RedisError

from events.models import Event

logger = structlog.get_logger(__name__)

BATCH = 200
MAX_BACKOFF = timedelta(hours=1)
# The database or Redis is away: nobody's fault, so nothing is postponed; the next sweep tries again.
_OUTAGES = (OperationalError, InterfaceError, QueueError, RedisError, OSError)

Step = Callable[[Sequence[Event]], None]


@dataclass(frozen=True)
class Projection:
    """Something derived from events: `project` writes rows, `deliver` tells the outside."""

    name: str
    project: Step | None = None
    deliver: Step | None = None


_projections: dict[str, Projection] = {}


def register(projection: Projection) -> None:
    """Add a projection; apps do so in their `projections.py`."""
    _projections[projection.name] = projection


def dispatch_pending() -> int:
    """Project and deliver all that is due; return how many events were finished."""
    finished = 0
    while True:
        projected, _ = _project_batch()
        attempted, delivered = _deliver_batch()
        finished += delivered
        if not projected and not attempted:
            return finished


def _due(step: Q) -> list[Event]:
    now = timezone.now()
    due = Event.objects.filter(step, Q(retry_at=None) | Q(retry_at__lte=now), dispatched_at=None)
    return list(due.order_by("id").select_for_update(skip_locked=True)[:BATCH])


def _project_batch() -> tuple[int, int]:
    """Return how many events were attempted, and how many of them are projected now."""
    with transaction.atomic():
        events = _due(Q(projected_at=None))
        done = _run("project", events) if events else []
        Event.objects.filter(pk__in=done).update(projected_at=timezone.now())
    return len(events), len(done)


def _deliver_batch() -> tuple[int, int]:
    """Return how many events were attempted, and how many of them are finished now."""
    with transaction.atomic():
        events = _due(Q(projected_at__isnull=False))
        done = _run("deliver", events) if events else []
        Event.objects.filter(pk__in=done).update(dispatched_at=timezone.now(), retry_at=None)
    return len(events), len(done)


def _run(step: str, events: Sequence[Event]) -> list[int]:
    """Run a step for all events at once; should that fail, one by one, so that one cannot block many."""
    if _attempt(step, events):
        return [event.pk for event in events]
    done = []
    for event in events:
        if _attempt(step, [event]):
            done.append(event.pk)
        else:
            _postpone(event)
    return done


def _attempt(step: str, events: Sequence[Event]) -> bool:
    try:
        with transaction.atomic():
            for projection in _projections.values():
                if run := getattr(projection, step):
                    run(events)
            _check_foreign_keys()
    except _OUTAGES:
        raise
    except Exception:
        # Whatever a projection did wrong: logged with its trace, and this event is retried with backoff.
        logger.exception("events.step_failed", step=step, events=[event.pk for event in events])
        return False
    return True


def _check_foreign_keys() -> None:
    """Look for rows that are gone now: at the commit it would be too late to find the event at fault."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _postpone(event: Event) -> None:
    wait = min(timedelta(seconds=2 ** min(event.attempts, 12)), MAX_BACKOFF)
    Event.objects.filter(pk=event.pk).update(attempts=F("attempts") + 1, retry_at=timezone.now() + wait)
