"""Appointments, how they were moved, office hours, and links to calendars."""

import uuid

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now

from applications.models import Application
from borrowers.models import Borrower
from crm_backend.common.models import TimestampedModel
from crm_backend.common.scoping import EVERYTHING, ScopedQuerySet, any_of, through, where
from engagement.choices import AppointmentKind, AppointmentStatus, HoursKind, Weekday
from engagement.models.interactions import SUBJECTS, one_of
from engagement.models.leads import Lead
from users.choices import Role
from users.models import User, validate_timezone


class Span(Func):
    """The time from a moment up to, and without, another."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


HOSTED = where("where I am the host", lambda user: Q(host=user))
TEAM = where(
    "hosted by own branch's team", lambda user: Q(host__in=User.objects.get_queryset().visible_to(user))
)

# Those of a borrower alone are seen by whose they are; those of an application or a lead by who sees that.
# Administrators, and a client of the own profile, see all.
ALONE = {Role.BD: TEAM, Role.BROKER: HOSTED}


class AppointmentQuerySet(ScopedQuerySet):
    """Appointments, by who may see which."""

    scopes = {
        Role.ADMIN: EVERYTHING,
        Role.BD: any_of(TEAM, through("application"), through("lead")),
        Role.BROKER: any_of(HOSTED, through("application"), through("lead")),
        Role.CLIENT: any_of(
            through("application"), where("those with own profile", lambda user: Q(borrower__user=user))
        ),
    }


class Appointment(TimestampedModel):
    """A time that a host keeps for a guest: a lead, a borrower, or those on an application. Times are UTC.

    `timezone` is the host's when it was booked. `uid` and `sequence` are those of RFC 5545: the same for
    ever, and one more with each change that a calendar has to show.
    A reminder is sent when its time has come and its `…_reminded_at` is empty.
    """

    host = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    lead = models.ForeignKey(
        Lead, on_delete=models.CASCADE, null=True, blank=True, related_name="appointments", db_index=False
    )
    borrower = models.ForeignKey(
        Borrower, on_delete=models.PROTECT, null=True, blank=True, related_name="appointments", db_index=False
    )
    application = models.ForeignKey(
        Application,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="appointments",
        db_index=False,
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=AppointmentKind.choices)
    location = models.CharField(max_length=300, blank=True)
    link = models.URLField(max_length=500, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    timezone = models.CharField(max_length=64, validators=[validate_timezone], editable=False)
    status = models.CharField(
        max_length=12,
        choices=AppointmentStatus.choices,
        default=AppointmentStatus.SCHEDULED,
        editable=False,
    )
    outside_hours = models.BooleanField(default=False)
    notes = models.TextField(max_length=5_000, blank=True, help_text="For those who work here.")
    outcome = models.TextField(max_length=5_000, blank=True, editable=False)
    cancel_reason = models.CharField(max_length=500, blank=True, editable=False)
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    sequence = models.PositiveIntegerField(default=0, editable=False)
    day_reminded_at = models.DateTimeField(null=True, editable=False)
    hour_reminded_at = models.DateTimeField(null=True, editable=False)

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="appointment_of_one_guest",
                condition=one_of(*SUBJECTS),
            ),
            models.CheckConstraint(
                name="appointment_ends_after_start", condition=Q(ends_at__gt=F("starts_at"))
            ),
            ExclusionConstraint(
                name="appointment_host_is_free",
                expressions=[
                    (Span("starts_at", "ends_at", RangeBoundary()), RangeOperators.OVERLAPS),
                    ("host", RangeOperators.EQUAL),
                ],
                condition=Q(status=AppointmentStatus.SCHEDULED),
            ),
        ]
        indexes = [
            models.Index(name="appointment_start", fields=["starts_at", "id"]),
            models.Index(name="appointment_newest", fields=["created_at", "id"]),
            models.Index(name="appointment_of_host", fields=["host", "starts_at", "id"]),
            models.Index(name="appointment_of_lead", fields=["lead", "starts_at", "id"]),
            models.Index(name="appointment_of_borrower", fields=["borrower", "starts_at", "id"]),
            models.Index(name="appointment_of_application", fields=["application", "starts_at", "id"]),
            models.Index(name="appointment_in_status", fields=["status", "starts_at", "id"]),
            models.Index(
                name="appointment_to_remind_of",
                fields=["starts_at"],
                condition=Q(status=AppointmentStatus.SCHEDULED)
                & (Q(day_reminded_at=None) | Q(hour_reminded_at=None)),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class AppointmentMove(models.Model):
    """How an appointment was moved: from when, by whom, why. Times are UTC."""

    appointment = models.ForeignKey(
        Appointment, on_delete=models.CASCADE, related_name="moves", db_index=False
    )
    from_starts_at = models.DateTimeField()
    from_ends_at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)
    moved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    moved_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(name="appointment_move_of", fields=["appointment", "id"])]

    def __str__(self) -> str:
        return f"move {self.pk} of appointment {self.appointment_id}"


class OfficeHoursQuerySet(ScopedQuerySet):
    """Office hours, by who may see which; others see what is free of them."""

    scopes = {Role.ADMIN: EVERYTHING, Role.BD: TEAM, Role.BROKER: HOSTED}


class OfficeHours(TimestampedModel):
    """When a host can be booked, by the host's own clock; `valid_from` and `valid_until` are inclusive.

    Weekly hours, additional hours on some days, or days off, which end all other hours of those days.
    """

    host = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="office_hours", db_index=False
    )
    kind = models.CharField(max_length=8, choices=HoursKind.choices, default=HoursKind.WEEKLY)
    weekday = models.PositiveSmallIntegerField(choices=Weekday.choices, null=True, blank=True)
    opens_at = models.TimeField(null=True, blank=True)
    closes_at = models.TimeField(null=True, blank=True)
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)

    objects = OfficeHoursQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "office hours"
        constraints = [
            models.CheckConstraint(
                name="office_hours_weekday_of_weekly",
                condition=Q(kind=HoursKind.WEEKLY, weekday__isnull=False, weekday__gte=1, weekday__lte=7)
                | (~Q(kind=HoursKind.WEEKLY) & Q(weekday=None)),
            ),
            models.CheckConstraint(
                name="office_hours_have_times",
                condition=Q(kind=HoursKind.CLOSED, opens_at=None, closes_at=None)
                | (
                    ~Q(kind=HoursKind.CLOSED)
                    & Q(opens_at__isnull=False, closes_at__isnull=False, closes_at__gt=F("opens_at"))
                ),
            ),
            models.CheckConstraint(
                name="office_hours_have_days",
                condition=Q(kind=HoursKind.WEEKLY) | Q(valid_from__isnull=False, valid_until__isnull=False),
            ),
            models.CheckConstraint(
                name="office_hours_days_in_order",
                condition=Q(valid_from=None) | Q(valid_until=None) | Q(valid_until__gte=F("valid_from")),
            ),
        ]
        indexes = [
            models.Index(name="office_hours_of_host", fields=["host", "id"]),
            models.Index(name="office_hours_newest", fields=["created_at", "id"]),
        ]

    def __str__(self) -> str:
        return f"office hours {self.pk} of user {self.host_id}"


class CalendarLink(models.Model):
    """The secret address of one's appointments for calendars; of the secret only the hash is kept."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"calendar link of user {self.user_id}"
