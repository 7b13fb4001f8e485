"""The channel of a branch: who of its team is there."""

from brokers.models import Branch
from brokers.permissions import BRANCHES
from integrations.registry import GuardedChannel, register
from users.models import User


def reads_team(user: User, branch_id: int) -> bool:
    """Whoever may read the team of the branch: brokers are not for each other to watch."""
    if BRANCHES.grant("team", user) is None:
        return False
    return bool(Branch.objects.visible_to(user).filter(pk=branch_id).exists())


register(GuardedChannel("presence-team-", "Who of the lender's people is there.", may_follow=reads_team))
