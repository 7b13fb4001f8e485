"""The job: every row checked, and written in its own transaction or all in one.

A row's outcome is written in the transaction of its application (`JobRow`), so a job that is repeated after
its worker was killed goes on where it stopped.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from applications.choices import ImportMode, ImportOutcome
from applications.imports.columns import Errors, by_column, read_rows
from applications.imports.rows import RowChecker
from applications.models import Application
from applications.permissions import APPLICATIONS
from applications.selectors.imports import imported_before
from applications.services.bulk_import import application_import
from crm_backend.common.errors import DomainError
from crm_backend.common.spreadsheets import Row
from jobs.models import JobRow
from jobs.registry import Done, JobFailed
from jobs.services.running import Run

KIND = "applications.bulk_import"
REPORT_COLUMNS = ("client_reference", "application_id", "reference_number")
PARTS = ("borrowers", "company_borrowers", "guarantors", "securities")
BATCH = 20
ERRORS_SHOWN = 100


def import_applications(run: Run) -> Done:
    """Handler of the job kind."""
    user, asked = run.job.created_by, run.job.parameters
    if not user.is_active or APPLICATIONS.grant("bulk_import", user) is None:
        raise JobFailed("You may not import applications any more.")
    work = _Import(run, read_rows(run.content))
    if asked["dry_run"]:
        work.check_all(of=len(work.rows), rehearse=True)
        return work.done("Dry run, nothing was written")
    if asked["mode"] == ImportMode.ALL_OR_NOTHING:
        work.write_all_or_nothing()
    else:
        work.write_each()
    return work.done("Imported")


class _Import:
    """One run of one file."""

    def __init__(self, run: Run, rows: Sequence[Row]) -> None:
        self.run, self.job, self.user, self.rows = run, run.job, run.job.created_by, rows
        self.checker = RowChecker(self.user, rows)
        references = [row.cells["client_reference"] for row in rows if "client_reference" in row.cells]
        before = self.job.rows.values_list("number", "outcome")
        self.outcomes: dict[int, str] = dict(before)
        if ImportOutcome.CREATED not in self.outcomes.values():
            # Nothing was written yet, so everything is looked at anew.
            self._replace_report([])
            self.outcomes = {}
        self.known = imported_before(actor=self.user, references=references)

    # --- one row ------------------------------------------------------------------------------

    def _look(self, row: Row) -> tuple[JobRow, dict[str, Any]]:
        """What would come of a row, and what to write."""
        reference = row.cells.get("client_reference", "")
        if reference in self.known and not self.checker.others_with_reference_of(row):
            return self._report(row, ImportOutcome.SKIPPED, self.known[reference]), {}
        data, errors = self.checker.check(row)
        if errors:
            return self._report(row, ImportOutcome.FAILED, errors=errors), {}
        return self._report(row, ImportOutcome.VALID), data

    def _write(self, row: Row, data: Mapping[str, Any]) -> JobRow:
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
            return self._report(row, ImportOutcome.CREATED, application)
        found = imported_before(actor=self.user, references=[application.client_reference])
        return self._report(row, ImportOutcome.SKIPPED, found[application.client_reference])

    def _rehearse(self, row: Row, data: Mapping[str, Any]) -> JobRow:
        """Write a row and undo it: what only the services and the database can say is then said as well."""
        with transaction.atomic():
            report = self._write_or_fail(row, data)
            transaction.set_rollback(True)
        written = report.outcome == ImportOutcome.CREATED
        return self._report(row, ImportOutcome.VALID) if written else report

    def _report(
        self,
        row: Row,
        outcome: ImportOutcome,
        application: Application | None = None,
        errors: Errors | None = None,
    ) -> JobRow:
        data: dict[str, Any] = {"client_reference": row.cells.get("client_reference", "")}
        if application is not None:
            data |= {"application_id": application.pk, "reference_number": application.reference_number}
        return JobRow(job=self.job, number=row.number, outcome=outcome, data=data, errors=errors or {})

    # --- all rows -----------------------------------------------------------------------------

    def write_each(self) -> None:
        """Each good row in a transaction of its own."""
        for place, row in enumerate(self.rows, 1):
            if row.number not in self.outcomes:
                with transaction.atomic():
                    self.run.hold()
                    report = self._write_or_report(row)
                    report.save()
                self.outcomes[row.number] = report.outcome
            if place % BATCH == 0:
                self._advance(place, len(self.rows))
        self._advance(len(self.rows), len(self.rows))

    def _write_or_report(self, row: Row) -> JobRow:
        report, data = self._look(row)
        return self._write_or_fail(row, data) if data else report

    def _write_or_fail(self, row: Row, data: Mapping[str, Any]) -> JobRow:
        try:
            return self._write(row, data)
        except DomainError as error:  # the service has undone what it wrote
            return self._report(row, ImportOutcome.FAILED, errors=_errors_of(error))

    def check_all(self, *, of: int, rehearse: bool = False) -> list[tuple[Row, JobRow, dict[str, Any]]]:
        """What would come of each row; written in the report only. These are the first of so many steps."""
        found = []
        for place, row in enumerate(self.rows, 1):
            report, data = self._look(row)
            if rehearse and data:
                report = self._rehearse(row, data)
            found.append((row, report, data))
            self.outcomes[row.number] = report.outcome
            if place % BATCH == 0 or place == len(self.rows):
                self._advance(place, of, message="Checking the rows.")
        self._replace_report([report for _, report, _ in found])
        return found

    def write_all_or_nothing(self) -> None:
        """Check all rows, then write them in one transaction.

        Raises:
            JobFailed: a row has errors; nothing is written then but the report.
        """
        if self.outcomes:
            self.run.total = 2 * len(self.rows)
            self.run.done = self.run.total
            return  # the attempt before this one had committed
        found = self.check_all(of=2 * len(self.rows))
        if ImportOutcome.FAILED in self.outcomes.values():
            self._refuse()
        try:
            with transaction.atomic():
                self.run.hold()
                reports = self._write_found(found)
        except _RowRefused as refused:
            self.outcomes = {row.number: report.outcome for row, report, _ in found}
            self.outcomes[refused.report.number] = ImportOutcome.FAILED
            others = [report for _, report, _ in found if report.number != refused.report.number]
            self._replace_report([*others, refused.report])
            self._refuse()
        self.outcomes = {report.number: report.outcome for report in reports}
        self.run.done = self.run.total  # not `advance`: what is committed is not cancelled any more

    def _write_found(self, found: Sequence[tuple[Row, JobRow, dict[str, Any]]]) -> list[JobRow]:
        reports, steps = [], len(found)
        for place, (row, report, data) in enumerate(found, 1):
            reports.append(self._write_or_refuse(row, data) if data else report)
            if place % BATCH == 0:
                # What is not committed yet is not counted as created yet.
                self._advance(steps + place, 2 * steps, message="Writing the rows.")
        self._replace_report(reports)
        return reports

    def _write_or_refuse(self, row: Row, data: Mapping[str, Any]) -> JobRow:
        try:
            return self._write(row, data)
        except DomainError as error:
            raise _RowRefused(self._report(row, ImportOutcome.FAILED, errors=_errors_of(error))) from None

    def _replace_report(self, reports: Sequence[JobRow]) -> None:
        with transaction.atomic():
            self.run.hold()
            self.job.rows.all().delete()
            for report in reports:
                report.pk = None
            JobRow.objects.bulk_create(reports, batch_size=500)

    # --- progress and end ---------------------------------------------------------------------

    @property
    def counts(self) -> dict[str, int]:
        """Rows by outcome, zeros included."""
        return {**dict.fromkeys(ImportOutcome.values, 0), **Counter(self.outcomes.values())}

    def _advance(self, done: int, total: int, message: str = "") -> None:
        self.run.advance(done=done, total=total, counts=self.counts, message=message)

    def _refuse(self) -> None:
        done = self.done("Rows have errors, so nothing was written")
        raise JobFailed(done.message, done.result)

    def done(self, what: str) -> Done:
        """The summary: counts, and the first errors; the whole report is downloaded."""
        self.run.counts = self.counts
        failed = self.job.rows.filter(outcome=ImportOutcome.FAILED).order_by("number")[:ERRORS_SHOWN]
        errors = [
            {"row": row.number, "client_reference": row.data["client_reference"], "errors": row.errors}
            for row in failed
        ]
        words = ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items() if count)
        return Done(f"{what}: {words}.", {"counts": self.counts, "errors": errors})


class _RowRefused(Exception):
    """A row of an all-or-nothing import that the services refused."""

    def __init__(self, report: JobRow) -> None:
        self.report = report
        super().__init__(report.number)


def _errors_of(error: DomainError) -> Errors:
    return by_column(error.errors) if error.errors else {"non_field_errors": [error.detail]}
