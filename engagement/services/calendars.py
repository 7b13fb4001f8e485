"""Secret links to one's appointments, and what a calendar reads there (RFC 5545)."""

import hashlib
import hmac
import re
import secrets
from datetime import UTC
from typing import Any

from django.utils import timezone
from icalendar import Calendar, Event

from crm_backend.common.errors import DomainError
from engagement.choices import AppointmentStatus
from engagement.models import CalendarLink
from engagement.selectors import on_calendar_of
from users.models import User

STATUSES = {
    AppointmentStatus.SCHEDULED: "CONFIRMED",
    AppointmentStatus.COMPLETED: "CONFIRMED",
    AppointmentStatus.NO_SHOW: "CONFIRMED",
    AppointmentStatus.CANCELLED: "CANCELLED",
}
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# What a token of nobody is compared with, so that it takes as long.
NOBODYS = "0" * 64


class CalendarLinkUnknown(DomainError):
    """No link has this token: it is mistyped, or was replaced or ended."""

    status = 404
    code = "calendar_link_unknown"
    title = "Unknown calendar link"
    default_detail = "There is no calendar behind this link. Make a new one."


def link_make(*, user: Any) -> tuple[CalendarLink, str]:
    """Make the link of a user, or another one in its place; the token is known only now."""
    secret = secrets.token_urlsafe(32)
    values = {"token_hash": _hash(secret), "created_at": timezone.now()}
    link, _ = CalendarLink.objects.update_or_create(user=user, defaults=values)
    return link, f"{user.pk}.{secret}"


def link_end(*, user: Any) -> None:
    """End the link of a user, if there is one."""
    CalendarLink.objects.filter(user=user).delete()


def user_by_token(token: str) -> User:
    """Whose calendar a token shows.

    Raises:
        CalendarLinkUnknown: nobody's, or somebody's who may not log in.
    """
    number, _, secret = token.partition(".")
    is_number = number.isascii() and number.isdigit() and len(number) < 19
    link = CalendarLink.objects.select_related("user").filter(user=int(number)).first() if is_number else None
    known = link.token_hash if link else NOBODYS
    if not hmac.compare_digest(known, _hash(secret)) or link is None or not link.user.is_active:
        raise CalendarLinkUnknown()
    return link.user


def calendar_of(user: User) -> bytes:
    """The appointments of a user as iCalendar: times in UTC, no notes, nobody's data but the titles."""
    calendar = Calendar()
    calendar.add("prodid", "-//crm-backend//appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", "Appointments")
    for row in on_calendar_of(user):
        event = Event()
        event.add("uid", str(row.uid))
        event.add("dtstamp", row.updated_at.astimezone(UTC))
        event.add("last-modified", row.updated_at.astimezone(UTC))
        event.add("dtstart", row.starts_at.astimezone(UTC))
        event.add("dtend", row.ends_at.astimezone(UTC))
        event.add("summary", _text(row.title))
        event.add("sequence", row.sequence)
        event.add("status", STATUSES[AppointmentStatus(row.status)])
        if row.location:
            event.add("location", _text(row.location))
        if row.link:
            event.add("url", row.link)
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _text(value: str) -> str:
    """Without control characters, which no text of a calendar may have: strict programs refuse all of it."""
    return _CONTROLS.sub(" ", value)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
