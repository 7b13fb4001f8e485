"""Accounts: registration, approval, administration, profiles."""

from typing import Any

from django.db import connection, transaction

from crm_backend.common.errors import Conflict, InvalidInput, NotAllowed
from crm_backend.common.models import changed_names, save_changes
from events.services import emit
from users.choices import AccountStatus, Role
from users.events import (
    EmailChanged,
    UserActivated,
    UserApproved,
    UserCreated,
    UserDeleted,
    UserRegistered,
    UserSuspended,
    UserUpdated,
)
from users.models import User
from users.services.logins import user_changed
from users.services.passwords import password_check
from users.services.sessions import sessions_revoke

# By relation, what people call the profile of staff and brokers.
PROFILES = {"bdm": "BDM", "broker": "broker"}


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

    A new e-mail address is unproven, and the old one is told; changed by somebody else, it ends the sessions.

    Raises:
        Conflict: one's own role, or that of the last administrator.
        InvalidInput: the role of somebody with a BDM or broker profile, which would not fit any more.
        NotAllowed: the actor is no administrator any more.
    """
    changed = changed_names(user, fields)
    if "role" in changed and user.pk == actor.pk:
        raise Conflict("You cannot change your own role.")
    if changed:
        with transaction.atomic():
            if "role" in changed:
                _check_new_role(user, actor)
            previous = user.email
            if "email" in changed:
                fields["email_verified_at"] = None
            save_changes(user, fields)
            user_changed(user.pk)
            if "role" in changed or ("email" in changed and user.pk != actor.pk):
                sessions_revoke(user)
            emit(UserUpdated(field_names=", ".join(changed)), actor=actor, subject=user)
            if "email" in changed:
                emit(EmailChanged(previous=previous), actor=actor, subject=user, recipients=[user])
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
        Conflict: one's own account, or that of the last administrator; somebody has to be able to undo it.
        NotAllowed: the actor is no administrator any more.
    """
    if user.pk == actor.pk:
        raise Conflict("You cannot suspend your own account.")
    with transaction.atomic():
        _check_administrators(without=user, actor=actor)
        user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if user.status != AccountStatus.SUSPENDED:
            _set_status(user, AccountStatus.SUSPENDED)
            sessions_revoke(user)
            emit(UserSuspended(), actor=actor, subject=user)
    return user


def user_delete(*, user: User, actor: User) -> None:
    """Delete an account that left no trace; one with a history can only be suspended.

    Raises:
        Conflict: one's own account, or that of the last administrator.
        NotAllowed: the actor is no administrator any more.
        ProtectedError: other rows refer to it.
    """
    if user.pk == actor.pk:
        raise Conflict("You cannot delete your own account.")
    with transaction.atomic():
        _check_administrators(without=user, actor=actor)
        emit(UserDeleted(name=user.full_name), actor=actor, subject=user)
        user_changed(user.pk)
        user.delete()


def _check_new_role(user: User, actor: User) -> None:
    _check_administrators(without=user, actor=actor)
    # The profiles belong to an app above this one; only the names of the relations are known here.
    for name, words in PROFILES.items():
        model: Any = User._meta.get_field(name).related_model
        if model._base_manager.filter(user=user).exists():
            raise InvalidInput.field("role", f"This account has a {words} profile, which keeps its role.")


def _check_administrators(*, without: User, actor: User) -> None:
    """Have an administrator left when this account is none; two must not end each other at once.

    One at a time, by a lock on no row: whoever waits holds the row of their own target, so that locks on the
    administrators' rows, in whatever order, would meet those.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('users.administrators', 0))")
    left = set(User.objects.admins().exclude(pk=without.pk).values_list("pk", flat=True))
    if not left:
        raise Conflict("This is the last administrator.")
    if actor.pk not in left:
        raise NotAllowed()


def _set_status(user: User, status: AccountStatus) -> None:
    user.status = status
    user.save(update_fields=["status", "updated_at"])
    user_changed(user.pk)
