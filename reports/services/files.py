"""Files of reports: kept for their reader for a month, and then deleted."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from jobs.models import Job
from reports.choices import FileFormat, FileStatus
from reports.models import ReportFile

KEPT_FOR = timedelta(days=30)
AT_ONCE = 100


def file_keep(*, user: Any, job: Job, title: str, form: FileFormat, content: bytes) -> ReportFile:
    """Keep the file that a job made; call it with the job held."""
    now = timezone.now()
    return ReportFile.objects.create(
        user=user,
        job=job,
        title=title,
        format=form,
        status=FileStatus.READY,
        content=content,
        size=len(content),
        created_at=now,
        expires_at=now + KEPT_FOR,
    )


def files_delete_expired() -> int:
    """Delete files whose month is over, some at a time; how many."""
    deleted = 0
    while True:
        over = ReportFile.objects.filter(expires_at__lt=timezone.now()).order_by("expires_at")
        chunk = list(over.values_list("pk", flat=True)[:AT_ONCE])
        if not chunk:
            return deleted
        ReportFile.objects.filter(pk__in=chunk).delete()
        deleted += len(chunk)
