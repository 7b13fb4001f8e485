"""The job: rows become leads, but for those who are a lead already."""

from collections.abc import Mapping, Sequence
from typing import Any

from crm_backend.common.spreadsheets import Row
from engagement.choices import Duplicates
from engagement.imports.columns import COLUMNS
from engagement.imports.rows import RowChecker
from engagement.permissions import LEADS
from engagement.services.bulk_import import lead_import
from jobs.choices import ImportOutcome
from jobs.imports.columns import read_rows
from jobs.imports.running import Import, Report
from jobs.models import JobRow
from jobs.registry import Done, JobFailed
from jobs.services.running import Run

KIND = "leads.bulk_import"
REPORT_COLUMNS = ("name", "lead_id", "duplicate_of", "duplicate_row")


def import_leads(run: Run) -> Done:
    """Handler of the job kind."""
    user = run.job.created_by
    if not user.is_active or LEADS.grant("bulk_import", user) is None:
        raise JobFailed("You may not import leads any more.")
    return LeadImport(run, read_rows(run.content, COLUMNS)).carry_out()


class LeadImport(Import):
    """Leads; who is like whom is asked of the database, since rows before may have made them."""

    labels = ("name",)

    def __init__(self, run: Run, rows: Sequence[Row]) -> None:
        super().__init__(run, rows)
        self.checker = RowChecker(self.user)
        self.keeps = self.job.parameters["duplicates"] == Duplicates.KEEP
        # Rows of a dry run by e-mail address and phone number: the database does not have them.
        self._rehearsed: dict[str, int] = {}

    def label(self, row: Row) -> dict[str, str]:
        """Whose it is."""
        return {
            "name": " ".join(row.cells[name] for name in ("first_name", "last_name") if name in row.cells)
        }

    def look(self, row: Row) -> Report:
        """What is wrong with it, or whether a row before it was the same in a dry run."""
        data, errors = self.checker.check(row)
        if errors:
            return self.report(row, ImportOutcome.FAILED, errors), {}
        before = [self._rehearsed[one] for one in self._reached(data) if one in self._rehearsed]
        if before and not self.keeps:
            return self.report(row, ImportOutcome.SKIPPED, duplicate_row=min(before)), {}
        return self.report(row, ImportOutcome.VALID), data

    def write(self, row: Row, data: Mapping[str, Any]) -> JobRow:
        """As staff enter a lead, without what keeps programs out of forms."""
        made = lead_import(actor=self.user, keeps=self.keeps, method=self.job.parameters["assign"], **data)
        if made.lead is None:
            return self.report(row, ImportOutcome.SKIPPED, duplicate_of=made.duplicate_of)
        if self.job.parameters["dry_run"]:
            self._rehearsed |= dict.fromkeys(self._reached(data), row.number)
        found: dict[str, Any] = {"duplicate_of": made.duplicate_of} if made.duplicate_of else {}
        return self.report(row, ImportOutcome.CREATED, lead_id=made.lead.pk, **found)

    @staticmethod
    def _reached(data: Mapping[str, Any]) -> list[str]:
        return [data[name] for name in ("email", "phone") if data.get(name)]
