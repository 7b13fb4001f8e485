"""What of this app waits for the lender's people."""

from typing import Any

from django.db.models import Q, QuerySet

from applications.selectors.workloads import WorkloadFigure, register
from engagement.models import Lead
from engagement.stages import WORKED_ON
from servicing.dates import business_today


def overdue_follow_ups(reader: Any) -> QuerySet[Lead]:
    """Open leads whose day of follow-up is over."""
    leads = Lead.objects.all().visible_to(reader)
    return leads.filter(status__in=WORKED_ON, follow_up_on__lt=business_today())


register(
    WorkloadFigure(
        name="overdue_follow_ups",
        definition="Open leads assigned to them whose day of follow-up was before today.",
        rows=overdue_follow_ups,
        of=lambda user: Q(assignee=user),
    )
)
