"""Booking, moving and ending appointments, and reminding of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from applications.models import Application
from crm_backend.common.errors import Conflict, InvalidInput
from crm_backend.common.models import save_changes
from engagement import events
from engagement.choices import MOVES, AppointmentStatus
from engagement.hours import DAY, days_of, is_within
from engagement.models import Appointment, AppointmentMove
from engagement.selectors import guest_logins, open_between, place_of
from events.services import emit
from users.choices import Role
from users.models import User

HOUR = timedelta(hours=1)
LONGEST = timedelta(hours=12)
FURTHEST = timedelta(days=2 * 366)
REMINDED_AT_ONCE = 200
# What a calendar shows of an appointment.
ON_CALENDAR = {"title", "location", "link", "kind"}


class AppointmentClash(Conflict):
    """The host has another appointment at that time."""

    code = "appointment_clash"
    title = "The host is not free"
    default_detail = "The host has another appointment at this time. Ask for what is available."


class AppointmentOver(Conflict):
    """The appointment is not scheduled any more, or has not begun yet."""

    code = "appointment_over"
    title = "Not possible with this appointment"


@contextmanager
def _no_clash() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "appointment_host_is_free" not in str(error):
            raise
        raise AppointmentClash() from error


def appointment_book(*, host: User, actor: Any, outside_hours: bool = False, **fields: Any) -> Appointment:
    """Book a time of a host, and tell host and guest.

    Raises:
        InvalidInput: the time is over, too long, or outside the host's office hours.
        AppointmentClash: the host is not free.
    """
    starts_at, ends_at = fields["starts_at"], fields["ends_at"]
    _check_guest(host, actor, fields)
    _check_time(host, actor, starts_at, ends_at, outside_hours=outside_hours)
    with transaction.atomic(), _no_clash():
        # One booking of a host at a time: two that wait for each other's row would be a deadlock.
        User.objects.get_queryset().filter(pk=host.pk).lock().first()
        appointment = Appointment.objects.create(
            host=host,
            created_by=actor,
            timezone=host.timezone,
            outside_hours=outside_hours,
            **fields,
            **_told_already(starts_at),
        )
        _tell(events.AppointmentBooked, appointment, actor)
    return appointment


def appointment_update(*, appointment: Appointment, actor: Any, **fields: Any) -> Appointment:
    """Edit what is said of an appointment; call it with the row locked."""
    changed = save_changes(appointment, fields)
    if changed:
        if ON_CALENDAR & set(changed):
            save_changes(appointment, {"sequence": appointment.sequence + 1})
        payload = events.AppointmentUpdated(appointment_id=appointment.pk, field_names=", ".join(changed))
        emit(payload, actor=actor, **place_of(appointment))
    return appointment


def appointment_delete(*, appointment: Appointment, actor: Any) -> None:
    """Delete an appointment that was entered by mistake; call it with the row locked."""
    payload = events.AppointmentDeleted(appointment_id=appointment.pk, title=appointment.title)
    emit(payload, actor=actor, **place_of(appointment))
    appointment.delete()


def appointment_reschedule(
    *,
    appointment: Appointment,
    actor: Any,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    outside_hours: bool = False,
) -> Appointment:
    """Move an appointment, and tell host and guest; call it with the row locked. It is reminded of anew.

    Raises:
        AppointmentOver: it is not scheduled.
        InvalidInput: as in booking.
        AppointmentClash: the host is not free then.
    """
    _next(appointment, "reschedule")
    _check_time(appointment.host, actor, starts_at, ends_at, outside_hours=outside_hours)
    before = when_of(appointment)
    move = AppointmentMove(
        appointment=appointment,
        from_starts_at=appointment.starts_at,
        from_ends_at=appointment.ends_at,
        reason=reason,
        moved_by=actor,
    )
    with transaction.atomic(), _no_clash():
        User.objects.get_queryset().filter(pk=appointment.host_id).lock().first()
        changes = {
            "starts_at": starts_at,
            "ends_at": ends_at,
            "outside_hours": outside_hours,
            "timezone": appointment.host.timezone,
            "sequence": appointment.sequence + 1,
            "day_reminded_at": None,
            "hour_reminded_at": None,
            **_told_already(starts_at),
        }
        save_changes(appointment, changes)
        move.save()
        _tell(events.AppointmentRescheduled, appointment, actor, before=before)
    return appointment


def appointment_complete(
    *, appointment: Appointment, actor: Any, attended: bool, outcome: str = "", notes: str | None = None
) -> Appointment:
    """Say that an appointment took place, or that nobody came; call it with the row locked.

    Raises:
        AppointmentOver: it is not scheduled, or has not begun.
    """
    status = _next(appointment, "complete" if attended else "miss")
    if appointment.starts_at > timezone.now():
        raise AppointmentOver("This appointment has not begun yet. Cancel or reschedule it.")
    changes: dict[str, Any] = {"status": status, "outcome": outcome}
    if notes is not None:
        changes["notes"] = notes
    save_changes(appointment, changes)
    _tell(events.AppointmentCompleted if attended else events.AppointmentMissed, appointment, actor)
    return appointment


def appointment_cancel(*, appointment: Appointment, actor: Any, reason: str = "") -> Appointment:
    """Call an appointment off, and tell host and guest; call it with the row locked.

    Raises:
        AppointmentOver: it is not scheduled.
    """
    status = _next(appointment, "cancel")
    changes = {"status": status, "cancel_reason": reason, "sequence": appointment.sequence + 1}
    save_changes(appointment, changes)
    _tell(events.AppointmentCancelled, appointment, actor)
    return appointment


def appointments_depart(*, actor: Any, **guest: Any) -> None:
    """Tell hosts and guests of what is still to come, which goes together with its lead or application."""
    to_come = Appointment.objects.filter(
        status=AppointmentStatus.SCHEDULED, ends_at__gt=timezone.now(), **guest
    )
    for appointment in to_come.select_related("host", "lead").lock():
        _tell(events.AppointmentCancelled, appointment, actor)


def appointments_remind(now: datetime) -> int:
    """Remind of every appointment to come whose reminder is due and was not sent; how many were.

    A day and an hour before. When both are due, as after a missed run, one is sent for both. Each is marked
    in the transaction of its event: a run that is repeated, killed or late tells once.
    """
    told = 0
    day_due = Q(day_reminded_at=None, starts_at__lte=now + DAY)
    hour_due = Q(hour_reminded_at=None, starts_at__lte=now + HOUR)
    due = Appointment.objects.filter(
        day_due | hour_due, status=AppointmentStatus.SCHEDULED, starts_at__gt=now
    )
    while True:
        with transaction.atomic():
            chosen = due.order_by("starts_at", "pk").select_for_update(skip_locked=True, of=("self",))
            rows = list(chosen.select_related("host", "lead", "borrower")[:REMINDED_AT_ONCE])
            for appointment in rows:
                marks: dict[str, Any] = {"day_reminded_at": appointment.day_reminded_at or now}
                if appointment.starts_at <= now + HOUR:
                    marks["hour_reminded_at"] = now
                Appointment.objects.filter(pk=appointment.pk).update(**marks)
                _tell(events.AppointmentReminderDue, appointment, None)
        told += len(rows)
        if len(rows) < REMINDED_AT_ONCE:
            return told


def _next(appointment: Appointment, move: str) -> AppointmentStatus:
    found = MOVES.get((appointment.status, move))
    if found is None:
        raise AppointmentOver(f"This appointment is {appointment.get_status_display().lower()} already.")
    return found


def _check_guest(host: User, actor: Any, fields: dict[str, Any]) -> None:
    """A client books the BDM of the own application that it is about."""
    if actor.role != Role.CLIENT:
        return
    application: Application | None = fields.get("application")
    if application is None:
        raise InvalidInput.field("application", "Say which of your applications this is about.")
    if application.bd is None or application.bd.user_id != host.pk:
        raise InvalidInput.field("host", "Book the BDM of this application.")


def _check_time(
    host: User, actor: Any, starts_at: datetime, ends_at: datetime, *, outside_hours: bool
) -> None:
    now = timezone.now()
    if not now < starts_at <= now + FURTHEST:
        raise InvalidInput.field("starts_at", "An appointment begins after now, and within two years.")
    if not starts_at < ends_at <= starts_at + LONGEST:
        raise InvalidInput.field("ends_at", "An appointment ends after its start, within 12 hours.")
    if outside_hours and actor.pk != host.pk:
        raise InvalidInput.field("outside_hours", "Only hosts themselves are booked outside their hours.")
    first, last = days_of(starts_at, ends_at, ZoneInfo(host.timezone))
    if not outside_hours and not is_within((starts_at, ends_at), open_between(host, first - DAY, last)):
        raise InvalidInput.field("starts_at", "This is outside the host's office hours.")


def _told_already(starts_at: datetime) -> dict[str, datetime]:
    """The reminders whose time is past while booking: the booking itself tells."""
    now = timezone.now()
    lead_times = {"day_reminded_at": DAY, "hour_reminded_at": HOUR}
    return {name: now for name, lead_time in lead_times.items() if starts_at <= now + lead_time}


def when_of(appointment: Appointment) -> str:
    """By the host's clock: `Mon 30 Nov 2026, 10:00 AEDT`."""
    return f"{appointment.starts_at.astimezone(ZoneInfo(appointment.timezone)):%a %d %b %Y, %H:%M %Z}"


def told_of(
    payload: type[events.AppointmentBooked], appointment: Appointment, **more: str
) -> events.AppointmentBooked:
    """The event of an appointment as it is now."""
    return payload(
        appointment_id=appointment.pk,
        title=appointment.title,
        host_name=appointment.host.full_name,
        when=when_of(appointment),
        starts_at=appointment.starts_at.isoformat(),
        ends_at=appointment.ends_at.isoformat(),
        **more,
    )


def _tell(payload: type[events.AppointmentBooked], appointment: Appointment, actor: Any, **more: str) -> None:
    told = told_of(payload, appointment, **more)
    recipients = {*guest_logins(appointment), *([appointment.host_id] if appointment.host.is_active else [])}
    emit(told, actor=actor, recipients=recipients, **place_of(appointment))
