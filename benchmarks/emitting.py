"""Events for the sockets' benchmark: by the product's services, and by hand.

By hand means four statements in one transaction, and one publication of the finished texts after it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction
from redis import Redis

from applications.events import StageChanged
from applications.models import Application
from benchmarks.floor.sockets import CHANNEL, encoded
from events.dispatcher import dispatch_pending
from events.services import emit, together
from notifications.models import NotificationCounter
from users.choices import Role
from users.models import User
from users.services.sessions import Client, session_open

DATA = {
    "reference": "APP-GROWN000",
    "from_stage": "inquiry",
    "from_stage_display": "Inquiry",
    "to_stage": "sent_to_lender",
    "to_stage_display": "Sent to lender",
    "reason": "",
}
TITLE = "APP-GROWN000: Sent to lender"
BODY = "APP-GROWN000 moved from Inquiry to Sent to lender."
KIND = "application_status"

EVENTS = """
INSERT INTO events_event (type, subject_type, subject_id, application_id, data, recipients, request_id,
  attempts, occurred_at, projected_at, dispatched_at)
SELECT 'application.stage_changed', 'application', %(application)s, %(application)s, %(data)s, '{}', '', 0,
  now(), now(), now()
FROM generate_series(1, %(count)s) RETURNING id
"""
NUMBERS = """
UPDATE notifications_notificationcounter counter SET last_seq = last_seq + given.needed
FROM unnest(%s::bigint[], %s::bigint[]) given(user_id, needed) WHERE counter.user_id = given.user_id
RETURNING counter.user_id, counter.last_seq - given.needed
"""
ROWS = """
INSERT INTO notifications_notification (user_id, seq, event_id, notification_type, title, body,
  application_id, subject_type, subject_id, created_at)
SELECT user_id, seq, event_id, %s, %s, %s, %s, 'application', %s, now()
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) given(user_id, seq, event_id)
RETURNING id, user_id, seq, created_at
"""


def users_of(count: int) -> list[int]:
    """Ids of so many people of the book, each with a counter."""
    users = list(
        User.objects.get_queryset()
        .filter(role=Role.CLIENT)
        .order_by("pk")
        .values_list("pk", flat=True)[:count]
    )
    if len(users) < count:
        raise RuntimeError(f"The book has {len(users)} clients, {count} are needed.")
    NotificationCounter.objects.bulk_create(
        [NotificationCounter(user_id=pk) for pk in users], ignore_conflicts=True
    )
    return users


def tokens_of(users: Sequence[int]) -> dict[int, str]:
    """An access token of each."""
    with transaction.atomic():
        found = {
            user.pk: session_open(user=user, client=Client()).access
            for user in User.objects.get_queryset().filter(pk__in=users)
        }
    dispatch_pending()
    return found


class ProductEmitter:
    """Events by `emit`, in one transaction."""

    def __init__(self, users: Sequence[int], application: Application) -> None:
        *self.users, self.absent = users
        self.application = application

    def emit(self, events: Sequence[Sequence[int]]) -> float:
        """Write events, each with its recipients; when they were committed."""
        moments: list[float] = []
        with transaction.atomic(), together():
            # First of all that is done on commit, so before the worker is woken.
            transaction.on_commit(lambda: moments.append(time.monotonic()))
            for recipients in events:
                emit(
                    StageChanged(**DATA),
                    actor=None,
                    subject=self.application,
                    recipients=recipients,
                    application_id=self.application.pk,
                )
        return moments[0]


class FloorEmitter:
    """The same rows by hand, and word of them."""

    def __init__(self, users: Sequence[int], application: Application) -> None:
        *self.users, self.absent = users
        self.application = application
        self.redis = Redis.from_url(settings.REDIS_URL)

    def emit(self, events: Sequence[Sequence[int]]) -> float:
        """Write events and notifications, and publish these; when they were committed."""
        with transaction.atomic():
            rows = write(self.application.pk, events)
        committed = time.monotonic()
        self.redis.publish(CHANNEL, orjson.dumps([(row[1], self._text(row)) for row in rows]))
        return committed

    def _text(self, row: tuple[Any, ...]) -> str:
        pk, _, seq, created_at = row
        body = {
            "id": pk,
            "seq": seq,
            "notification_type": KIND,
            "notification_type_display": "Application status",
            "event_type": "application.stage_changed",
            "title": TITLE,
            "body": BODY,
            "application_id": self.application.pk,
            "subject_type": "application",
            "subject_id": self.application.pk,
            "is_read": False,
            "read_at": None,
            "created_at": created_at,
        }
        return encoded({"type": "notification", "seq": seq, "notification": body})


def write(application: int, events: Sequence[Sequence[int]]) -> list[tuple[Any, ...]]:
    """Rows of events and notifications; of the latter id, user, number and time."""
    needed = Counter(user for users in events for user in users)
    with connection.cursor() as cursor:
        data = orjson.dumps(DATA).decode()
        cursor.execute(EVENTS, {"application": application, "data": data, "count": len(events)})
        ids = [pk for (pk,) in cursor.fetchall()]
        ordered = sorted(needed)
        cursor.execute(NUMBERS, [ordered, [needed[user] for user in ordered]])
        last = dict(cursor.fetchall())
        rows: tuple[list[int], list[int], list[int]] = ([], [], [])
        for pk, users in zip(ids, events, strict=True):
            for user in users:
                last[user] += 1
                for column, value in zip(rows, (user, last[user], pk), strict=True):
                    column.append(value)
        cursor.execute(ROWS, [KIND, TITLE, BODY, application, application, *rows])
        return cursor.fetchall()


def missed(user: int, count: int) -> None:
    """Notifications that nobody was told of."""
    with transaction.atomic():
        write(Application.objects.order_by("pk").values_list("pk", flat=True)[0], [[user]] * count)
