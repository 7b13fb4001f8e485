"""The job: rows become applications, each once for each reference of its importer."""

from collections.abc import Mapping, Sequence
from typing import Any

from applications.imports.columns import COLUMNS, by_column
from applications.imports.rows import RowChecker
from applications.models import Application
from applications.permissions import APPLICATIONS
from applications.selectors.imports import imported_before
from applications.services.bulk_import import application_import
from crm_backend.common.errors import DomainError
from crm_backend.common.spreadsheets import Row
from jobs.choices import ImportOutcome
from jobs.imports.columns import Errors, read_rows
from jobs.imports.running import Import, Report
from jobs.models import JobRow
from jobs.registry import Done, JobFailed
from jobs.services.running import Run

KIND = "applications.bulk_import"
REPORT_COLUMNS = ("client_reference", "application_id", "reference_number")
PARTS = ("borrowers", "company_borrowers", "guarantors", "securities")


def import_applications(run: Run) -> Done:
    """Handler of the job kind."""
    user = run.job.created_by
    if not user.is_active or APPLICATIONS.grant("bulk_import", user) is None:
        raise JobFailed("You may not import applications any more.")
    return ApplicationImport(run, read_rows(run.content, COLUMNS)).carry_out()


class ApplicationImport(Import):
    """Applications, known by the references of their importer."""

    labels = ("client_reference",)

    def __init__(self, run: Run, rows: Sequence[Row]) -> None:
        super().__init__(run, rows)
        self.checker = RowChecker(self.user, rows)
        references = [row.cells["client_reference"] for row in rows if "client_reference" in row.cells]
        self.known = imported_before(actor=self.user, references=references)

    def label(self, row: Row) -> dict[str, str]:
        """Its reference."""
        return {"client_reference": row.cells.get("client_reference", "")}

    def look(self, row: Row) -> Report:
        """Whether it was imported before, or what is wrong with it."""
        reference = row.cells.get("client_reference", "")
        if reference in self.known and not self.checker.others_with_reference_of(row):
            return self._made(row, ImportOutcome.SKIPPED, self.known[reference]), {}
        data, errors = self.checker.check(row)
        if errors:
            return self.report(row, ImportOutcome.FAILED, errors), {}
        return self.report(row, ImportOutcome.VALID), data

    def write(self, row: Row, data: Mapping[str, Any]) -> JobRow:
        """As the API creates an application."""
        terms = dict(data)
        parts = {part: terms.pop(part, []) for part in PARTS}
        borrower = terms.pop("existing_borrower", None)
        terms["borrowers"] = [borrower] if borrower else []
        application, is_new = application_import(
            actor=self.user,
            client_reference=terms.pop("client_reference"),
            application=terms,
            **parts,
        )
        if is_new:
            return self._made(row, ImportOutcome.CREATED, application)
        found = imported_before(actor=self.user, references=[application.client_reference])
        return self._made(row, ImportOutcome.SKIPPED, found[application.client_reference])

    def errors_of(self, error: DomainError) -> Errors:
        """By the columns of the file, whose names are not those of the API."""
        return by_column(error.errors) if error.errors else super().errors_of(error)

    def _made(self, row: Row, outcome: ImportOutcome, application: Application | None) -> JobRow:
        if application is None:  # which its importer does not see any more
            return self.report(row, outcome)
        made: dict[str, Any] = {
            "application_id": application.pk,
            "reference_number": application.reference_number,
        }
        return self.report(row, outcome, **made)
