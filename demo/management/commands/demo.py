"""`manage.py demo`: fill an empty database with the demo book."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm_backend.env import BASE_DIR
from demo.book import Book, NotEmptyError, analyze, is_empty, write_book
from demo.logins import read_logins
from demo.papers import write_papers
from demo.paperwork import write_paperwork
from demo.progress import Progress
from demo.relations import write_relations

FEWEST = 10  # loans that have a place for each of the demo client's three


class Command(BaseCommand):
    """Fill an empty database with the demo book."""

    help = "Fills an empty database with 9,857 real loans and people made up around them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Everything has a default."""
        parser.add_argument("--if-empty", action="store_true", help="do nothing when there is data")
        parser.add_argument("--scale", type=int, default=1, help="tell every loan so many times")
        parser.add_argument("--seed", type=int, default=1, help="another seed, another book")
        parser.add_argument("--limit", type=int, help="take only so many loans")
        parser.add_argument(
            "--no-files", action="store_false", dest="files", help="no documents for the demo client"
        )
        parser.add_argument(
            "--today", type=date.fromisoformat, help="the day after the book's last, YYYY-MM-DD"
        )
        parser.add_argument(
            "--logins",
            type=Path,
            default=BASE_DIR / "var" / "demo-logins.json",
            help="where to write the passwords",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse, skip, or build."""
        book = self._book(options)
        progress = Progress(self.stdout)
        if options["if_empty"] and not is_empty():
            progress.say("There is data already; no demo data loaded.")
            return
        progress.say(f"Building the demo book up to {book.today} (seed {book.seed}, scale {book.scale})")
        try:
            written = write_book(book, lambda done, total: progress.show(done, total, "Applications"))
        except NotEmptyError:
            raise CommandError(
                "The database has users or applications already, and demo data is not mixed with them. "
                "Use an empty database, or empty this one."
            ) from None
        if options["files"]:
            written |= write_relations()
            write_papers()
            written |= write_paperwork()
        analyze()
        for name, number in written.items():
            progress.say(f"  {number:>9,} {name}")
        progress.say(f"Done in {progress.seconds:.0f} s. The logins are in {book.logins}.")
        if not options["if_empty"]:  # whoever starts this by itself shows them in its own way
            for role, login in read_logins(book.logins).items():
                progress.say(f"  log in as {role:<8} {login.email}   {login.password}")

    def _book(self, options: dict[str, Any]) -> Book:
        today = timezone.now().date()
        if settings.PRODUCTION:
            raise CommandError("Demo data has no place in production (ENVIRONMENT is production).")
        if options["scale"] < 1:
            raise CommandError("--scale must be at least 1.")
        if options["limit"] is not None and options["limit"] < FEWEST:
            raise CommandError(f"--limit must be at least {FEWEST}.")
        if (options["today"] or today) > today:
            raise CommandError("--today must not lie in the future.")
        return Book(
            today=options["today"] or today,
            seed=options["seed"],
            scale=options["scale"],
            limit=options["limit"],
            logins=options["logins"],
        )
