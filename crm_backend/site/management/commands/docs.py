"""`manage.py docs`: write the reference documents, or check that the committed ones are true."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm_backend.env import BASE_DIR
from crm_backend.site.reference import DOCUMENTS


class Command(BaseCommand):
    """Reference documents from code."""

    help = "Write docs/openapi.yaml and docs/reference/ from the code; --check only compares."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--check` writes nothing and fails on a difference."""
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write or compare each document."""
        stale = []
        for name, build in DOCUMENTS.items():
            path, text = BASE_DIR / name, build()
            if options["check"]:
                if not path.is_file() or path.read_text() != text:
                    stale.append(name)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        if stale:
            raise CommandError(f"Stale: {', '.join(stale)}. Run `./crm manage docs` and commit the result.")
        self.stdout.write("Up to date." if options["check"] else f"Wrote {len(DOCUMENTS)} documents.")
