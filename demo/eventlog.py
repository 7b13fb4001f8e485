"""The events of the book in the order of their time, and the notifications of its last days.

Stories overlap, but the log's ids must grow with time as they do when things happen one after another. So
events wait in a heap until no story that is still to come can have an earlier one.

An event of the past is written as projected and dispatched at its own time: nothing is pushed, mailed or
notified for it. The events of the last `NOTIFIED_DAYS` do become notifications, by the projection that the
dispatcher runs; each user read theirs once, `UNREAD_DAYS` before the end, and has not read the later ones.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any, NamedTuple

from django.db import models

from demo.writer import Writer, copy_rows
from events.models import Event
from events.registry import Payload
from events.services import recipient_ids
from notifications.events import NotificationsRead
from notifications.models import Notification
from notifications.projections import make_notifications

NOTIFIED_DAYS = 14
UNREAD_DAYS = 3
BATCH = 1000


class Draft(NamedTuple):
    """An event that waits; compared by time, then by the order in which it was told."""

    at: datetime
    order: int
    type: str
    actor_id: int | None
    subject_type: str
    subject_id: int
    application_id: int | None
    data: dict[str, Any]
    recipients: list[int]


class EventLog:
    """Takes events in any order within reach of `flush`, and writes them in the order of their time."""

    def __init__(self, writer: Writer, *, end: datetime) -> None:
        self.writer = writer
        self.notified_from = end - timedelta(days=NOTIFIED_DAYS)
        self.read_at = end - timedelta(days=UNREAD_DAYS)
        self.end = end
        self.count = 0
        self._told = 0
        self._waiting: list[Draft] = []
        self._batch: list[Event] = []
        self._reached: datetime | None = None

    def tell(
        self,
        payload: Payload,
        *,
        at: datetime,
        actor: Any | None,
        subject: models.Model,
        application_id: int | None = None,
        recipients: Iterable[Any] = (),
    ) -> None:
        """Keep an event; the arguments are those of `events.services.emit`."""
        actor_id = getattr(actor, "pk", None)
        draft = Draft(
            at,
            self._told,
            payload.type,
            actor_id,
            subject._meta.model_name or "",
            subject.pk,
            application_id,
            payload.model_dump(mode="json"),
            recipient_ids(recipients, without=actor_id),
        )
        self._told += 1
        heappush(self._waiting, draft)

    def flush(self, until: datetime | None = None) -> None:
        """Write the events up to a moment, or all; the rows that they are about must be there."""
        last = until or self.end
        while self._waiting and self._waiting[0].at <= last:
            draft = heappop(self._waiting)
            self._pass(draft.at)
            self._batch.append(self._row(draft))
            if len(self._batch) >= BATCH:
                self._write()
        if until is None:
            self._pass(self.end)
        self._write()

    def _pass(self, at: datetime) -> None:
        """Do what is to be done between the last event and this moment."""
        for moment, act in ((self.notified_from, self._write), (self.read_at, self._mark_read)):
            if moment <= at and (self._reached is None or self._reached < moment):
                self._write()
                act()
        self._reached = at

    def _row(self, draft: Draft) -> Event:
        return Event(
            pk=self.writer.ids.take(Event),
            type=draft.type,
            actor_id=draft.actor_id,
            subject_type=draft.subject_type,
            subject_id=draft.subject_id,
            application_id=draft.application_id,
            data=draft.data,
            recipients=draft.recipients,
            occurred_at=draft.at,
            projected_at=draft.at,
            dispatched_at=draft.at,
        )

    def _write(self) -> None:
        events, self._batch = self._batch, []
        if not events:
            return
        copy_rows(Event, events)
        self.count += len(events)
        if events[0].occurred_at >= self.notified_from:
            make_notifications(events)

    def _mark_read(self) -> None:
        """Every user reads what they have, as `notifications.services` would have it."""
        unread: dict[int, list[int]] = defaultdict(list)
        rows = Notification.objects.filter(read_at=None).order_by("user_id", "id")
        for user_id, pk in rows.values_list("user_id", "id"):
            unread[user_id].append(pk)
        rows.update(read_at=self.read_at)
        for user_id, ids in unread.items():
            payload = NotificationsRead(ids=ids, count=len(ids))
            data = payload.model_dump(mode="json")
            draft = Draft(self.read_at, 0, payload.type, user_id, "user", user_id, None, data, [])
            self._batch.append(self._row(draft))
        self._write()
