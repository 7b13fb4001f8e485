"""Reports: one address each."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.downloads import Download
from crm_backend.common.permissions import touches
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import ScopedViewSet
from jobs.services.lifecycle import TooManyJobs
from reports.exports import AS_FILE, FILES, PREFER, job_response, paper_download, prefers_job
from reports.models import Cell
from reports.permissions import REPORTS as POLICY
from reports.registry import REPORTS, Report, compute
from reports.selectors.papers import report_paper
from reports.selectors.sums import ReportsNotReady
from reports.serializers.filters import ExportSerializer, filters_of, filters_serializer, sheet_of
from reports.serializers.kept import report_reply
from reports.serializers.reports import SHAPES

# What figures are made of: a key needs the scopes of all.
TOUCHED = ("applications", "loans", "repayments", "commissions")


class ReportViewSet(ScopedViewSet):
    """One report, over what the caller may see."""

    queryset = Cell.objects.none()
    policy = POLICY
    filter_backends = ()
    pagination_class = None
    report_name = ""

    def reply(self, request: Request) -> Response:
        """Compute the report."""
        report = REPORTS[self.report_name]
        filters = filters_of(report, request.query_params.dict(), self.get_serializer_context())
        return Response(report_reply(report, compute(report, self.caller, filters)))


@extend_schema(tags=["reports"])
class ReportExportViewSet(ScopedViewSet):
    """Reports as files."""

    queryset = Cell.objects.none()
    policy = POLICY
    serializer_class = ExportSerializer
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        operation_id="reports_export",
        parameters=[ExportSerializer, PREFER],
        responses=FILES,
    )
    @action(**AS_FILE)
    @touches(*TOUCHED)
    @refuses(ReportsNotReady, TooManyJobs)
    def export(self, request: Request) -> Download | Response:
        """Download a report: a sheet of it as CSV, all of them as XLSX, pages with charts as PDF.

        The figures are those of the report's own address for the same filters, and what they are is said on
        the last tab or page. With `Prefer: respond-async` a job makes the file.
        """
        asked = request.query_params.dict()
        chosen = self.get_serializer(data={"report": asked.get("report")})
        chosen.is_valid(raise_exception=True)
        report = REPORTS[chosen.validated_data["report"]]
        rest = {name: text for name, text in asked.items() if name not in ("report", "sheet", "format")}
        filters = filters_of(report, rest, self.get_serializer_context())
        if prefers_job(request):
            asked_for = {"report": report.name, "filters": rest, "sheet": asked.get("sheet", "")}
            return job_response(self, request, asked_for)
        result = compute(report, self.caller, filters)
        sheet = sheet_of(result, asked.get("sheet", ""))
        paper = report_paper(report, result, filters, self.caller)
        form = request.accepted_renderer.format
        return paper_download(form, paper, name=report.name, sheet=sheet)


def report_view(report: Report) -> type[ReportViewSet]:
    """The view of a report, with its words, filters and shape in the document."""
    shape = SHAPES[report.name]
    operation = extend_schema(
        summary=f"Read the report: {report.title}",
        description=f"{report.description} `definitions` says what each figure is.",
        parameters=[filters_serializer(report)],
        responses=shape,
        tags=["reports"],
        operation_id=f"reports_{report.name.replace('-', '_')}",
    )
    name = "".join(part.capitalize() for part in report.name.split("-"))

    @operation
    @touches(*TOUCHED)
    @refuses(ReportsNotReady)
    def read(self: ReportViewSet, request: Request) -> Response:
        """Compute the report."""
        return self.reply(request)

    read.__name__ = "report"
    members: dict[str, Any] = {"report_name": report.name, "serializer_class": shape, "report": read}
    return type(f"{name}ReportViewSet", (ReportViewSet,), members)
