"""Logging in, refreshing, logging out.

Refresh tokens rotate: each is good once. When one comes back after its successor was issued, either
the owner or a thief holds a stale copy, and nobody can tell which; so the whole session ends (RFC 9700,
section 4.14.2). A token that was rotated only seconds ago is answered with its successor instead, for
tabs that refresh at the same moment.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import update_last_login
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from crm_backend.common.counters import FailureCounter
from crm_backend.common.errors import DomainError, NotAllowed, TooManyAttempts
from events.services import emit
from users.choices import AccountStatus
from users.events import LoggedIn, LoggedOut, LoggedOutEverywhere, RefreshTokenReused
from users.models import Session, User
from users.services.logins import user_changed

logger = structlog.get_logger(__name__)

T = TypeVar("T", bound=Token)

SESSION_CLAIM = "sid"
VERSION_CLAIM = "tv"
ROLE_CLAIM = "role"


class InvalidCredentials(DomainError):
    """No account has this e-mail and password; which of the two is wrong is not told."""

    status = 401
    code = "invalid_credentials"
    title = "Wrong e-mail or password"
    default_detail = "No active account was found with this e-mail and password."


class TokenNotValid(DomainError):
    """A token that is malformed, expired, used up, or whose session has ended."""

    status = 401
    code = "token_not_valid"
    title = "Token not valid"
    default_detail = "The token is invalid or expired."


class AccountPending(NotAllowed):
    """The password is right, but an administrator has yet to approve the account."""

    code = "account_pending"
    title = "Account waiting for approval"
    default_detail = "An administrator has yet to approve this account."


class AccountSuspended(NotAllowed):
    """The password is right, but the account is closed."""

    code = "account_suspended"
    title = "Account suspended"
    default_detail = "This account is suspended."


@dataclass(frozen=True)
class TokenPair:
    """What a client keeps."""

    user: User
    access: str
    refresh: str


@dataclass(frozen=True)
class Client:
    """Where a login comes from, for the list of sessions."""

    ip_address: str | None = None
    user_agent: str = ""


def session_login(*, email: str, password: str, request: Any, client: Client) -> TokenPair:
    """Check a password and open a session.

    Raises:
        TooManyAttempts: locked out after repeated failures, whether or not the account exists.
        InvalidCredentials: wrong e-mail or password.
        AccountPending, AccountSuspended: told only to whoever knows the password.
    """
    failures = _login_failures(email)
    if seconds := failures.locked_for():
        raise TooManyAttempts(retry_after=seconds)
    # Hashes the password even when there is no such account, so timing tells nothing either.
    user = authenticate(request, username=email, password=password)
    # Of many attempts at once only as many count as the limit allows: the others learn nothing.
    if seconds := failures.locked_for():
        raise TooManyAttempts(retry_after=seconds)
    if not isinstance(user, User):
        failures.record()
        logger.warning("login.failed", account=_fingerprint(email))
        raise InvalidCredentials()
    failures.clear()
    if user.status == AccountStatus.PENDING:
        raise AccountPending()
    if user.status == AccountStatus.SUSPENDED:
        raise AccountSuspended()
    return session_open(user=user, client=client)


def session_open(*, user: User, client: Client) -> TokenPair:
    """Open a session for a user whose identity is established."""
    with transaction.atomic():
        refresh = RefreshToken()
        session = Session.objects.create(
            user=user,
            jti=refresh["jti"],
            expires_at=_expiry(refresh),
            ip_address=client.ip_address,
            user_agent=client.user_agent[:200],
        )
        update_last_login(None, user)  # type: ignore[arg-type]
        user_changed(user.pk)
        emit(LoggedIn(session_id=str(session.pk)), actor=user, subject=user)
    return _pair(session, user, refresh)


def session_refresh(*, refresh: str) -> TokenPair:
    """Exchange a refresh token for a new pair.

    Raises:
        TokenNotValid: bad, expired or reused token, or a session or account that has ended. A reused
            token ends its session, and the owner is told.
    """
    token = _decode(RefreshToken, refresh)
    with transaction.atomic():
        session = _locked_session(token)
        reused = token["jti"] not in {session.jti, _graced_jti(session)}
        if reused:
            _revoke(session)
            emit(
                RefreshTokenReused(session_id=str(session.pk)),
                actor=None,
                subject=session.user,
                recipients=[session.user],
            )
        elif token["jti"] == session.jti:
            _rotate(session)
    if reused:
        raise TokenNotValid()
    successor = RefreshToken()
    successor["jti"] = session.jti
    successor["exp"] = int(session.expires_at.timestamp())
    return _pair(session, session.user, successor)


def session_check(*, token: str) -> Token:
    """Return a token's claims when it, its session and its account are all good.

    Raises:
        TokenNotValid: otherwise.
    """
    try:
        claims: Token = _decode(AccessToken, token)
    except TokenNotValid:
        claims = _decode(RefreshToken, token)
    session = session_of(claims)
    if claims["token_type"] == RefreshToken.token_type and claims["jti"] not in {
        session.jti,
        _graced_jti(session),
    }:
        raise TokenNotValid()
    return claims


def access_token_session(raw: str) -> tuple[Session, AccessToken]:
    """The live session, with its user, that an access token belongs to, and the token's claims.

    Raises:
        TokenNotValid: see `session_check`.
    """
    token = _decode(AccessToken, raw)
    return session_of(token), token


def session_of(token: Token) -> Session:
    """The live session of a verified token, with its user.

    Raises:
        TokenNotValid: the session ended, the account is not active, or all its tokens were ended.
    """
    session = Session.objects.select_related("user").filter(pk=token.get(SESSION_CLAIM)).first()
    if session is None or not _is_good(session, token):
        raise TokenNotValid()
    return session


def session_by_id(session_id: str) -> Session | None:
    """A live session, with its user; None when it ended or the account is not active."""
    session = Session.objects.select_related("user").filter(pk=session_id).first()
    if session is None or session.revoked_at is not None or session.expires_at <= timezone.now():
        return None
    return session if session.user.is_active else None


def session_end(*, session: Session, actor: User) -> None:
    """End one session; its access tokens and sockets end with it. Repeating it changes nothing."""
    with transaction.atomic():
        session = Session.objects.select_for_update(of=("self",)).select_related("user").get(pk=session.pk)
        if session.revoked_at is None:
            _revoke(session)
            emit(LoggedOut(session_id=str(session.pk)), actor=actor, subject=session.user)


def sessions_end(*, user: User, actor: User | None, reason: str) -> None:
    """End every session of a user at once."""
    with transaction.atomic():
        sessions_revoke(user)
        emit(LoggedOutEverywhere(reason=reason), actor=actor, subject=user)


def sessions_revoke(user: User) -> None:
    """Make every token of a user worthless; for services that say themselves what happened."""
    User.objects.filter(pk=user.pk).update(token_version=F("token_version") + 1)
    user.refresh_from_db(fields=["token_version"])
    user.sessions.filter(revoked_at=None).update(revoked_at=timezone.now())
    user_changed(user.pk)


def expired_sessions_delete() -> int:
    """Delete sessions that ended more than 30 days ago; return how many."""
    deleted, _ = Session.objects.filter(expires_at__lt=timezone.now() - timedelta(days=30)).delete()
    return deleted


# --- parts ---------------------------------------------------------------------------------------


def _login_failures(email: str) -> FailureCounter:
    return FailureCounter(
        f"login:{_fingerprint(email)}",
        limit=settings.LOGIN_FAILURE_LIMIT,
        window=settings.LOGIN_LOCKOUT_SECONDS,
    )


def _fingerprint(email: str) -> str:
    """An address as it may appear in keys and logs."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()[:16]


