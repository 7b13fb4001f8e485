"""Many leads at once: import of a file as a job."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.downloads import FILE_RENDERERS, ByFormat, Download
from crm_backend.common.schema_replies import refuses
from crm_backend.common.spreadsheets import FileTooLarge, UnsupportedFile
from crm_backend.common.throttling import UploadThrottle
from crm_backend.common.viewsets import ApiView
from engagement.imports.columns import COLUMNS
from engagement.imports.running import KIND
from engagement.serializers.bulk import LeadImportSerializer
from jobs.serializers import JobSerializer
from jobs.services.lifecycle import TooManyJobs
from jobs.viewsets import FILES, ImportingMixin, UploadParser


class LeadBulkMixin(ImportingMixin):
    """Actions of the leads' viewset; scoping and policy are its own."""

    import_kind = KIND
    import_columns = COLUMNS

    @extend_schema(request=LeadImportSerializer, responses={202: JobSerializer})
    @action(
        detail=False,
        methods=["post"],
        url_path="bulk-import",
        parser_classes=[UploadParser],
        throttle_classes=[*ApiView.throttle_classes, UploadThrottle],
    )
    @refuses(FileTooLarge, UnsupportedFile, TooManyJobs)
    def bulk_import(self: Any, request: Request) -> Response:
        """Import leads from a CSV or XLSX file, as a job.

        The file as a whole is checked at once; its rows by the job, which `Location` names. Whoever is an
        open lead already, by e-mail address or phone number within 30 days, is skipped and reported, so a
        file can be sent again; or kept as another lead, if you say so.
        """
        serializer = LeadImportSerializer(data=request.data, context=self.get_serializer_context())
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
