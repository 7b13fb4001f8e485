"""Saved reports, their schedules, and the files that were made of reports."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from brokers.models import Bdm, Branch, Broker
from crm_backend.common.models import TimestampedModel
from crm_backend.common.policy import ADMIN
from crm_backend.common.reads import reads
from crm_backend.common.scoping import EVERYTHING, Scope, ScopedQuerySet, any_of, one_id, where
from engagement.choices import Weekday
from jobs.models import Job
from reports.choices import CUSTOM, FileFormat, FileStatus, Recurrence, SharedWith
from users.choices import Role
from users.models import validate_timezone

MINE = where("where I am the owner", lambda user: Q(owner=user))


def _shared(profile: type[Bdm] | type[Broker], role: SharedWith) -> Scope:
    of_branch = where(
        "those shared with my branch",
        lambda user: Q(branch=one_id(profile.objects.filter(user=user), "branch")),
    )
    words = f"those shared with {str(role.label)[0].lower()}{str(role.label)[1:]}"
    return any_of(MINE, of_branch, where(words, lambda user: Q(shared_with=role)))


class SavedReportQuerySet(ScopedQuerySet):
    """Definitions, by who may run them. Figures are those that the reader sees, whoever wrote it."""

    scopes = {
        ADMIN: EVERYTHING,
        Role.BD: _shared(Bdm, SharedWith.BDMS),
        Role.BROKER: _shared(Broker, SharedWith.BROKERS),
    }


class SavedReport(TimestampedModel):
    """The definition of a report, kept as it was given. It is checked again whenever it runs.

    `kind` is `custom`, and `source` what it is over; or `kind` is the name of one of the seven.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        editable=False,
    )
    name = models.CharField(max_length=100, help_text="The title of files, too.")
    description = models.CharField(max_length=1000, blank=True)
    kind = models.CharField(max_length=32, editable=False, default=CUSTOM, db_default=CUSTOM)
    source = models.CharField(max_length=32, blank=True, editable=False)
    definition = models.JSONField()
    shared_with = models.CharField(
        max_length=16, choices=SharedWith.choices, default=SharedWith.NOBODY, blank=False
    )
    branch = models.ForeignKey(
        Branch,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Of those whom it is shared with; one's own when left out.",
    )

    objects = SavedReportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="saved_report_shared_known", condition=Q(shared_with__in=SharedWith.values)
            ),
            models.CheckConstraint(
                name="saved_report_source_of_custom",
                condition=(Q(kind=CUSTOM) & ~Q(source="")) | (~Q(kind=CUSTOM) & Q(source="")),
            ),
            models.CheckConstraint(
                name="saved_report_branch_where_shared",
                condition=Q(shared_with=SharedWith.BRANCH, branch__isnull=False)
                | (~Q(shared_with=SharedWith.BRANCH) & Q(branch=None)),
            ),
        ]
        indexes = [
            models.Index(name="saved_report_name", fields=["name", "id"]),
            models.Index(name="saved_report_recent", fields=["created_at", "id"]),
            models.Index(name="saved_report_owner", fields=["owner", "name", "id"]),
            models.Index(name="saved_report_branch", fields=["branch"], condition=~Q(branch=None)),
            models.Index(name="saved_report_shared", fields=["shared_with", "name", "id"]),
            models.Index(name="saved_report_kind", fields=["kind", "name", "id"]),
        ]

    @reads("name")
    def __str__(self) -> str:
        return self.name


CREATED = where("created by me", lambda user: Q(created_by=user))


class ReportScheduleQuerySet(ScopedQuerySet):
    """Administrators see all, others what they set up themselves."""

    scopes = {ADMIN: EVERYTHING, Role.BD: CREATED, Role.BROKER: CREATED}


