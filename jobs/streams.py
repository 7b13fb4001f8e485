"""A job as a stream of server-sent events (WHATWG HTML, section 9.2), and the tickets for it.

An event's id is the job's revision: with `Last-Event-ID` a client that comes back gets what is newer, at
once. Each event holds everything, so that none of those in between is missed.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
from asgiref.sync import SyncToAsync
from django.core import signing
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from crm_backend.common.downloads import give_back_connection
from jobs.live import LOOK_SECONDS, Snapshot, feed, snapshot
from jobs.models import Job
from users.models import Session, User
from users.services.sessions import session_by_id

HEARTBEAT = b": alive\n\n"
# A stream ends by itself after that, and the client comes back: so a login that ended is noticed.
STREAM_SECONDS = 600.0
RETRY_MILLISECONDS = 2000
TICKET_LIFE = timedelta(minutes=5)
_SALT = "jobs.stream"
_EVENTS = {"queued": "queued", "processing": "progress"}


class EventStream(StreamingHttpResponse):
    """A reply that goes on; nobody between may hold it back or pack it."""

    as_is = True

    def __init__(self, parts: Any) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(parts, content_type="text/event-stream", headers=headers)


def job_stream(request: Request, job: Job) -> HttpResponseBase:
    """The stream of a job. A server that cannot wait says how it is now, and has the client ask again."""
    seen = _number(request.headers.get("Last-Event-ID", ""))
    if job.is_finished and job.revision <= seen:
        return HttpResponse(status=204)  # by which an EventSource knows that it need not come back
    if isinstance(request._request, ASGIRequest):
        give_back_connection(request)
        return EventStream(followed(job.pk, seen))
    return EventStream(_once(snapshot(job), seen))


async def followed(job_id: int, seen: int) -> AsyncIterator[bytes]:
    """What happens to a job after the revision `seen`, until it is finished."""
    _give_back_thread()
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    loop = asyncio.get_running_loop()
    end = loop.time() + STREAM_SECONDS
    own = feed()
    async with own.following(job_id) as listener:
        await own.look([job_id])
        while loop.time() < end:
            try:
                await asyncio.wait_for(listener.bell.wait(), timeout=LOOK_SECONDS)
            except TimeoutError:
                yield HEARTBEAT
                continue
            listener.bell.clear()
            now = listener.latest
            if now is None:
                return
            if now["revision"] > seen:
                seen = now["revision"]
                yield event_of(now)
            if now["is_finished"]:
                return


def _give_back_thread() -> None:
    """Each request has a thread for its synchronous code; one that waits for minutes needs none meanwhile.

    Another is made for what comes at the end.
    """
    context = SyncToAsync.thread_sensitive_context.get(None)
    executor = SyncToAsync.context_to_thread_executor.pop(context, None) if context else None
    if executor is not None:
        executor.shutdown(wait=False)


def _once(now: Snapshot, seen: int) -> Iterator[bytes]:
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    if now["revision"] > seen:
        yield event_of(now)


def event_of(now: Snapshot) -> bytes:
    """One event."""
    status = now["data"]["status"]
    name = _EVENTS.get(status, status).encode()
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name, now["revision"], orjson.dumps(now["data"]))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1


# --- tickets ----------------------------------------------------------------------------------


def ticket_for(job: Job, session: Session) -> tuple[str, datetime]:
    """A ticket for the stream of one job within this login, and when it ends."""
    ticket = signing.dumps({"job": job.pk, "session": str(session.pk)}, salt=_SALT)
    return ticket, timezone.now() + TICKET_LIFE


class StreamTicketAuthentication(BaseAuthentication):
    """`?ticket=…`, since EventSource of browsers sends no headers. Good for one job, for five minutes."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the user whose ticket it is.

        Raises:
            AuthenticationFailed: it is no ticket of ours, or over, or for another job, or the login ended.
        """
        ticket = request.query_params.get("ticket")
        if ticket is None:
            return None
        try:
            found = signing.loads(ticket, salt=_SALT, max_age=TICKET_LIFE)
        except signing.BadSignature:
            raise AuthenticationFailed("This ticket is not good any more.") from None
        session = session_by_id(found["session"])
        if session is None or str(found["job"]) != str(request.parser_context["kwargs"].get("pk")):
            raise AuthenticationFailed("This ticket is not good for this.")
        return session.user, None

    def authenticate_header(self, request: Request) -> str:
        """How to log in otherwise."""
        return 'Bearer realm="api"'


class StreamTicketScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names this authentication."""

    target_class = "jobs.streams.StreamTicketAuthentication"
    name = "streamTicket"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Say where the ticket goes."""
        return {
            "type": "apiKey",
            "in": "query",
            "name": "ticket",
            "description": "From `/api/jobs/{id}/stream-ticket/`, for clients that cannot send headers.",
        }
