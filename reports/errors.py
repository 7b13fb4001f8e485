"""Why a report that was kept is not made."""

from crm_backend.common.errors import Conflict


class SavedReportOutdated(Conflict):
    """The definition names what reports do not have, or its reader does not see; `errors` says what."""

    code = "saved_report_outdated"
    title = "Saved report outdated"
    default_detail = "This report names what is not there any more, or what its reader does not see."


class ReportFileNotReady(Conflict):
    """The file of a schedule is still to be made, or could not be; `error` of the file says why."""

    code = "report_file_not_ready"
    title = "Report file not ready"
    default_detail = "This file is not made yet, or could not be made."
