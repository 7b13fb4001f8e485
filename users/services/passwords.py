"""Changing and resetting passwords."""

import structlog
from celery import current_app
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from kombu.exceptions import OperationalError

from crm_backend.common.errors import InvalidInput, Unavailable
from events.services import emit
from users.events import PasswordChanged, PasswordResetRequested
from users.models import User
from users.services.sessions import Client, TokenPair, session_open, sessions_revoke

RESET_TASK = "users.tasks.password_reset_request"


def password_change(*, user: User, current: str, new: str, client: Client) -> TokenPair:
    """Set a new password, end every session, and open a fresh one for the caller.

    Raises:
        InvalidInput: `current_password` is wrong, or `new_password` is too weak.
    """
    if not user.check_password(current):
        raise InvalidInput.field("current_password", "This is not your current password.")
    password_check(new, user, field="new_password")
    with transaction.atomic():
        _set_password(user, new, by_reset=False)
        return session_open(user=user, client=client)


def password_reset_enqueue(*, email: str) -> None:
    """Leave a request for a reset link to the worker.

    Nothing is looked up here: whoever waits for the reply cannot tell by the clock whether the account
    exists.

    Raises:
        Unavailable: the queue cannot be reached.
    """
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    try:
        current_app.send_task(RESET_TASK, kwargs={"email": email, "request_id": request_id})
    except OperationalError:
        raise Unavailable() from None


def password_reset_request(*, email: str) -> None:
    """Have a reset link mailed, if the account exists and may log in."""
    user = User.objects.active().filter(email=email.strip().lower()).first()
    if user is not None:
        with transaction.atomic():
            emit(PasswordResetRequested(), actor=None, subject=user, recipients=[user])


def password_reset_link(user: User) -> tuple[str, str]:
    """`(uid, token)` of a reset link: good for an hour, once, and for the present password only."""
    return urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)


def password_reset_confirm(*, uid: str, token: str, new: str) -> None:
    """Set a new password by a mailed link and end every session.

    Raises:
        InvalidInput: `token` is wrong, used or expired, or `new_password` is too weak.
    """
    user = _user_of(uid)
    if user is None or not user.is_active or not default_token_generator.check_token(user, token):
        raise InvalidInput.field("token", "This reset link is not valid any more. Request a new one.")
    password_check(new, user, field="new_password")
    with transaction.atomic():
        locked = User.objects.select_for_update().get(pk=user.pk)
        if not default_token_generator.check_token(locked, token):
            raise InvalidInput.field("token", "This reset link has just been used.")
        _set_password(locked, new, by_reset=True)


def password_check(password: str, user: User, *, field: str) -> None:
    """Apply the password rules.

    Raises:
        InvalidInput: with every broken rule under `field`.
    """
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput.field(field, *error.messages) from None


def _set_password(user: User, password: str, *, by_reset: bool) -> None:
    user.set_password(password)
    user.save(update_fields=["password", "updated_at"])
    sessions_revoke(user)
    emit(PasswordChanged(by_reset=by_reset), actor=None, subject=user, recipients=[user])


def _user_of(uid: str) -> User | None:
    try:
        pk = int(urlsafe_base64_decode(uid))
    except ValueError:
        return None
    return User.objects.filter(pk=pk).first()
