"""Who sees to a lead: named, by turns, or by load."""

from typing import Any

from django.db import transaction
from django.db.models import Count, Q

from brokers.models import Bdm, Branch, Broker
from crm_backend.common.errors import Conflict, InvalidInput
from engagement.choices import AssignMethod
from engagement.events import LeadAssigned
from engagement.models import Lead, LeadTurn
from engagement.stages import WORKED_ON
from events.services import emit
from users.choices import AccountStatus, Role
from users.models import User


class NobodyAtWork(Conflict):
    """The branch has no BDM at work who could be given a lead."""

    code = "nobody_at_work"
    title = "Nobody is at work"


def lead_assign(
    *,
    lead: Lead,
    actor: Any,
    method: AssignMethod = AssignMethod.MANUAL,
    assignee: User | None = None,
    branch: Branch | None = None,
) -> Lead:
    """Give a lead to a person and tell them; call it with the row locked. Its branch becomes theirs.

    By turns and by load it goes to a BDM at work of the branch, by default the lead's own. Assignments of
    a branch wait for each other, so each sees the one before. Again to the same person tells nobody.

    Raises:
        InvalidInput: `assignee`: missing, or neither a BDM nor a broker at work; `branch`: none is known.
        NobodyAtWork: the branch has no BDM at work.
    """
    with transaction.atomic():
        if method == AssignMethod.MANUAL:
            user, home = _named(assignee)
        else:
            home = _branch_for(lead, branch)
            user = _next(home, method, lead).user
        if lead.assignee_id == user.pk and lead.branch_id == home.pk:
            return lead
        lead.assignee, lead.branch = user, home
        lead.save(update_fields=["assignee", "branch", "updated_at"])
        assigned = LeadAssigned(
            name=lead.full_name,
            assignee_id=user.pk,
            assignee_name=user.full_name,
            method=method.value,
            score=lead.score,
        )
        emit(assigned, actor=actor, subject=lead, recipients=[user])
    return lead


def _named(user: User | None) -> tuple[User, Branch]:
    if user is None:
        raise InvalidInput.field("assignee", "Say to whom.")
    model: Any = {Role.BD: Bdm, Role.BROKER: Broker}.get(Role(user.role))
    profile = model and model.objects.select_related("branch", "user").filter(user=user).first()
    if profile is None or not profile.is_at_work:
        raise InvalidInput.field("assignee", "This is not a BDM or a broker who is at work.")
    return user, profile.branch


def _branch_for(lead: Lead, branch: Branch | None) -> Branch:
    home = branch or lead.branch
    if home is None:
        raise InvalidInput.field("branch", "Say in which branch.")
    return home


def _next(branch: Branch, method: AssignMethod, lead: Lead) -> Bdm:
    """Whose turn it is; the branch's turns are locked until the transaction ends."""
    LeadTurn.objects.bulk_create([LeadTurn(branch=branch)], ignore_conflicts=True)
    turn = LeadTurn.objects.select_for_update().get(pk=branch.pk)
    at_work = list(
        Bdm.objects.select_related("user")
        .filter(branch=branch, is_active=True, user__status=AccountStatus.ACTIVE, user__role=Role.BD)
        .order_by("pk")
    )
    if not at_work:
        raise NobodyAtWork("This branch has no BDM at work.")
    if method == AssignMethod.BY_LOAD:
        chosen = _least_loaded(at_work, lead)
    else:
        after = [bdm for bdm in at_work if bdm.pk > (turn.last_id or 0)]
        chosen = (after or at_work)[0]
    turn.last = chosen
    turn.save(update_fields=["last"])
    return chosen


def _least_loaded(bdms: list[Bdm], lead: Lead) -> Bdm:
    """Who has the fewest open leads, this one aside; of equals the first."""
    mine = Q(assignee__in=[bdm.user_id for bdm in bdms], status__in=WORKED_ON)
    counted = Lead.objects.filter(mine).exclude(pk=lead.pk).order_by().values_list("assignee")
    loads: dict[int, int] = dict(counted.annotate(n=Count("pk")))
    return min(bdms, key=lambda bdm: (loads.get(bdm.user_id, 0), bdm.pk))
