"""Kinds of jobs of this app: a report as a file, for who asked for it."""

from types import SimpleNamespace
from typing import Any

from django.db import transaction
from rest_framework.exceptions import ValidationError

from crm_backend.common.errors import DomainError
from jobs.registry import Done, JobFailed, JobKind, register
from jobs.services.running import Run
from reports.choices import FileFormat
from reports.exports import KIND
from reports.models import ReportFile
from reports.paper import Paper
from reports.paper.forms import content_of
from reports.permissions import READERS
from reports.registry import REPORTS, compute
from reports.selectors.papers import report_paper
from reports.serializers.filters import filters_of, sheet_of
from reports.serializers.kept import reading_from
from reports.services.files import file_keep
from reports.shapes import Sheet
from users.models import User


def export_make(run: Run) -> Done:
    """Make the file, once: a repetition finds the one that is there. Only who asked for it can read it."""
    file = ReportFile.objects.filter(job=run.job).defer("content").first() or _make(run)
    return Done(
        message=f"{file.title} is ready.",
        result={"file": file.pk, "download": f"/api/reports/files/{file.pk}/download/"},
    )


def _make(run: Run) -> ReportFile:
    # As they are now: it may have waited, or been asked for again, for days.
    reader = User.objects.active().filter(pk=run.job.created_by_id, role__in=READERS).first()
    if reader is None:
        raise JobFailed("You may not read reports any more.")
    run.advance(done=0, total=2, message="Computing")
    form = FileFormat(run.job.parameters["format"])
    try:
        paper, sheet = _paper(run.job.parameters, reader)
        run.advance(done=1, total=2, message="Making the file")
        content = content_of(form, paper, sheet)
    except DomainError as error:
        raise JobFailed(error.detail, {"code": error.code, "errors": error.errors}) from None
    except ValidationError as error:
        raise JobFailed(
            "Reports do not take this any more.", {"code": "invalid", "errors": error.detail}
        ) from None
    run.advance(done=2, total=2, message="Keeping the file")
    with transaction.atomic():
        run.hold()
        return file_keep(user=reader, job=run.job, title=paper.title, form=form, content=content)


def _paper(asked: dict[str, Any], reader: Any) -> tuple[Paper, Sheet | None]:
    if "definition" in asked:
        given = asked["definition"]
        name = asked.get("name", given.get("name", ""))
        return reading_from(given, name=name, reader=reader).paper(), None
    report = REPORTS[asked["report"]]
    # Ids among the filters are of rows that the reader sees.
    filters = filters_of(report, asked["filters"], {"request": SimpleNamespace(user=reader)})
    result = compute(report, reader, filters)
    return report_paper(report, result, filters, reader), sheet_of(result, asked["sheet"])


register(JobKind(KIND, "Report", run=export_make, can_retry=True))
