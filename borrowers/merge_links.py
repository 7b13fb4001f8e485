"""What of this app follows a merge."""

from typing import Any

from borrowers.links import Link, Record, register
from borrowers.models import Asset, Borrower, BorrowerMerge, DuplicatePair, Guarantor, Liability

_OTHER = {"first": "second", "second": "first"}


class PairsOfBorrowers(Link):
    """Pairs with the duplicate, which mean nothing without it: they go, and undoing brings them back."""

    def move(self, duplicate: int, survivor: int) -> Record:
        """Put them away, whole."""
        rows = list(self.rows(duplicate))
        DuplicatePair.objects.filter(pk__in=[row.pk for row in rows]).delete()
        names = [field.attname for field in DuplicatePair._meta.concrete_fields]
        away = [{name: getattr(row, name) for name in names} for row in rows]
        moments = ("found_at", "dismissed_at")
        # To the microsecond, which the encoder of JSON would leave out.
        return {
            "moved": [],
            "away": [row | {name: row[name] and row[name].isoformat() for name in moments} for row in away],
        }

    def restore(self, record: Record, duplicate: int, survivor: int) -> list[Any]:
        """Those whose other borrower is still there."""
        other = f"{_OTHER[self.field]}_id"
        there = set(
            Borrower.objects.filter(pk__in=[row[other] for row in record["away"]]).values_list(
                "pk", flat=True
            )
        )
        back = [DuplicatePair(**row) for row in record["away"] if row[other] in there]
        DuplicatePair.objects.bulk_create(back, ignore_conflicts=True)
        return []


register(Link(Asset))
register(Link(Liability))
register(Link(Guarantor))
# Whoever was merged into the duplicate is found under the survivor from now on.
register(Link(BorrowerMerge, "survivor"))
register(PairsOfBorrowers(DuplicatePair, "first"))
register(PairsOfBorrowers(DuplicatePair, "second"))
