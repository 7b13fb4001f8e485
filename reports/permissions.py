"""Who may read reports, save and schedule them: staff and brokers, each of what they see."""

from typing import Any

from crm_backend.common.policy import ADMIN, Policy, only
from reports.models import ReportFile, ReportSchedule, SavedReport
from users.choices import Role

# Clients see their loans, not a book.
READERS = (ADMIN, Role.BD, Role.BROKER)

# What the lender earns, and its team, are the lender's own matter.
STAFF = (ADMIN, Role.BD)

REPORTS = Policy("reports", None, {"report": READERS, "export": READERS})
CUSTOM_REPORTS = Policy("custom-reports", None, dict.fromkeys(["run", "fields", "export"], READERS))
DASHBOARDS = Policy(
    "analytics", None, {"overview": READERS, "leads": READERS, "revenue": STAFF, "team": STAFF}
)


def own_report(user: Any, report: SavedReport) -> str:
    """One's own."""
    return "" if report.owner_id == user.pk else "This report is its owner's to change."


OWNERS = (ADMIN, only(Role.BD, own_report), only(Role.BROKER, own_report))

SAVED_REPORTS = Policy(
    "saved-reports",
    SavedReport,
    {
        **dict.fromkeys(["list", "retrieve", "create", "run", "export"], READERS),
        **dict.fromkeys(["update", "destroy"], OWNERS),
    },
)
REPORT_SCHEDULES = Policy(
    "report-schedules",
    ReportSchedule,
    dict.fromkeys(["list", "retrieve", "create", "update", "destroy"], READERS),
)
REPORT_FILES = Policy("report-files", ReportFile, dict.fromkeys(["list", "retrieve", "download"], READERS))
