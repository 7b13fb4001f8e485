"""The channel of a user."""

from integrations.registry import GuardedChannel, register
from users.models import User

USER_PREFIX = "private-user-"


def is_self(user: User, user_id: int) -> bool:
    """One's own channel only."""
    return user.pk == user_id


register(GuardedChannel(USER_PREFIX, "One's own notifications.", may_follow=is_self))
