"""Appointments, office hours, interactions and reviews, for tests that only need some."""

from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from applications.models import Application, ApplicationBorrower
from engagement.models import Appointment, AppointmentMove, CalendarLink, Interaction, OfficeHours, Review
from tests.factories import ApplicationFactory, Side, World
from users.models import User

_days = count(2)


def times(hour: int = 10) -> dict[str, str]:
    """Half an hour of a day to come that nothing else was given, by the clock of Sydney."""
    day = (timezone.now() + timedelta(days=next(_days) % 600 + 2)).date()
    start = datetime.combine(day, time(hour), ZoneInfo("Australia/Sydney")).astimezone(UTC)
    return {"starts_at": start.isoformat(), "ends_at": (start + timedelta(minutes=30)).isoformat()}


def appointment_of(application: Application, host: User, *, is_over: bool = False) -> Appointment:
    """One with those on an application."""
    start = timezone.now() + timedelta(hours=2 * next(_days)) * (-1 if is_over else 1)
    return Appointment.objects.create(
        application=application,
        host=host,
        created_by=host,
        title="First talk",
        kind="phone",
        starts_at=start,
        ends_at=start + timedelta(minutes=30),
        timezone=host.timezone,
    )


def hours_of(host: User) -> OfficeHours:
    """Every Monday morning."""
    return OfficeHours.objects.create(host=host, weekday=1, opens_at=time(9), closes_at=time(12))


def open_always(host: User) -> User:
    """Give a host hours on every day."""
    for weekday in range(1, 8):
        OfficeHours.objects.create(host=host, weekday=weekday, opens_at=time(8), closes_at=time(18))
    return host


def interaction_of(application: Application, author: User) -> Interaction:
    """A call."""
    return Interaction.objects.create(
        application=application,
        author=author,
        kind="call",
        subject="Payslips",
        occurred_at=timezone.now(),
    )


def review_of(side: Side) -> Review:
    """The review that a side's client wrote of a settled loan of its own."""
    application = settled_of(side)
    return Review.objects.create(
        application=application,
        borrower=side.borrower,
        author=side.client_user,
        rating=4,
        title="Quick and clear",
    )


def settled_of(side: Side) -> Application:
    """An application of all of a side whose loan is settled."""
    application: Application = ApplicationFactory.create(
        broker=side.broker, bd=side.bdm, branch=side.branch, stage="settled"
    )
    ApplicationBorrower.objects.create(application=application, borrower=side.borrower)
    return application


def fill_meetings(side: Side, admin: User) -> None:
    """Rows of everything, of one side."""
    appointment = appointment_of(side.application, side.bd_user)
    AppointmentMove.objects.create(
        appointment=appointment,
        from_starts_at=timezone.now(),
        from_ends_at=timezone.now(),
        moved_by=side.bd_user,
    )
    hours_of(side.bd_user)
    interaction_of(side.application, side.broker_user)
    review_of(side)
    CalendarLink.objects.create(user=side.bd_user, token_hash="0" * 64)


def booking(world: World) -> dict[str, Any]:
    """A time of our BDM, who has office hours."""
    host = open_always(world.ours.bd_user)
    return {
        "host": host.pk,
        "application": world.ours.application.pk,
        "title": "First talk",
        "kind": "phone",
        **times(),
    }


def another_time(world: World) -> dict[str, Any]:
    """Another time at which any of our hosts has office hours."""
    for host in (world.admin, world.ours.bd_user, world.ours.broker_user):
        open_always(host)
    return times(15)
