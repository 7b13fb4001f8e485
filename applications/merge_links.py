"""What of applications follows when two borrowers are merged."""

from typing import Any

from applications.events import BorrowersMerged
from applications.models import Application, ApplicationBorrower
from borrowers.links import OrderedLink, Record, register
from borrowers.models import BorrowerMerge
from events.services import emit


class BorrowersOfApplications(OrderedLink):
    """The borrowers of applications; their timelines say who became whom."""

    def tell(self, record: Record, *, merge: BorrowerMerge, actor: Any) -> None:
        """Tell each application."""
        dropped = [gone["row"]["application_id"] for gone in record["dropped"]]
        moved = ApplicationBorrower.objects.filter(pk__in=record["moved"]).values("application")
        told = Application.objects.filter(pk__in=moved) | Application.objects.filter(pk__in=dropped)
        for application in told.order_by("pk"):
            payload = BorrowersMerged(
                reference=application.reference_number,
                what="Borrowers merged" if merge.undone_at is None else "Merge of borrowers undone",
                duplicate=merge.duplicate_id,
                duplicate_name=merge.duplicate_name,
                survivor=merge.into_id,
                survivor_name=str(merge.survivor),
            )
            emit(payload, actor=actor, subject=application, application_id=application.pk)


register(BorrowersOfApplications(ApplicationBorrower))
