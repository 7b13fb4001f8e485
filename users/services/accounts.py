"""Accounts: registration, approval, administration, profiles."""

from typing import Any

from django.db import transaction

from crm_backend.common.errors import Conflict
from events.services import emit
from users.choices import AccountStatus, Role
from users.events import (
    UserActivated,
    UserApproved,
    UserCreated,
    UserDeleted,
    UserRegistered,
    UserSuspended,
    UserUpdated,
)
from users.models import User
from users.services.passwords import password_check
from users.services.sessions import sessions_revoke


def user_register(*, password: str, **fields: Any) -> User:
    """Make an account for oneself; staff and brokers then wait for an administrator's approval.

    Raises:
        InvalidInput: `password` is too weak.
    """
    user = User(**fields)
    password_check(password, user, field="password")
    user.status = AccountStatus.ACTIVE if user.role == Role.CLIENT else AccountStatus.PENDING
    with transaction.atomic():
        user = User.objects.create_user(password=password, **fields, status=user.status)
        emit(
            UserRegistered(
                name=user.full_name,
                role=Role(user.role).label,
                status=AccountStatus(user.status).label,
            ),
            actor=user,
            subject=user,
            recipients=User.objects.admins(),
        )
    return user


def user_create(*, actor: User, password: str, **fields: Any) -> User:
    """Make an account for somebody else.

    Raises:
        InvalidInput: `password` is too weak.
    """
    password_check(password, User(**fields), field="password")
    with transaction.atomic():
        user = User.objects.create_user(password=password, **fields)
        emit(UserCreated(name=user.full_name, role=Role(user.role).label), actor=actor, subject=user)
    return user


def user_update(*, user: User, actor: User, **fields: Any) -> User:
    """Edit an account or profile; a new role ends the sessions that carry the old one.

    Raises:
        Conflict: one's own role; the last administrator must not give theirs away.
    """
    changed = sorted(name for name, value in fields.items() if getattr(user, name) != value)
    if "role" in changed and user.pk == actor.pk:
        raise Conflict("You cannot change your own role.")
    if changed:
        for name in changed:
            setattr(user, name, fields[name])
        with transaction.atomic():
            user.save(update_fields=[*changed, "updated_at"])
            if "role" in changed:
                sessions_revoke(user)
            emit(UserUpdated(field_names=", ".join(changed)), actor=actor, subject=user)
    return user


def user_approve(*, user: User, actor: User) -> User:
    """Let a waiting account log in; repeating it changes nothing.

    Raises:
        Conflict: the account is suspended; activating is another act.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        if user.status == AccountStatus.SUSPENDED:
            raise Conflict("This account is suspended. Activate it instead.")
        if user.status == AccountStatus.PENDING:
            _set_status(user, AccountStatus.ACTIVE)
            emit(UserApproved(), actor=actor, subject=user, recipients=[user])
    return user


def user_activate(*, user: User, actor: User) -> User:
    """Let a suspended account log in again; repeating it changes nothing.

    Raises:
        Conflict: the account still waits for approval.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        if user.status == AccountStatus.PENDING:
            raise Conflict("This account waits for approval. Approve it instead.")
        if user.status == AccountStatus.SUSPENDED:
            _set_status(user, AccountStatus.ACTIVE)
            emit(UserActivated(), actor=actor, subject=user, recipients=[user])
    return user


def user_suspend(*, user: User, actor: User) -> User:
    """Close an account and end its sessions; repeating it changes nothing.

    Raises:
        Conflict: one's own account; somebody has to be able to undo it.
    """
    if user.pk == actor.pk:
        raise Conflict("You cannot suspend your own account.")
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        if user.status != AccountStatus.SUSPENDED:
            _set_status(user, AccountStatus.SUSPENDED)
            sessions_revoke(user)
            emit(UserSuspended(), actor=actor, subject=user)
    return user


def user_delete(*, user: User, actor: User) -> None:
    """Delete an account that left no trace; one with a history can only be suspended.

    Raises:
        Conflict: one's own account.
        ProtectedError: other rows refer to it.
    """
    if user.pk == actor.pk:
        raise Conflict("You cannot delete your own account.")
    with transaction.atomic():
        emit(UserDeleted(name=user.full_name), actor=actor, subject=user)
        user.delete()


def _set_status(user: User, status: AccountStatus) -> None:
    user.status = status
    user.save(update_fields=["status", "updated_at"])
