"""Notifications: the first page, and how many are unread."""

from typing import Any

import asyncpg

from benchmarks.floor.callers import Caller
from benchmarks.floor.links import address_with
from notifications.choices import NotificationType

PAGE = 20
TYPES = dict(NotificationType.choices)
LIST = f"""
SELECT (SELECT count(*) FROM notifications_notification WHERE user_id = $1) AS count,
  n.id, n.seq, n.notification_type, event.type AS event_type, n.title, n.body, n.application_id,
  n.subject_type, n.subject_id, n.read_at IS NOT NULL AS is_read, n.read_at, n.created_at
FROM (SELECT * FROM notifications_notification WHERE user_id = $1 ORDER BY seq DESC LIMIT {PAGE}) n
  JOIN events_event event ON event.id = n.event_id
ORDER BY n.seq DESC
"""
UNREAD = "SELECT count(*) FROM notifications_notification WHERE user_id = $1 AND read_at IS NULL"


async def page_of(pool: asyncpg.Pool, caller: Caller, address: str) -> dict[str, Any]:
    """The caller's latest."""
    rows = [dict(record) for record in await pool.fetch(LIST, caller.id)]
    count = rows[0]["count"] if rows else 0
    for row in rows:
        del row["count"]
        row["notification_type_display"] = TYPES[row["notification_type"]]
    more = address_with(address, {}, limit=str(PAGE), offset=str(PAGE)) if count > PAGE else None
    return {"count": count, "next": more, "previous": None, "results": rows}


async def unread_of(pool: Any, caller: Caller) -> dict[str, int]:
    """How many the caller has not read."""
    return {"unread_count": await pool.fetchval(UNREAD, caller.id)}
