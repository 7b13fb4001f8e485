"""Schedules of saved reports: when they are due, and one file for each reader, of what that reader sees.

In two steps, each of which marks what it did in the transaction that does it: the time that is due becomes a
row for each reader, and each row becomes a file. Run twice, killed or missed, the end is the same. What was
missed is made once, when it is noticed, and not for each time.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from crm_backend.common.errors import DomainError
from crm_backend.common.models import changed_names
from events.services import emit
from reports.choices import FileFormat, FileStatus, Recurrence
from reports.errors import SavedReportOutdated
from reports.events import REPORT_SCHEDULE, SAVED_REPORT, ReportFileReady, ReportScheduleFailed
from reports.models import ReportFile, ReportSchedule, SavedReport
from reports.recurrence import Rhythm
from reports.selectors.saved import readers_of
from reports.selectors.sums import ReportsNotReady
from reports.services.files import KEPT_FOR

logger = structlog.get_logger(__name__)

MAX_ATTEMPTS = 3
DEFECT = "Something went wrong on our side."
CREATOR_GONE = "Who set it up does not see the report any more."
REPORT_GONE = "The report was deleted, and its schedules with it."
# The database is away: nobody's fault. What was not made is made when it is back.
_OUTAGES = (OperationalError, InterfaceError)

# Checks a kept definition for who set the schedule up, and makes the file of a report for a reader; both
# raise a `DomainError` to refuse. They are given by the caller, because shapes and files are above services.
Check = Callable[[SavedReport, Any], object]
Make = Callable[[SavedReport, Any, FileFormat], bytes]


def rhythm_of(schedule: ReportSchedule) -> Rhythm:
    """When a schedule is due."""
    return Rhythm(
        Recurrence(schedule.recurrence),
        schedule.at,
        ZoneInfo(schedule.timezone),
        schedule.weekday,
        schedule.day_of_month,
    )


def schedule_add(*, actor: Any, recipients: Sequence[Any], **fields: Any) -> ReportSchedule:
    """Set a schedule up."""
    schedule = ReportSchedule(created_by=actor, **fields)
    _set_next(schedule, timezone.now())
    with transaction.atomic():
        schedule.save(force_insert=True)
        schedule.recipients.set(recipients)
        emit(REPORT_SCHEDULE.created(label=str(schedule)), actor=actor, subject=schedule)
    return schedule


def schedule_update(*, schedule: ReportSchedule, actor: Any, **fields: Any) -> ReportSchedule:
    """Edit a schedule; call it with the row locked. What was missed in a pause is not made up."""
    recipients = fields.pop("recipients", None)
    changed = changed_names(schedule, fields)
    if changed:
        for name in changed:
            setattr(schedule, name, fields[name])
        _set_next(schedule, timezone.now())
    told = list(changed)
    if recipients is not None:
        before = set(schedule.recipients.values_list("pk", flat=True))
        if before != {one.pk for one in recipients}:
            told.append("recipients")
    if not told:
        return schedule
    with transaction.atomic():
        schedule.save()
        if "recipients" in told:
            schedule.recipients.set(recipients or ())
        names = ", ".join(sorted(told))
        emit(REPORT_SCHEDULE.updated(label=str(schedule), field_names=names), actor=actor, subject=schedule)
    return schedule


def schedule_delete(*, schedule: ReportSchedule, actor: Any) -> None:
    """Delete a schedule; files that were made of it stay with their readers."""
    with transaction.atomic():
        emit(REPORT_SCHEDULE.deleted(label=str(schedule)), actor=actor, subject=schedule)
        schedule.delete()


def saved_report_delete(*, report: SavedReport, actor: Any) -> None:
    """Delete a saved report and its schedules; others who set one up are told. Files that were made stay."""
    with transaction.atomic():
        for schedule in report.schedules.select_related("report").lock():
            if schedule.created_by_id != actor.pk:
                told = ReportScheduleFailed(label=report.name, error=REPORT_GONE, schedule_id=schedule.pk)
                emit(told, actor=actor, subject=schedule, recipients=[schedule.created_by_id])
            schedule_delete(schedule=schedule, actor=actor)
        emit(SAVED_REPORT.deleted(label=str(report)), actor=actor, subject=report)
        report.delete()


def _set_next(schedule: ReportSchedule, now: datetime) -> None:
    schedule.next_run_at = None if schedule.is_paused else rhythm_of(schedule).after(now)


# --- Making them --------------------------------------------------------------------------------


def schedules_run_due(*, check: Check, now: datetime | None = None) -> int:
    """Note a file to be made for each reader of each schedule that is due; how many schedules there were.

    Args:
        check: refuses a definition that is out of date.
        now: UTC; the present when left out.
    """
    now = now or timezone.now()
    ran = 0
    while True:
        with transaction.atomic():
            due = ReportSchedule.objects.filter(next_run_at__lte=now).order_by("next_run_at", "pk")
            rows = due.select_related("report", "created_by")
            schedule = rows.select_for_update(skip_locked=True, of=("self",)).first()
            if schedule is None:
                return ran
            _run(schedule, check, now)
        ran += 1


def _run(schedule: ReportSchedule, check: Check, now: datetime) -> None:
    due_at, report = schedule.next_run_at, schedule.report
    schedule.last_run_at, schedule.last_error = now, ""
    _set_next(schedule, now)
    schedule.save(update_fields=["last_run_at", "last_error", "next_run_at"])
    try:
        if not SavedReport.objects.visible_to(schedule.created_by).filter(pk=report.pk).exists():
            raise SavedReportOutdated(CREATOR_GONE)
        check(report, schedule.created_by)
    except DomainError as error:
        _failed(schedule, error.detail)
        return
    except _OUTAGES:
        raise
    except Exception:
        # Of one definition alone: the others are not to wait for it.
        logger.exception("reports.schedule_failed", schedule=schedule.pk)
        _failed(schedule, DEFECT)
        return
    readers = readers_of(report).filter(pk__in=schedule.recipients.order_by().values("pk"))
    files = [
        ReportFile(
            user=reader,
            title=report.name,
            format=schedule.format,
            schedule=schedule,
            due_at=due_at,
            created_at=now,
            expires_at=now + KEPT_FOR,
        )
        for reader in readers.order_by("pk")
    ]
    ReportFile.objects.bulk_create(files, ignore_conflicts=True)


def _failed(schedule: ReportSchedule, error: str) -> None:
    """Say what went wrong; who set it up is told of the first trouble of each time."""
    is_told = schedule.last_error != ""
    schedule.last_error = error[:500]
    schedule.save(update_fields=["last_error"])
    if not is_told:
        label = schedule.report.name
        told = ReportScheduleFailed(label=label, error=error[:500], schedule_id=schedule.pk)
        emit(told, actor=None, subject=schedule, recipients=[schedule.created_by_id])


def files_make_pending(*, make: Make, may_go_on: Callable[[], bool] = lambda: True) -> int:
    """Make the files that schedules owe; how many were made."""
    made = 0
    while may_go_on():
        with transaction.atomic():
            owed = ReportFile.objects.filter(status=FileStatus.PENDING).order_by("attempts", "pk")
            file = owed.select_related("user").select_for_update(skip_locked=True, of=("self",)).first()
            if file is None:
                return made
            made += _make(file, make)
    return made


def _make(file: ReportFile, make: Make) -> bool:
    schedules = ReportSchedule.objects.select_related("report").order_by("pk")
    schedule = schedules.filter(pk=file.schedule_id).first()
    if schedule is None or not readers_of(schedule.report).filter(pk=file.user_id).exists():
        # Nobody waits for it any more: the schedule is gone, or the reader is.
        file.delete()
        return False
    form = FileFormat(file.format)
    try:
        with transaction.atomic():
            content = make(schedule.report, file.user, form)
    except ReportsNotReady:
        raise  # rollups are being rebuilt, which is nobody's fault: it is made when they are whole
    except DomainError as error:
        _give_up(file, schedule, error.detail)
        return False
    except Exception as error:
        if isinstance(error, _OUTAGES) and not connection.is_usable():
            raise
        # Of one file alone: the others are not to wait for it.
        logger.exception("reports.file_failed", file=file.pk, attempt=file.attempts + 1)
        file.attempts += 1
        file.save(update_fields=["attempts"])
        if file.attempts >= MAX_ATTEMPTS:
            _give_up(file, schedule, DEFECT)
        return False
    file.content, file.size, file.status = content, len(content), FileStatus.READY
    file.save(update_fields=["content", "size", "status"])
    ready = ReportFileReady(label=file.title, format_display=form.label, file_id=file.pk)
    emit(ready, actor=None, subject=file, recipients=[file.user_id])
    return True


def _give_up(file: ReportFile, schedule: ReportSchedule, error: str) -> None:
    file.status, file.error = FileStatus.FAILED, error[:500]
    file.save(update_fields=["status", "error"])
    locked = ReportSchedule.objects.select_related("report").lock().get(pk=schedule.pk)
    _failed(locked, error)
