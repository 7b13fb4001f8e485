"""Telling open dashboards that figures changed: which tiles, and whom it concerns; never the figures.

Groups of the channel layer follow what roles see, so a change is told to four groups at most, however many
people look on. A socket joins those of its user, and gathers what comes within a second.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from brokers.models import Bdm
from crm_backend.common.pushes import send_to_groups
from engagement.models import Lead
from events.models import Event
from reports.choices import Topic
from reports.selectors.contributions import ChangedCell
from reports.selectors.saved import branch_of
from users.choices import Role
from users.models import User

BOOK = "tiles.book"
LEAD_ASSIGNED = "lead.assigned"

_OPENED = ("average_loan_amount", "total_applications", "total_loan_amount")
_REVENUE = ("cash_received", "commissions", "fee_income", "income", "interest_income", "penalty_income")
# By topic of the cells that changed: dashboards, and their tiles.
TILES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    Topic.OPENED: {"dashboard": _OPENED, "team": ("opened",)},
    Topic.STAGE: {"dashboard": ("overall_success_rate",), "team": ("open_amount", "open_applications")},
    Topic.SETTLED: {"dashboard": ("overall_success_rate",)},
    Topic.SETTLEMENT: {"team": ("settled", "settled_amount")},
    Topic.REPAYMENT: {"dashboard": ("compliance_rate",)},
    Topic.LOAN: {"dashboard": ("total_balance",)},
    Topic.OWED: {"dashboard": ("total_balance",)},
    Topic.ARREARS: {"dashboard": ("amount_past_due", "loans_in_arrears")},
    Topic.LEDGER: {"revenue": _REVENUE},
    # Of commissions there is a report; the dashboard's are the ledger's.
    Topic.COMMISSION: {},
    # Of these there are charts only.
    **{
        topic: {"dashboard": ()}
        for topic in (
            Topic.TYPE,
            Topic.APPROVED,
            Topic.STAYS,
            Topic.LOAN_TYPE,
            Topic.LOAN_PURPOSE,
            Topic.LOAN_STATE,
            Topic.LOAN_LVR,
        )
    },
}
_LEADS = ("average_days_to_convert", "conversion_rate", "converted", "new_leads", "win_rate")
TILES_OF_LEADS: Mapping[str, tuple[str, ...]] = {
    "lead.created": _LEADS,
    "lead.deleted": _LEADS,
    LEAD_ASSIGNED: _LEADS,
    "lead.converted": ("average_days_to_convert", "conversion_rate", "converted"),
    "lead.status_changed": ("win_rate",),
    "lead.updated": (),
}

# Group and dashboard → the tiles.
Stale = dict[tuple[str, str], set[str]]


def groups_of(user: Any) -> list[str]:
    """The groups that are told of what a user sees, as `visible_to` has it."""
    if user.role == Role.ADMIN:
        return [BOOK]
    branch = branch_of(user)
    if branch is None:
        return []
    if user.role == Role.BD:
        bd = Bdm.objects.values_list("pk", flat=True).get(user=user)
        return [f"tiles.branch.{branch}", f"tiles.bd.{bd}"]
    return [f"tiles.broker.{user.broker.pk}", f"tiles.assignee.{user.pk}"]


def tell_of_cells(cells: Iterable[ChangedCell]) -> None:
    """Tell of cells of rollups that changed; call it after their commit."""
    stale: Stale = defaultdict(set)
    for topic, broker, bd, branch in cells:
        groups = [BOOK]
        groups += [
            f"tiles.{name}.{pk}" for name, pk in (("branch", branch), ("bd", bd), ("broker", broker)) if pk
        ]
        for dashboard, tiles in TILES[topic].items():
            for group in groups:
                stale[group, dashboard] |= {*tiles}
    _send(stale)


def tell_of_leads(events: Collection[Event]) -> None:
    """Tell of leads that came, went or moved: those who see them, and those who did before."""
    told = [event for event in events if event.type in TILES_OF_LEADS]
    if not told:
        return
    rows = Lead.objects.filter(pk__in={event.subject_id for event in told})
    places = {pk: (branch, assignee) for pk, branch, assignee in rows.values_list("pk", "branch", "assignee")}
    stale: Stale = defaultdict(set)
    for event in told:
        branch, assignee = places.get(event.subject_id, (None, None))
        groups = {BOOK, f"tiles.branch.{branch}", f"tiles.assignee.{assignee}"}
        if event.type in (LEAD_ASSIGNED, "lead.deleted"):
            groups |= _groups_before(event)
        for group in groups:
            stale[group, "leads"] |= {*TILES_OF_LEADS[event.type]}
    _send(stale)


def _groups_before(event: Event) -> set[str]:
    """Of whom a lead was before: its assignee by the event before, or else who brought it in."""
    earlier = Event.objects.filter(subject_type="lead", subject_id=event.subject_id, pk__lt=event.pk)
    assigned = earlier.filter(type=LEAD_ASSIGNED).order_by("-pk").values_list("data", flat=True).first()
    if assigned:
        user_id = assigned["assignee_id"]
    else:
        created = earlier.filter(type="lead.created").values_list("actor_id", flat=True)
        user_id = created.first()
    user = User.objects.get_queryset().filter(pk=user_id).first()
    branch = user and branch_of(user)
    return {f"tiles.assignee.{user_id}", f"tiles.branch.{branch}"}


def _send(stale: Stale) -> None:
    messages: list[tuple[str, dict[str, Any]]] = [
        (group, {"type": "tiles.stale", "dashboard": dashboard, "tiles": sorted(tiles)})
        for (group, dashboard), tiles in stale.items()
    ]
    if messages:
        send_to_groups(messages)
