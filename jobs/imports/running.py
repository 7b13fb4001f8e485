"""The job of an import: every row checked, and written in its own transaction or all in one.

A row's outcome is written in the transaction of what it makes (`JobRow`), so a job that is repeated after its
worker was killed goes on where it stopped.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from crm_backend.common.errors import DomainError
from crm_backend.common.spreadsheets import Row
from jobs.choices import ImportMode, ImportOutcome
from jobs.imports.columns import Errors
from jobs.models import JobRow
from jobs.registry import Done, JobFailed
from jobs.services.running import Run

BATCH = 20
ERRORS_SHOWN = 100
Report = tuple[JobRow, dict[str, Any]]


class Import(ABC):
    """One run of one file; an app says what a row is, and how it is written."""

    labels: Sequence[str]  # the columns by which reports know a row

    def __init__(self, run: Run, rows: Sequence[Row]) -> None:
        self.run, self.job, self.user, self.rows = run, run.job, run.job.created_by, rows
        before = self.job.rows.values_list("number", "outcome")
        self.outcomes: dict[int, str] = dict(before)
        if ImportOutcome.CREATED not in self.outcomes.values():
            # Nothing was written yet, so everything is looked at anew.
            self._replace_report([])
            self.outcomes = {}

    # --- one row ------------------------------------------------------------------------------

    @abstractmethod
    def label(self, row: Row) -> dict[str, str]:
        """What a row is known by in reports."""

    @abstractmethod
    def look(self, row: Row) -> Report:
        """What would come of a row, and what to write; rows are looked at in their order."""

    @abstractmethod
    def write(self, row: Row, data: Mapping[str, Any]) -> JobRow:
        """Write a row, and report it.

        Raises:
            DomainError: it is refused, and nothing of it is written.
        """

    def errors_of(self, error: DomainError) -> Errors:
        """The errors of a refusal, by column."""
        return dict(error.errors) if error.errors else {"non_field_errors": [error.detail]}

    def report(self, row: Row, outcome: ImportOutcome, errors: Errors | None = None, **made: Any) -> JobRow:
        """What came of a row; `made` are further columns of the report."""
        data = {**self.label(row), **made}
        return JobRow(job=self.job, number=row.number, outcome=outcome, data=data, errors=errors or {})

    def _rehearse(self, row: Row, data: Mapping[str, Any]) -> JobRow:
        """Write a row and undo it: what only the services and the database can say is then said as well."""
        with transaction.atomic():
            report = self._write_or_fail(row, data)
            transaction.set_rollback(True)
        written = report.outcome == ImportOutcome.CREATED
        return self.report(row, ImportOutcome.VALID) if written else report

    def carry_out(self) -> Done:
        """Do what was asked for.

        Raises:
            JobFailed: all or nothing, and a row has errors.
        """
        asked = self.job.parameters
        if asked["dry_run"]:
            self.check_all(of=len(self.rows), rehearse=True)
            return self.done("Dry run, nothing was written")
        if asked["mode"] == ImportMode.ALL_OR_NOTHING:
            self.write_all_or_nothing()
        else:
            self.write_each()
        return self.done("Imported")

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
        report, data = self.look(row)
        return self._write_or_fail(row, data) if data else report

    def _write_or_fail(self, row: Row, data: Mapping[str, Any]) -> JobRow:
        try:
            return self.write(row, data)
        except DomainError as error:  # the service has undone what it wrote
            return self.report(row, ImportOutcome.FAILED, errors=self.errors_of(error))

    def check_all(self, *, of: int, rehearse: bool = False) -> list[tuple[Row, JobRow, dict[str, Any]]]:
        """What would come of each row; written in the report only. These are the first of so many steps."""
        found = []
        for place, row in enumerate(self.rows, 1):
            report, data = self.look(row)
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
            return self.write(row, data)
        except DomainError as error:
            raise _RowRefused(self.report(row, ImportOutcome.FAILED, errors=self.errors_of(error))) from None

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
            {"row": row.number, **{name: row.data[name] for name in self.labels}, "errors": row.errors}
            for row in failed
        ]
        words = ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items() if count)
        return Done(f"{what}: {words}.", {"counts": self.counts, "errors": errors})


class _RowRefused(Exception):
    """A row of an all-or-nothing import that the services refused."""

    def __init__(self, report: JobRow) -> None:
        self.report = report
        super().__init__(report.number)
