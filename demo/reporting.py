"""Reports that people keep, custom and standard: one that is made every Monday, some shared, one private."""

from datetime import time, timedelta
from typing import Any

from demo.people import Cast, Recorder
from reports.choices import CUSTOM, FileFormat, Recurrence, SharedWith
from reports.events import REPORT_SCHEDULE, SAVED_REPORT
from reports.models import ReportSchedule, SavedReport
from reports.services.schedules import rhythm_of

REPORTS: tuple[tuple[str, str, SharedWith, dict[str, Any]], ...] = (
    (
        "Settled last quarter",
        "What settled, by broker, the largest first.",
        SharedWith.NOBODY,
        {
            "source": "applications",
            "dimensions": ["broker"],
            "measures": ["count", "total_amount_to_lend", "weighted_rate"],
            "filters": [{"field": "settled_on", "period": "last_quarter"}],
            "order": ["-total_amount_to_lend"],
            "limit": 20,
        },
    ),
    (
        "Pipeline by stage",
        "Where open applications stand, and for how long.",
        SharedWith.BDMS,
        {
            "source": "applications",
            "dimensions": ["stage"],
            "measures": ["count", "total_loan_amount", "average_days_in_stage"],
        },
    ),
    (
        "Volume of the financial year",
        "What was opened since 1 July by week, beside as many days before.",
        SharedWith.BROKERS,
        {
            "report": "application-volume",
            "period": "financial_year_to_date",
            "grouping": "week",
            "compare": "previous",
        },
    ),
    (
        "Compliance last quarter",
        "Whether repayments of the last quarter were paid on time.",
        SharedWith.BDMS,
        {"report": "repayment-compliance", "period": "last_quarter", "compare": "previous"},
    ),
    (
        "Arrears by state",
        "What is unpaid of what fell due.",
        SharedWith.NOBODY,
        {
            "source": "repayments",
            "dimensions": ["state"],
            "measures": ["overdue_count", "arrears", "average_days_late"],
            "order": ["-arrears"],
        },
    ),
)


def write_reports(recorder: Recorder, cast: Cast) -> None:
    """The first administrator keeps reports, shares some, and has the first made on Mondays."""
    end, owner = recorder.log.end, cast.admins[0]
    kept = []
    for number, (name, description, shared_with, definition) in enumerate(REPORTS):
        report = SavedReport(
            owner=owner,
            name=name,
            description=description,
            kind=definition.get("report", CUSTOM),
            source=definition.get("source", ""),
            definition=definition,
            shared_with=shared_with,
        )
        kept.append(recorder.record(report, SAVED_REPORT, at=end - timedelta(hours=10 - number), actor=owner))
    schedule = ReportSchedule(
        report=kept[0],
        created_by=owner,
        recurrence=Recurrence.WEEKLY,
        weekday=1,
        at=time(7),
        timezone=owner.timezone,
        format=FileFormat.PDF,
    )
    schedule.next_run_at = rhythm_of(schedule).after(end)
    recorder.record(schedule, REPORT_SCHEDULE, at=end - timedelta(hours=6), actor=owner)
    recorder.writer.flush()
    schedule.recipients.set(cast.admins)