def _decode(kind: type[T], raw: str) -> T:
    try:
        return kind(raw)  # type: ignore[arg-type]
    except TokenError:
        raise TokenNotValid() from None


def _locked_session(token: Token) -> Session:
    sessions = Session.objects.select_for_update(of=("self",)).select_related("user")
    session = sessions.filter(pk=token.get(SESSION_CLAIM)).first()
    if session is None or not _is_good(session, token):
        raise TokenNotValid()
    return session


def _is_good(session: Session, token: Token) -> bool:
    user = session.user
    return (
        session.revoked_at is None
        and session.expires_at > timezone.now()
        and user.is_active
        and token.get(VERSION_CLAIM) == user.token_version
    )


def _graced_jti(session: Session) -> str | None:
    grace = timedelta(seconds=settings.REFRESH_GRACE_SECONDS)
    if session.rotated_at is None or timezone.now() - session.rotated_at > grace:
        return None
    return session.previous_jti


def _rotate(session: Session) -> None:
    fresh = RefreshToken()
    session.previous_jti, session.jti = session.jti, fresh["jti"]
    session.rotated_at = session.last_used_at = timezone.now()
    session.expires_at = _expiry(fresh)
    session.save(update_fields=["previous_jti", "jti", "rotated_at", "last_used_at", "expires_at"])


def _revoke(session: Session) -> None:
    session.revoked_at = timezone.now()
    session.save(update_fields=["revoked_at"])
    user_changed(session.user_id)


def _expiry(token: Token) -> datetime:
    return datetime.fromtimestamp(token["exp"], UTC)


def _pair(session: Session, user: User, refresh: RefreshToken) -> TokenPair:
    refresh["user_id"] = str(user.pk)
    refresh[SESSION_CLAIM] = str(session.pk)
    refresh[VERSION_CLAIM] = user.token_version
    refresh[ROLE_CLAIM] = user.role
    return TokenPair(user=user, access=str(refresh.access_token), refresh=str(refresh))
