"""Many applications at once: import of a file as a job, and export as a file."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from applications.imports.columns import COLUMNS
from applications.imports.running import KIND
from applications.serializers.bulk import (
    ApplicationExportSerializer,
    ExportOptionsSerializer,
)
from crm_backend.common.downloads import (
    FILE_RENDERERS,
    ByFormat,
    Column,
    Download,
    table_download,
)
from crm_backend.common.errors import DomainError
from crm_backend.common.permissions import touches
from crm_backend.common.schema_replies import refuses
from crm_backend.common.spreadsheets import FileTooLarge, UnsupportedFile
from crm_backend.common.throttling import UploadThrottle
from crm_backend.common.viewsets import ApiView
from jobs.serializers import BulkImportSerializer, JobSerializer
from jobs.services.lifecycle import TooManyJobs
from jobs.viewsets import FILES, ImportingMixin, UploadParser

EXPORT_CHUNK = 500


class TooManyRows(DomainError):
    """The filters leave more rows than one export may have."""

    code = "too_many_rows"
    title = "Too many rows"
    default_detail = "These are more rows than one export may have. Narrow the filters."


class BulkMixin(ImportingMixin):
    """Actions of the applications' viewset; filters, scoping and policy are its own."""

    import_kind = KIND
    import_columns = COLUMNS

    @extend_schema(request=BulkImportSerializer, responses={202: JobSerializer})
    @action(
        detail=False,
        methods=["post"],
        url_path="bulk-import",
        parser_classes=[UploadParser],
        throttle_classes=[*ApiView.throttle_classes, UploadThrottle],
    )
    @refuses(FileTooLarge, UnsupportedFile, TooManyJobs)
    @touches("borrowers", "securities")
    def bulk_import(self: Any, request: Request) -> Response:
        """Import applications from a CSV or XLSX file, as a job.

        The file as a whole is checked at once; its rows by the job, which `Location` names. Rows whose
        `client_reference` you have imported before are skipped, so a file can be sent again.
        """
        serializer = BulkImportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self.start_import(serializer.validated_data)

    @extend_schema(responses=FILES, filters=False)
    @action(
        detail=False,
        url_path="bulk-import/template",
        pagination_class=None,
        renderer_classes=FILE_RENDERERS,
        content_negotiation_class=ByFormat,
    )
    def bulk_import_template(self: Any, request: Request) -> Download:
        """Download a file for bulk import to fill in: the header and one example."""
        return self.import_template(request)

    @extend_schema(responses=FILES, parameters=[ExportOptionsSerializer], filters=True)
    @action(
        detail=False,
        pagination_class=None,
        renderer_classes=FILE_RENDERERS,
        content_negotiation_class=ByFormat,
    )
    @refuses(TooManyRows)
    def export(self: Any, request: Request) -> Download:
        """Download the list as a CSV or XLSX file: all pages of it, by the same filters and ordering.

        Text that a spreadsheet program would take for a formula has an apostrophe in front in CSV.
        """
        options = ExportOptionsSerializer(data=request.query_params)
        options.is_valid(raise_exception=True)
        most: int = settings.EXPORT_MAX_ROWS
        found = self.filter_queryset(self.get_queryset()).values_list("pk", flat=True)
        ids = list(found[: most + 1])
        if len(ids) > most:
            raise TooManyRows(f"There are more than {most} rows. Narrow the filters.")
        fields = ApplicationExportSerializer(context=self.get_serializer_context()).fields
        columns = [Column.of(name, field) for name, field in fields.items()]
        form, bom = request.accepted_renderer.format, options.validated_data["bom"]
        return table_download(form, columns, self._lines(ids), name="applications", bom=bom)

    def _lines(self: Any, ids: Sequence[int]) -> Iterator[list[Any]]:
        """The rows in their order, read by chunks: no cursor stays open while the client takes its time."""
        for start in range(0, len(ids), EXPORT_CHUNK):
            chunk = ids[start : start + EXPORT_CHUNK]
            found = self.rows_for("list").in_bulk(chunk)
            rows = [found[pk] for pk in chunk if pk in found]  # one may have gone meanwhile
            lines = ApplicationExportSerializer(rows, many=True, context=self.get_serializer_context())
            for line in lines.data:
                yield list(line.values())
