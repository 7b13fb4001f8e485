"""`manage.py read_engine`: what the read engine makes of every list and detail, and what else is read."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm_backend.site.reading import others, readings


class Command(BaseCommand):
    """List every endpoint, its path through the engine, its SQL and query count, and why."""

    help = "List what the read engine compiles, and what it leaves to the plain path, with the reason."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--sql` and `--check`."""
        parser.add_argument("--sql", action="store_true", help="print the statements")
        parser.add_argument("--check", action="store_true", help="fail when something is refused unasked")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line for each address and role."""
        refused = 0
        for reading in readings():
            self.stdout.write(reading.line())
            if options["sql"] and reading.sql:
                self.stdout.write(f"    {reading.sql}\n")
            refused += reading.is_refused
        for reading in others():
            self.stdout.write(reading.line())
        if options["check"] and refused:
            raise CommandError(f"{refused} refused: declare what they read, or say `plain_because`.")