class ReportSchedule(TimestampedModel):
    """When a saved report is made anew, and for whom: each gets a file of the figures that they see.

    `at` is local time in `timezone`. `next_run_at` is empty while it is paused.
    """

    report = models.ForeignKey(
        SavedReport, on_delete=models.CASCADE, related_name="schedules", db_index=False
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        editable=False,
    )
    recurrence = models.CharField(max_length=8, choices=Recurrence.choices)
    weekday = models.PositiveSmallIntegerField(
        choices=Weekday.choices, null=True, blank=True, help_text="Of a weekly one; 1 is Monday."
    )
    day_of_month = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text="Of a monthly one; the last day of months that are shorter.",
    )
    at = models.TimeField(help_text="By the clock of the time zone.")
    timezone = models.CharField(
        max_length=64, validators=[validate_timezone], blank=True, help_text="One's own when left out."
    )
    format = models.CharField(max_length=8, choices=FileFormat.choices, default=FileFormat.PDF)
    recipients = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")
    is_paused = models.BooleanField(default=False)
    next_run_at = models.DateTimeField(null=True, editable=False)
    last_run_at = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=500, blank=True, editable=False)

    objects = ReportScheduleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="report_schedule_has_its_day",
                condition=Q(recurrence=Recurrence.DAILY, weekday=None, day_of_month=None)
                | Q(recurrence=Recurrence.WEEKLY, weekday__gte=1, weekday__lte=7, day_of_month=None)
                | Q(recurrence=Recurrence.MONTHLY, weekday=None, day_of_month__gte=1, day_of_month__lte=31),
            ),
            models.CheckConstraint(
                name="report_schedule_format_known", condition=Q(format__in=FileFormat.values)
            ),
            models.CheckConstraint(
                name="report_schedule_next_unless_paused",
                condition=Q(is_paused=True, next_run_at=None) | Q(is_paused=False, next_run_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="report_schedule_due", fields=["next_run_at", "id"]),
            models.Index(name="report_schedule_recent", fields=["created_at", "id"]),
            models.Index(name="report_schedule_report", fields=["report", "created_at", "id"]),
            models.Index(name="report_schedule_creator", fields=["created_by", "created_at", "id"]),
        ]

    @reads("report__name", "recurrence")
    def __str__(self) -> str:
        return f"{self.report.name}, {self.recurrence}"


class ReportFileQuerySet(ScopedQuerySet):
    """A file shows what its owner sees: it is theirs alone."""

    scopes = dict.fromkeys((ADMIN, Role.BD, Role.BROKER), where("own", lambda user: Q(user=user)))


class ReportFile(models.Model):
    """A report as a file, made for one reader: asked for as a job, or by a schedule at `due_at`.

    The row of a schedule is written before the file is made: one for each reader and time.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    title = models.CharField(max_length=200)
    format = models.CharField(max_length=8, choices=FileFormat.choices)
    status = models.CharField(max_length=8, choices=FileStatus.choices, default=FileStatus.PENDING)
    content = models.BinaryField(default=b"")
    size = models.PositiveIntegerField(default=0, help_text="Bytes.")
    error = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    job = models.OneToOneField(Job, on_delete=models.SET_NULL, null=True, related_name="+")
    schedule = models.ForeignKey(
        ReportSchedule, on_delete=models.SET_NULL, null=True, related_name="files", db_index=False
    )
    due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="When it is deleted.")

    objects = ReportFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="report_file_once", fields=["schedule", "due_at", "user"]),
            models.CheckConstraint(
                name="report_file_status_known", condition=Q(status__in=FileStatus.values)
            ),
            models.CheckConstraint(
                name="report_file_format_known", condition=Q(format__in=FileFormat.values)
            ),
            models.CheckConstraint(
                name="report_file_ready_has_content",
                condition=Q(status=FileStatus.READY, size__gt=0) | (~Q(status=FileStatus.READY) & Q(size=0)),
            ),
        ]
        indexes = [
            models.Index(name="report_file_own", fields=["user", "-created_at", "-id"]),
            models.Index(
                name="report_file_to_make",
                fields=["attempts", "id"],
                condition=Q(status=FileStatus.PENDING),
            ),
            models.Index(name="report_file_over", fields=["expires_at"]),
        ]

    @reads("title", "format")
    def __str__(self) -> str:
        return f"{self.title}.{self.format}"
