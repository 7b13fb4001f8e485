"""What of this app waits for the lender's people."""

from typing import Any

from django.db.models import Q, QuerySet

from applications.selectors.workloads import WorkloadFigure, register
from documents.models import Note
from servicing.dates import business_today


def overdue_notes(reader: Any) -> QuerySet[Note]:
    """Notes whose day of reminder is over; moving or clearing the day is how a note is done with."""
    return Note.objects.all().visible_to(reader).filter(remind_date__lt=business_today())


register(
    WorkloadFigure(
        name="overdue_notes",
        definition=(
            "Notes whose day of reminder was before today, assigned to them or, where assigned to nobody, "
            "written by them."
        ),
        rows=overdue_notes,
        of=lambda user: Q(assigned_to=user) | Q(assigned_to=None, author=user),
    )
)
