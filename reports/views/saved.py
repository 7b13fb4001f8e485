"""Saved reports, their schedules, and files."""

from typing import Any

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm_backend.common.downloads import CSV, Download
from crm_backend.common.filters import FilterBackend, OrderingFilter
from crm_backend.common.permissions import touches
from crm_backend.common.renderers import FileRenderer
from crm_backend.common.schema_replies import refuses
from crm_backend.common.viewsets import CrudViewSet, ReadOnlyViewSet
from events.viewsets import RecordedMixin
from jobs.services.lifecycle import TooManyJobs
from reports.choices import FileFormat, FileStatus
from reports.errors import ReportFileNotReady, SavedReportOutdated
from reports.events import SAVED_REPORT
from reports.exports import AS_FILE, FILES, PREFER, SENT, job_response, paper_download, prefers_job
from reports.filters import ReportFileFilter, ReportScheduleFilter, SavedReportFilter
from reports.models import ReportFile, ReportSchedule, SavedReport
from reports.paper.forms import MEDIA_TYPES
from reports.permissions import REPORT_FILES, REPORT_SCHEDULES, SAVED_REPORTS
from reports.selectors.custom import ReportTooLarge, ReportTooSlow
from reports.selectors.sums import ReportsNotReady
from reports.serializers.custom import CustomReportSerializer
from reports.serializers.kept import reading_of
from reports.serializers.reports import SHAPES
from reports.serializers.saved import (
    ReportFileSerializer,
    ReportScheduleInputSerializer,
    ReportScheduleListSerializer,
    ReportScheduleSerializer,
    ReportScheduleUpdateSerializer,
    SavedReportInputSerializer,
    SavedReportListSerializer,
    SavedReportSerializer,
)
from reports.services import schedules
from reports.views.custom import TOUCHED as TOUCHED_BY_CUSTOM
from reports.views.reports import TOUCHED as TOUCHED_BY_REPORTS

# Of whichever kind it is, so that what a key needs does not depend on what somebody saved.
TOUCHED = sorted({*TOUCHED_BY_CUSTOM, *TOUCHED_BY_REPORTS})
REPLIES = PolymorphicProxySerializer(
    component_name="SavedReportReply",
    serializers=[CustomReportSerializer, *SHAPES.values()],
    resource_type_field_name=None,
)


def _with_owner(rows: Any) -> Any:
    return rows.select_related("owner")


def _with_report(rows: Any) -> Any:
    return rows.select_related("report")


def _in_full(rows: Any) -> Any:
    return rows.select_related("report", "created_by").prefetch_related("recipients")


def _without_content(rows: Any) -> Any:
    return rows.defer("content")


@extend_schema(tags=["reports"])
class SavedReportViewSet(RecordedMixin, CrudViewSet):
    """Reports that are kept, and perhaps shared: custom ones, and standard ones with filters.

    Everybody runs them over what they see.
    """

    queryset = SavedReport.objects.all()
    policy = SAVED_REPORTS
    serializer_class = SavedReportSerializer
    serializer_classes = {
        "list": SavedReportListSerializer,
        "create": SavedReportInputSerializer,
        "update": SavedReportInputSerializer,
    }
    querysets = {"list": _with_owner, "retrieve": _with_owner}
    record_events = SAVED_REPORT
    filterset_class = SavedReportFilter
    filter_backends = (FilterBackend, OrderingFilter)
    ordering_fields = ["name", "created_at"]
    ordering = ["name"]

    def created_with(self) -> dict[str, Any]:
        """It is the caller's."""
        return {"owner": self.caller}

    def perform_destroy(self, obj: Any) -> None:
        """Delete it with its schedules, each with an event."""
        schedules.saved_report_delete(report=obj, actor=self.caller)

    @extend_schema(responses=REPLIES, filters=False)
    @action(detail=True, pagination_class=None)
    @touches(*TOUCHED)
    @refuses(SavedReportOutdated, ReportTooLarge, ReportTooSlow, ReportsNotReady)
    def run(self, request: Request, pk: int) -> Response:
        """Run a saved report over what the caller sees, with the periods of today.

        The reply is that of `custom/`, or of the address of the report that is its `kind`.
        """
        return Response(reading_of(self.get_object(), self.caller).reply())

    @extend_schema(responses=FILES, parameters=[PREFER], filters=False)
    @action(pagination_class=None, **{**AS_FILE, "detail": True})
    @touches(*TOUCHED)
    @refuses(SavedReportOutdated, ReportTooLarge, ReportTooSlow, ReportsNotReady, TooManyJobs)
    def export(self, request: Request, pk: int) -> Download | Response:
        """Download a saved report, as `custom/export/` or `export/` give it; CSV has its first sheet.

        With `Prefer: respond-async` a job makes the file.
        """
        report = self.get_object()
        reading = reading_of(report, self.caller)
        if prefers_job(request):
            return job_response(self, request, {"definition": report.definition, "name": report.name})
        return paper_download(request.accepted_renderer.format, reading.paper())


