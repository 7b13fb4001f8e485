"""How to fill the path of any route: one entry for each model that a path names by its id.

`ours` is a row that our user of a role sees, as far as the contract lets them; `theirs` belongs to
the other side. Who sees which is written down here once more, apart from the product's own tables.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from applications.models import Application, Security
from borrowers.models import Asset, Borrower, Guarantor, Liability
from brokers.models import Bdm, Branch, Broker
from events.models import Event
from events.services import emit
from notifications.models import Notification
from tests.factories import (
    BdmFactory,
    BorrowerFactory,
    BranchFactory,
    BrokerFactory,
    GuarantorFactory,
    UserFactory,
    World,
)
from tests.plugins.route_table import Operation
from users.choices import Role
from users.events import LoggedIn
from users.models import User

ALL = frozenset(Role.values)
ADMIN = frozenset({Role.ADMIN})
MISSING = 2**31 - 1
BEYOND = 10**30


@dataclass(frozen=True)
class Rows:
    """Rows of one model. `fresh` is one that nothing refers to, where `ours` could not be deleted.

    The parents in a path are always ours.
    """

    ours: Callable[[World, str], Any]
    theirs: Callable[[World], Any]
    sees_ours: frozenset[str] = ALL
    sees_theirs: frozenset[str] = ADMIN
    fresh: Callable[[World], Any] | None = None


def side(name: str, **kwargs: Any) -> Rows:
    """Rows that are attributes of the world's two sides."""
    return Rows(
        lambda world, role: getattr(world.ours, name), lambda world: getattr(world.theirs, name), **kwargs
    )


def event_of(user: User) -> Event:
    """Something that a user did."""
    return emit(LoggedIn(session_id="0"), actor=user, subject=user)


def notification_of(user: User) -> Notification:
    """Something that a user was told."""
    event = event_of(user)
    return Notification.objects.create(
        user=user,
        seq=Notification.objects.filter(user=user).count() + 1,
        event=event,
        notification_type="system",
        title="Hello",
        body="Hello.",
        subject_type=event.subject_type,
        subject_id=event.subject_id,
        created_at=event.occurred_at,
    )


ROWS: dict[type, Rows] = {
    User: Rows(
        # Not the administrator's own account, which has guards of its own.
        lambda world, role: world.ours.client_user if role == Role.ADMIN else world.user(role),
        lambda world: world.theirs.client_user,
        fresh=lambda world: UserFactory.create(),
    ),
    Branch: side(
        "branch",
        sees_theirs=frozenset({Role.ADMIN, Role.BROKER}),
        fresh=lambda world: BranchFactory.create(),
    ),
    Bdm: side(
        "bdm",
        sees_ours=frozenset({Role.ADMIN, Role.BD, Role.BROKER}),
        sees_theirs=frozenset({Role.ADMIN, Role.BROKER}),
        fresh=lambda world: BdmFactory.create(),
    ),
    Broker: side("broker", fresh=lambda world: BrokerFactory.create()),
    Borrower: side("borrower", fresh=lambda world: BorrowerFactory.create()),
    Guarantor: side("guarantor", fresh=lambda world: GuarantorFactory.create()),
    Asset: side("asset"),
    Liability: side("liability"),
    Application: side("application"),
    Security: side("security"),
    Notification: Rows(
        lambda world, role: notification_of(world.user(role)),
        lambda world: notification_of(world.theirs.client_user),
        sees_theirs=frozenset(),
    ),
    Event: Rows(
        lambda world, role: event_of(world.user(role)),
        lambda world: event_of(world.theirs.client_user),
        sees_ours=ADMIN,
    ),
}


def address(operation: Operation, world: World, role: str, whose: str = "ours") -> str:
    """The path of an operation, filled with `ours`, `theirs` or, where there is one, `fresh` rows."""
    values = {}
    for name, model in operation.models().items():
        rows = ROWS[model]
        if whose == "theirs":
            row = rows.theirs(world)
        elif whose == "fresh" and rows.fresh is not None and name == "pk":
            row = rows.fresh(world)
        else:
            row = rows.ours(world, role)
        values[name] = row.pk
    return operation.path.format_map(values)


def sees(operation: Operation, role: str, whose: str) -> bool:
    """Whether a role sees every row in the path."""
    rows = [ROWS[model] for model in operation.models().values()]
    return all(role in (row.sees_ours if whose == "ours" else row.sees_theirs) for row in rows)


def allowed_role(operation: Operation) -> str:
    """A role that may do this and sees our rows."""
    for role in (Role.ADMIN, Role.BD, Role.BROKER, Role.CLIENT):
        granted = operation.policy is None or role not in operation.left_out()
        if granted and sees(operation, role, "ours"):
            return role
    raise LookupError(f"no role may {operation}")
