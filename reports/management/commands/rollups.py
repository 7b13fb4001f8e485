"""`manage.py rollups`: rebuild the rollups of reports, or compare them with the rows."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reports.services.rollups import CountedByNewer, rollups_check, rollups_rebuild, rollups_refresh


class Command(BaseCommand):
    """Count what is due, rebuild, or check; fail when a check finds a difference."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do; without any, count what is due."""
        parser.add_argument("--rebuild", action="store_true", help="make them anew, in batches")
        parser.add_argument("--check", action="store_true", help="compare them with the rows")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        if options["rebuild"]:
            rollups_rebuild(anew=True, report=lambda pk: self.stdout.write(f"counted to application {pk}"))
        self.stdout.write(f"{rollups_refresh()} applications counted again")
        if options["check"]:
            try:
                stale, wrong = rollups_check()
            except CountedByNewer:
                raise CommandError("A newer release counts them.") from None
            if stale or wrong:
                raise CommandError(f"{stale} applications and {wrong} cells differ from the rows.")
            self.stdout.write("The rollups agree with the rows.")
