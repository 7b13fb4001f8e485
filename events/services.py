"""Writing events."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

import structlog
from django.db import connection, models
from django.utils import timezone

from crm_backend.common.batches import Batch, Lookup, write
from crm_backend.common.roundtrip import DATA, Announced, announce
from crm_backend.common.transactions import before_end, is_whole
from events.models import Event
from events.registry import Payload
from events.wake import wake_dispatcher

# A part of a statement that writes an event for each row of a part before it, and gives the data.
TOLD = """
    INSERT INTO events_event (type, actor_id, subject_type, subject_id, request_id, api_key, occurred_at,
        data, recipients, attempts)
    SELECT %s::varchar, %s::bigint, %s::varchar, %s::bigint, %s::varchar, %s::varchar, %s::timestamptz,
        {data}, '{{}}'::bigint[], 0
    FROM {rows} RETURNING data"""

_RECIPIENTS = "ARRAY(SELECT DISTINCT id FROM ({}) AS told WHERE id IS DISTINCT FROM %s ORDER BY id)"

_batch: ContextVar[Batch | None] = ContextVar("batch_of_events", default=None)


@contextmanager
def together() -> Iterator[Batch]:
    """Write the events of a block, and what else is put into the batch, in one statement at its end.

    Events come in their order, and have no id before. For a service that makes many rows at once, inside its
    transaction. Undo no part of the block by itself: what was emitted there would be told all the same.
    """
    outer = _batch.get()
    if outer is not None:
        yield outer
        return
    batch = Batch()
    token = _batch.set(batch)
    try:
        yield batch
    finally:
        _batch.reset(token)
    if is_whole():
        batch.post()
    else:
        batch.write()
    for end in batch.ends:
        before_end(end)


def emit(
    payload: Payload,
    *,
    actor: Any | None,
    subject: models.Model,
    recipients: Iterable[Any] | Lookup = (),
    application_id: int | None = None,
    occurred_at: datetime | None = None,
) -> Event:
    """Write an event in the transaction of the change that it tells of.

    Args:
        payload: a declared event with its data.
        actor: the user who did it; None for the system.
        subject: the row it happened to.
        recipients: users (or ids) to tell, or a query of their ids, asked while the event is written; the
            actor is never told of their own doing.
        application_id: the application in whose timeline it belongs, if any.
        occurred_at: UTC; now when left out. Only imports of past records give it.

    Raises:
        RuntimeError: called outside a transaction, where change and event could part.
    """
    announced = begin_telling()
    actor_id = getattr(actor, "pk", None)
    context = structlog.contextvars.get_contextvars()
    event = Event(
        type=payload.type,
        actor_id=actor_id,
        subject_type=subject._meta.model_name or "",
        subject_id=subject.pk,
        application_id=application_id,
        data=payload.model_dump(mode="json"),
        recipients=_recipients(recipients, actor_id),
        request_id=context.get("request_id", ""),
        api_key=context.get("api_key", ""),
        occurred_at=occurred_at or timezone.now(),
    )
    batch = _batch.get()
    if batch is None:
        write(event)
        announced.wait()
    else:
        batch.insert(event)
        batch.ends.append(announced.wait)
    return event


def tell_by_statement(*, actor: Any, subject: models.Model, payload: type[Payload]) -> tuple[Any, ...]:
    """The values of a `TOLD` part, for an event that belongs in no timeline and has no recipients.

    For a statement that finds out by itself what happened. Whoever runs it checks the data that come back,
    and has `begin_telling` before.
    """
    context = structlog.contextvars.get_contextvars()
    request_id, api_key = context.get("request_id", ""), context.get("api_key", "")
    kind = subject._meta.model_name or ""
    return payload.type, actor.pk, kind, subject.pk, request_id, api_key, timezone.now()


def begin_telling() -> Announced:
    """Announce an event while it is written; wait for it, or withdraw it, before the transaction ends.

    Raises:
        RuntimeError: called outside a transaction, where change and event could part.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("emit() belongs in the transaction that makes the change")
    return announce(DATA, then=wake_dispatcher)


def _recipients(recipients: Iterable[Any] | Lookup, without: int | None) -> Any:
    if isinstance(recipients, Lookup):
        return Lookup(_RECIPIENTS.format(recipients.sql), (*recipients.values, without))
    return recipient_ids(recipients, without=without)


def recipient_ids(recipients: Iterable[Any], *, without: int | None = None) -> list[int]:
    """Sorted ids of users, each once, without the given one."""
    ids = {getattr(recipient, "pk", recipient) for recipient in recipients}
    return sorted(ids - {None, without})