@extend_schema(tags=["reports"])
class ReportScheduleViewSet(CrudViewSet):
    """When saved reports are made anew, and for whom."""

    queryset = ReportSchedule.objects.all()
    policy = REPORT_SCHEDULES
    serializer_class = ReportScheduleSerializer
    serializer_classes = {
        "list": ReportScheduleListSerializer,
        "create": ReportScheduleInputSerializer,
        "update": ReportScheduleUpdateSerializer,
    }
    querysets = {"list": _with_report, "retrieve": _in_full}
    untagged = frozenset({"next_run_at", "last_run_at", "last_error"})
    filterset_class = ReportScheduleFilter
    filter_backends = (FilterBackend, OrderingFilter)
    ordering_fields = ["created_at", "next_run_at"]
    ordering = ["-created_at"]

    def perform_create(self, serializer: Any) -> ReportSchedule:
        """Set it up."""
        return schedules.schedule_add(actor=self.caller, **serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        """Edit it; the next time is found anew."""
        schedules.schedule_update(
            schedule=serializer.instance, actor=self.caller, **serializer.validated_data
        )

    def perform_destroy(self, obj: Any) -> None:
        """Delete it; files that were made stay."""
        schedules.schedule_delete(schedule=obj, actor=self.caller)


@extend_schema(tags=["reports"])
class ReportFileViewSet(ReadOnlyViewSet):
    """One's own reports as files, made by schedules and jobs. They are kept for 30 days."""

    queryset = ReportFile.objects.all()
    policy = REPORT_FILES
    is_derived = True
    serializer_class = ReportFileSerializer
    querysets = {"list": _without_content, "retrieve": _without_content}
    filterset_class = ReportFileFilter
    filter_backends = (FilterBackend, OrderingFilter)
    ordering_fields = ["created_at"]
    ordering = ["-created_at"]

    @extend_schema(responses=SENT, filters=False)
    @action(detail=True, pagination_class=None, renderer_classes=[FileRenderer])
    @touches(*TOUCHED)
    @refuses(ReportFileNotReady)
    def download(self, request: Request, pk: int) -> HttpResponse:
        """Download a file. The figures are of the moment that it was made."""
        file: ReportFile = self.get_object()
        if file.status != FileStatus.READY:
            raise ReportFileNotReady()
        media_type = MEDIA_TYPES[FileFormat(file.format)]
        headers = {
            "Content-Disposition": content_disposition_header(
                True, f"{file.title} {file.created_at:%Y-%m-%d}.{file.format}"
            )
            or "attachment",
            "Cache-Control": "private, no-store",
        }
        return HttpResponse(
            bytes(file.content),
            content_type=f"{media_type}; charset=utf-8" if media_type == CSV else media_type,
            headers=headers,
        )
