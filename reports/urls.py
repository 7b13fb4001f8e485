"""Addresses of reports, exports, what is kept of them, and dashboards."""

from typing import Any

from django.urls import URLPattern, URLResolver, path

from crm_backend.common.routers import Router
from reports.registry import REPORTS
from reports.views.custom import CustomReportViewSet
from reports.views.dashboards import DashboardViewSet
from reports.views.reports import ReportExportViewSet, report_view
from reports.views.saved import ReportFileViewSet, ReportScheduleViewSet, SavedReportViewSet

router = Router()
router.register("reports/saved", SavedReportViewSet, basename="saved-report")
router.register("reports/schedules", ReportScheduleViewSet, basename="report-schedule")
router.register("reports/files", ReportFileViewSet, basename="report-file")


def _custom(tail: str, method: str, action: str, **kwargs: Any) -> URLPattern:
    view = CustomReportViewSet.as_view({method: action}, basename="custom-report", detail=False, **kwargs)
    return path(f"reports/custom/{tail}", view, name=f"custom-report-{action}")


DASHBOARDS = {"dashboard": "overview", "leads": "leads", "revenue": "revenue", "team": "team"}

urlpatterns: list[URLPattern | URLResolver] = [
    *(
        path(
            f"analytics/{name}/",
            DashboardViewSet.as_view({"get": action}, basename="analytics"),
            name=f"analytics-{name}",
        )
        for name, action in DASHBOARDS.items()
    ),
    *(
        path(
            f"reports/{report.name}/",
            report_view(report).as_view({"get": "report"}, basename="report"),
            name=f"report-{report.name}",
        )
        for report in REPORTS.values()
    ),
    # With what the action says of itself, which only a router would read.
    path(
        "reports/export/",
        ReportExportViewSet.as_view(
            {"get": "export"}, basename="report", **ReportExportViewSet.export.kwargs
        ),
        name="report-export",
    ),
    _custom("", "post", "run"),
    _custom("fields/", "get", "fields"),
    _custom("export/", "post", "export", **CustomReportViewSet.export.kwargs),
    *router.urls,
]
