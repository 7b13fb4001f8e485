"""What happens to saved reports, their schedules and files."""

from events.recording import record_events
from events.registry import Audience, Notify, Payload

SAVED_REPORT = record_events("saved_report")
REPORT_SCHEDULE = record_events("report_schedule")


class ReportFileReady(Payload):
    """A scheduled report was made for one of its readers."""

    type = "report_file.ready"
    summary = "Scheduled report {label} made."
    notify = Notify(
        "scheduled_report",
        title="{label} is ready",
        body="The scheduled report {label} was made as {format_display}, of what you may see.",
        to="the reader whom the file is made for",
        place="reports/files/{file_id}",
    )
    audience = Audience.STAFF

    label: str
    format_display: str
    file_id: int


class ReportScheduleFailed(Payload):
    """A scheduled report could not be made, for some reader or for all."""

    type = "report_schedule.failed"
    summary = "Scheduled report {label} could not be made ({error})."
    notify = Notify(
        "scheduled_report",
        title="{label} could not be made",
        body="The scheduled report {label} could not be made: {error}",
        to="who set the schedule up, once for each time that it is due, and when others delete the report",
        place="reports/schedules/{schedule_id}",
    )
    audience = Audience.STAFF

    label: str
    error: str
    schedule_id: int
