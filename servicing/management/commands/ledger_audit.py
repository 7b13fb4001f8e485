"""`manage.py ledger_audit`: prove every invariant of the ledger over the whole database."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from servicing.selectors.audit import audit


class Command(BaseCommand):
    """Print what was checked, and fail when anything is wrong."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, in one snapshot of the database."""
        wrong = 0
        with transaction.atomic():
            if len(connection.savepoint_ids) == 0:
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for check in audit():
                wrong += bool(check.breaches)
                verdict = "BREACH" if check.breaches else "ok"
                self.stdout.write(f"{verdict:<7}{check.name} ({check.looked_at:,} looked at)")
                for breach in check.breaches:
                    self.stdout.write(f"         {breach}")
        if wrong:
            raise CommandError(f"{wrong} checks found breaches.")
        self.stdout.write("The ledger is right.")
