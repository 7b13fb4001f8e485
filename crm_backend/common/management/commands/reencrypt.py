"""`manage.py reencrypt`: encrypt everything with the newest key."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm_backend.common.encryption import keyring
from crm_backend.common.reencryption import Outcome, encrypted_models, reencrypt


class Command(BaseCommand):
    """Encrypt with the first of `FIELD_ENCRYPTION_KEYS` what the others encrypted."""

    help = (
        "Encrypts every encrypted column with the first of FIELD_ENCRYPTION_KEYS. Afterwards the other keys "
        "can be taken away. May be interrupted and run again, and while the application runs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The size of a transaction."""
        parser.add_argument("--batch-size", type=int, default=500, help="rows in one transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        """Go through all models; fail at the end when something could not be read."""
        if options["batch_size"] < 1:
            raise CommandError("--batch-size must be at least 1.")
        unreadable = 0
        for model in encrypted_models():
            outcome = reencrypt(model, batch_size=options["batch_size"], report=self._progress)
            unreadable += outcome.unreadable
            self.stdout.write(
                f"{outcome.model}: {outcome.done} rows encrypted with key {keyring().newest.id}."
            )
        if unreadable:
            raise CommandError(
                f"{unreadable} values could not be read with any of the keys; the log names their rows. "
                "Keep the older keys until that is settled."
            )

    def _progress(self, outcome: Outcome) -> None:
        self.stdout.write(f"{outcome.model}: {outcome.done} rows so far")
