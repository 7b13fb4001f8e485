"""Filters of saved reports, schedules and files."""

from crm_backend.common.filters import BooleanFilter, EnumFilter, FilterSet, IdFilter
from reports.choices import FileStatus, SharedWith
from reports.models import ReportFile, ReportSchedule, SavedReport
from reports.serializers.filters import KIND_CHOICES


class SavedReportFilter(FilterSet):
    """By kind, owner, and with whom it is shared."""

    kind = EnumFilter(choices=KIND_CHOICES)
    owner = IdFilter(field_name="owner")
    shared_with = EnumFilter(choices=SharedWith.choices)

    class Meta:
        model = SavedReport
        fields: list[str] = []


class ReportScheduleFilter(FilterSet):
    """By report, and paused or not."""

    report = IdFilter(field_name="report")
    is_paused = BooleanFilter()

    class Meta:
        model = ReportSchedule
        fields: list[str] = []


class ReportFileFilter(FilterSet):
    """By state, schedule and job."""

    status = EnumFilter(choices=FileStatus.choices)
    schedule = IdFilter(field_name="schedule")
    job = IdFilter(field_name="job")

    class Meta:
        model = ReportFile
        fields: list[str] = []
