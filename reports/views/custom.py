"""Custom reports, put together by their readers from the list of fields."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.downloads import Download
from crm_backend.common.permissions import touches, writes_nothing
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import ScopedViewSet
from jobs.services.lifecycle import TooManyJobs
from reports.exports import AS_FILE, FILES, PREFER, job_response, paper_download, prefers_job
from reports.permissions import CUSTOM_REPORTS
from reports.selectors.custom import ReportTooLarge, ReportTooSlow, custom_report
from reports.selectors.custom_definitions import Definition
from reports.selectors.papers import custom_paper
from reports.serializers.custom import (
    CustomReportSerializer,
    DefinitionSerializer,
    FieldsSerializer,
    custom_reply,
    fields_reply,
)

# What figures are made of: a key needs the scopes of all.
TOUCHED = ("applications", "loans", "repayments", "leads")


@extend_schema(tags=["reports"])
class CustomReportViewSet(ScopedViewSet):
    """Reports over what the caller may see: dimensions, measures and filters from one list."""

    policy = CUSTOM_REPORTS
    serializer_class = DefinitionSerializer
    filter_backends = ()
    pagination_class = None

    @extend_schema(request=DefinitionSerializer, responses=CustomReportSerializer)
    @touches(*TOUCHED)
    @writes_nothing
    @refuses(ReportTooLarge, ReportTooSlow)
    def run(self, request: Request) -> Response:
        """Run a report, and keep nothing.

        `totals` are the same measures over all rows that match: not sums of the rows shown, so a mean stays
        a mean. Without `order`, rows come in the order of the dimensions; without `limit`, more than 10,000
        groups are refused.
        """
        return Response(custom_reply(custom_report(self._definition(), reader=self.caller)))

    @extend_schema(responses=FieldsSerializer, filters=False)
    @action(detail=False)
    def fields(self, request: Request) -> Response:
        """List the sources, and what each can be grouped, measured and filtered by."""
        return Response(fields_reply())

    @extend_schema(request=DefinitionSerializer, responses=FILES, parameters=[PREFER])
    @action(methods=["post"], **AS_FILE)
    @touches(*TOUCHED)
    @writes_nothing
    @refuses(ReportTooLarge, ReportTooSlow, TooManyJobs)
    def export(self, request: Request) -> Download | Response:
        """Run a report and download it: its rows as CSV, a workbook as XLSX, pages with a chart as PDF.

        The figures are those of `custom/` for the same body. A page shows the first thousand rows. With
        `Prefer: respond-async` a job makes the file.
        """
        definition = self._definition()
        if prefers_job(request):
            return job_response(self, request, {"definition": request.data})
        paper = custom_paper(custom_report(definition, reader=self.caller), self.caller)
        return paper_download(request.accepted_renderer.format, paper)

    def _definition(self) -> Definition:
        serializer = self.get_serializer(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        definition: Definition = serializer.validated_data["definition"]
        return definition
