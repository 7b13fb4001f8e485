"""What viewsets need that leave work to jobs: the reply, and how files of bulk imports come in."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.downloads import CSV, XLSX, Column, Download, table_download
from crm_backend.common.spreadsheets import FileTooLarge
from jobs.imports.columns import ImportColumn, read_rows
from jobs.models import Job
from jobs.serializers import JobSerializer
from jobs.services.lifecycle import job_create

FILES = {(200, CSV): OpenApiTypes.STR, (200, XLSX): OpenApiTypes.BINARY}
# What the other fields and the boundaries of an upload may take beside the file, bytes.
FORM_ALLOWANCE = 64 * 1024


def job_accepted(view: Any, job: Job) -> Response:
    """202 with a job that was queued; `Location` is where to follow it."""
    return Response(
        JobSerializer(job, context=view.get_serializer_context()).data,
        status=status.HTTP_202_ACCEPTED,
        headers={"Location": view.location_of("job-detail", pk=job.pk)},
    )


class UploadParser(MultiPartParser):
    """Multipart that is refused by its announced length, before it is read."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Read the form."""
        length = parser_context["request"].META.get("CONTENT_LENGTH") or 0
        if int(length) > settings.IMPORT_MAX_BYTES + FORM_ALLOWANCE:
            raise _too_large()
        return super().parse(stream, media_type, parser_context)


class ImportingMixin:
    """Takes the file of an import, and offers one to fill in; the actions themselves are the viewset's."""

    import_kind: str
    import_columns: Sequence[ImportColumn]

    def start_import(self: Any, form: Mapping[str, Any]) -> Response:
        """Check the file as a whole, and leave its rows to a job; `form` is what was validated."""
        file, options = form["file"], {name: value for name, value in form.items() if name != "file"}
        if file.size > settings.IMPORT_MAX_BYTES:
            raise _too_large()
        content = file.read()
        rows = len(read_rows(content, self.import_columns))
        job = job_create(
            kind=self.import_kind,
            actor=self.caller,
            parameters={**options, "rows": rows},
            content=content,
            filename=file.name,
        )
        return job_accepted(self, job)

    def import_template(self: Any, request: Request) -> Download:
        """The header and one example."""
        columns = [Column(column.name) for column in self.import_columns]
        example = [column.example for column in self.import_columns]
        return table_download(request.accepted_renderer.format, columns, [example], name="bulk-import")


def _too_large() -> FileTooLarge:
    return FileTooLarge(f"The file is larger than {settings.IMPORT_MAX_BYTES // 1024 // 1024} MB.")
