"""Scheduled and queued work on users."""

import structlog
from celery import shared_task
from django.db import InterfaceError, OperationalError

from users.services import passwords, sessions


@shared_task(name="users.tasks.expired_sessions_delete")
def expired_sessions_delete() -> int:
    """Delete sessions that ended long ago."""
    return sessions.expired_sessions_delete()


@shared_task(
    name=passwords.RESET_TASK,
    autoretry_for=(OperationalError, InterfaceError),
    retry_backoff=True,
    max_retries=5,
)
def password_reset_request(email: str, request_id: str) -> None:
    """Have a reset link mailed, if there is such an account; asked for under the request's id."""
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        passwords.password_reset_request(email=email)
