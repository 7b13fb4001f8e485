"""Saved reports: who may read one, and of which branch somebody is."""

from typing import Any

from django.db.models import Q, QuerySet

from brokers.models import Bdm, Broker
from reports.choices import SharedWith
from reports.models import SavedReport
from users.choices import Role
from users.models import User

PROFILES: dict[str, Any] = {Role.BD: Bdm, Role.BROKER: Broker}


def branch_of(user: Any) -> int | None:
    """The id of the branch that somebody belongs to; administrators belong to none."""
    profile = PROFILES.get(user.role)
    found = profile and profile.objects.filter(user=user).values_list("branch", flat=True).first()
    return found or None


def readers_of(report: SavedReport) -> QuerySet[User]:
    """The active users who may run a report: the same as `SavedReport.visible_to`, from the other side."""
    wanted = Q(role=Role.ADMIN) | Q(pk=report.owner_id, role__in=PROFILES)
    if report.shared_with == SharedWith.BRANCH:
        wanted |= Q(role=Role.BD, bdm__branch=report.branch_id)
        wanted |= Q(role=Role.BROKER, broker__branch=report.branch_id)
    elif report.shared_with == SharedWith.BDMS:
        wanted |= Q(role=Role.BD)
    elif report.shared_with == SharedWith.BROKERS:
        wanted |= Q(role=Role.BROKER)
    found: QuerySet[User] = User.objects.active().filter(wanted)
    return found
