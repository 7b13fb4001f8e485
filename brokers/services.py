"""The lender's team (accounts of staff with their BDM profiles), and where partnerships stand."""

from typing import Any

from django.db import transaction

from brokers.choices import PARTNERSHIP_MOVES, PartnershipStatus
from brokers.events import BDM, PartnershipStatusChanged
from brokers.models import Bdm, Branch, Partnership
from crm_backend.common.errors import Conflict, InvalidInput
from crm_backend.common.models import changed_names, save_changes
from events.services import emit
from users.choices import Role
from users.models import User
from users.services.accounts import user_create, user_update

PROFILE_FIELDS = ("branch", "job_title")


def team_member_create(*, actor: User, password: str, **fields: Any) -> User:
    """Make a BDM: an account that may log in at once, and its profile in a branch.

    Raises:
        InvalidInput: `password` is too weak, or `branch` is closed.
    """
    profile = _profile_of(fields)
    with transaction.atomic():
        user = user_create(actor=actor, password=password, role=Role.BD, **fields)
        _bdm_create(user, actor, profile)
    return user


def team_member_update(*, user: User, actor: User, **fields: Any) -> User:
    """Edit an account of staff and its BDM profile, which is made where a BDM has none yet.

    Raises:
        InvalidInput: `branch` is missing for a first profile, or is closed; an administrator belongs to none.
    """
    profile = _profile_of(fields)
    with transaction.atomic():
        user = user_update(user=user, actor=actor, **fields)
        if user.role == Role.BD:
            _bdm_save(user, actor, profile)
        elif profile:
            words = "An administrator belongs to no branch."
            raise InvalidInput(errors={name: [words] for name in profile})
    return user


def _profile_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Take the fields of the profile out of those of the account."""
    return {name: fields.pop(name) for name in PROFILE_FIELDS if name in fields}


def _bdm_save(user: User, actor: User, profile: dict[str, Any]) -> None:
    bdm = Bdm.objects.select_related("user").filter(user=user).first()
    if bdm is not None:
        _bdm_update(bdm, actor, profile)
    elif profile:
        if "branch" not in profile:
            raise InvalidInput.field("branch", "A BDM belongs to a branch.")
        _bdm_create(user, actor, profile)


def _bdm_create(user: User, actor: User, profile: dict[str, Any]) -> None:
    _check_open(profile["branch"])
    bdm = Bdm.objects.create(user=user, **profile)
    emit(BDM.created(label=str(bdm)), actor=actor, subject=bdm)


def _bdm_update(bdm: Bdm, actor: User, profile: dict[str, Any]) -> None:
    if "branch" in changed_names(bdm, profile):
        _check_open(profile["branch"])
    if changed := save_changes(bdm, profile):
        emit(BDM.updated(label=str(bdm), field_names=", ".join(changed)), actor=actor, subject=bdm)


def _check_open(branch: Branch) -> None:
    if not branch.is_active:
        raise InvalidInput.field("branch", "This branch is closed.")


class IllegalPartnershipMove(Conflict):
    """A partnership does not go from its status to that one; `allowed` names where it goes."""

    code = "illegal_partnership_move"
    title = "Illegal move of a partnership"


def partnership_change_status(
    *, partnership: Partnership, actor: Any, status: str, reason: str = ""
) -> Partnership:
    """Move a partnership to another status; call it with the row locked.

    Raises:
        IllegalPartnershipMove: there is no such move.
        InvalidInput: it is to be active, and its agreement has no first day.
    """
    to, before = PartnershipStatus(status), PartnershipStatus(partnership.status)
    allowed = PARTNERSHIP_MOVES[before]
    if to not in allowed:
        raise IllegalPartnershipMove(
            f"A partnership that is {before.label.lower()} does not become {to.label.lower()}.",
            extra={"allowed": [move.value for move in allowed]},
        )
    if to == PartnershipStatus.ACTIVE and partnership.agreement_start is None:
        raise InvalidInput.field("status", "An active partnership needs the first day of its agreement.")
    with transaction.atomic():
        save_changes(partnership, {"status": to})
        payload = PartnershipStatusChanged(
            label=str(partnership),
            from_status=before,
            from_status_display=before.label,
            to_status=to,
            to_status_display=to.label,
            reason=reason,
        )
        emit(payload, actor=actor, subject=partnership)
    return partnership
