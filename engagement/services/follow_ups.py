"""Telling people that a lead is to be followed up."""

from django.db import transaction
from django.db.models import F, Q, QuerySet

from engagement.events import LeadFollowUpDue
from engagement.models import Lead
from engagement.stages import WORKED_ON
from events.services import emit
from servicing.dates import business_date
from users.choices import AccountStatus

AT_ONCE = 200


def follow_ups_due() -> QuerySet[Lead]:
    """Open leads whose day has come, whose assignee was not told of this day yet."""
    untold = (
        Q(follow_up_told_on=None)
        | ~Q(follow_up_told_on=F("follow_up_on"))
        | Q(follow_up_told=None)
        | ~Q(follow_up_told=F("assignee"))
    )
    return Lead.objects.filter(
        untold,
        follow_up_on__lte=business_date(),
        status__in=WORKED_ON,
        assignee__status=AccountStatus.ACTIVE,
    )


def follow_ups_tell() -> int:
    """Tell the assignee of each, once for each day that is set; how many there were.

    Each is marked in the transaction of its event: a run that is repeated, killed or late tells once.
    """
    told = 0
    while True:
        with transaction.atomic():
            due = follow_ups_due().order_by("follow_up_on", "pk")
            rows = list(due.select_for_update(skip_locked=True, of=("self",), no_key=True)[:AT_ONCE])
            for lead in rows:
                assert lead.follow_up_on is not None
                Lead.objects.filter(pk=lead.pk).update(
                    follow_up_told_on=lead.follow_up_on, follow_up_told=lead.assignee_id
                )
                due_now = LeadFollowUpDue(name=lead.full_name, follow_up_on=lead.follow_up_on.isoformat())
                emit(due_now, actor=None, subject=lead, recipients=[lead.assignee_id])
        told += len(rows)
        if len(rows) < AT_ONCE:
            return told
