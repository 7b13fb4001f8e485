"""Scheduled work on users."""

from celery import shared_task

from users.services import sessions


@shared_task(name="users.tasks.expired_sessions_delete")
def expired_sessions_delete() -> int:
    """Delete sessions that ended long ago."""
    return sessions.expired_sessions_delete()
