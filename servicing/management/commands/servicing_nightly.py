"""`manage.py servicing_nightly`: the work of a business date, and of those that were missed before it."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from servicing.dates import business_date
from servicing.models import NightlyRun
from servicing.services.nightly import nightly


class Command(BaseCommand):
    """Charge interest that falls due, apply money that is held, charge late fees, mark and remind."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--date`."""
        parser.add_argument("--date", type=date.fromisoformat, help="The business date; today if left out.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, and show how far it is."""
        until = options["date"] or business_date()
        if until > business_date():
            raise CommandError(f"{until} has not come yet.")
        runs = nightly(until, report=self.report)
        if not runs:
            self.stdout.write("Nothing to do: that date is done.")

    def report(self, run: NightlyRun) -> None:
        """One line for each chunk."""
        self.stdout.write(
            f"{run.business_date} {run.status}: {run.applications} applications, {run.charged} repayments "
            f"charged, {run.accrued} accruals, {run.late_fees} late fees, {run.reminders} reminders"
        )
