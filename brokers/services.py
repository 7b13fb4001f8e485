"""The lender's team: accounts of staff together with their BDM profiles."""

from typing import Any

from django.db import transaction

from brokers.events import BDM
from brokers.models import Bdm, Branch
from crm_backend.common.errors import InvalidInput
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
