"""Who may see whether somebody is there.

Those whose account one sees (`User.objects.visible_to`), and those with whom one shares something: the apps
that know what is shared say so in their `acquaintances` module, by `acquainted`.
"""

from collections.abc import Callable, Collection
from typing import Any

from django.db.models import Q

from users.models import User

_acquaintances: list[Callable[[User], Q]] = []


def acquainted(shared: Callable[[User], Q]) -> Callable[[User], Q]:
    """Add a condition on users: those with whom the given user shares something."""
    _acquaintances.append(shared)
    return shared


def presence_visible(user: User, user_ids: Collection[int]) -> list[int]:
    """Of these active users, the ones whose presence the user may see, in order of id."""
    allowed = Q(pk__in=User.objects.visible_to(user).values("pk"))
    for shared in _acquaintances:
        allowed |= shared(user)
    found: Any = User.objects.active().filter(allowed, pk__in=user_ids)
    return list(found.order_by("pk").values_list("pk", flat=True))
