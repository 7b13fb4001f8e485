"""What of this app follows when two borrowers are merged."""

from datetime import date
from typing import Any

from borrowers.links import Link, Record, register
from engagement.models import Appointment, Interaction, Lead, Review


class ReviewsOfLoans(Link):
    """Reviews, of which a borrower writes one for a loan: where both have, the duplicate's is put away."""

    def move(self, duplicate: int, survivor: int) -> Record:
        """As `Link.move`, and the reviews that were put away, whole."""
        reviewed = set(self.rows(survivor).values_list("application", flat=True))
        rows = list(self.rows(duplicate))
        second = [review for review in rows if review.application_id in reviewed]
        Review._base_manager.filter(pk__in=[review.pk for review in second]).delete()
        return {
            "moved": self._give([review.pk for review in rows if review not in second], survivor),
            "dropped": [{"row": _whole(review)} for review in second],
        }

    def restore(self, record: Record, duplicate: int, survivor: int) -> list[Any]:
        """As `Link.restore`; what was put away comes back as it was."""
        for gone in record["dropped"]:
            review = Review(**{**gone["row"], "borrower_id": duplicate})
            review.save_base(raw=True, force_insert=True)  # raw: with the times that it had
        return super().restore(record, duplicate, survivor)


def _whole(review: Review) -> dict[str, Any]:
    values = {field.attname: getattr(review, field.attname) for field in Review._meta.concrete_fields}
    # To the microsecond, which the encoder of JSON would leave out.
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


register(Link(Lead))
register(Link(Interaction))
register(Link(Appointment))
register(ReviewsOfLoans(Review))
