"""What a process remembers of checked tokens and keys, and how all processes learn that it is void.

A token that was checked is good for a few seconds without asking the database, as long as nothing happened to
its user: every service that changes a user, their sessions or their keys says so by `user_changed`, and the
next request in any process looks again. Times (the end of a token, a session or a key) are compared on every
request. ADR 15 has the reasons and the worst case.
"""

import copy
import hashlib
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from django.conf import settings
from django.db import models
from django.db.models.base import ModelState
from rest_framework_simplejwt.tokens import Token

from crm_backend.common.recent import Recent
from crm_backend.common.roundtrip import replace
from users.models import ApiKey, Session

_LOGINS_KEPT = 2000

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Login:
    """A verified access token and its live session with its user: read, never handed out itself."""

    token: Token
    session: Session

    @property
    def is_over(self) -> bool:
        """Whether the token or its session has ended by itself."""
        return self._end <= time.time()

    @cached_property
    def _end(self) -> float:
        end: float = min(self.token["exp"], self.session.expires_at.timestamp())
        return end

    @cached_property
    def known(self) -> tuple[int, str, str]:
        """The user's id and role, and the name of their generation."""
        user = self.session.user
        return user.pk, user.role, generation_of(user.pk)

    def fresh(self) -> tuple[Session, Token]:
        """Rows and token of the caller's own, as if loaded anew: nobody else sees what is done to them."""
        token: Any = copy.copy(self.token)
        token.payload = dict(self.token.payload)
        token.session = session = _with_own_user(self.session)
        return session, token

    def user(self) -> Any:
        """The user, of the caller's own as well."""
        return _copied(self.session.user)

    def caller(self) -> tuple[Any, Token]:
        """The user and the token, of the caller's own as well."""
        session, token = self.fresh()
        return session.user, token


def fresh_key(key: ApiKey) -> ApiKey:
    """The same for a key and its owner."""
    fresh = _with_own_user(key)
    fresh.scopes = list(key.scopes)
    return fresh


logins: Recent[Login] = Recent(size=_LOGINS_KEPT, seconds=lambda: settings.LOGIN_CACHE_SECONDS)
keys: Recent[ApiKey] = Recent(size=_LOGINS_KEPT, seconds=lambda: settings.LOGIN_CACHE_SECONDS)


def fingerprint(secret: bytes) -> bytes:
    """What a token or key is remembered by; the memory of a process need not hold it."""
    return hashlib.sha256(secret).digest()


def generation_of(user_id: Any) -> str:
    """The generation of all that is known of a user's logins and keys."""
    return f"user:{user_id}"


def user_changed(user_id: int) -> None:
    """Have every process look anew at a user, their sessions and keys; call it in the transaction."""
    replace(generation_of(user_id))


def _with_own_user(row: Any) -> Any:
    fresh = _copied(row)
    fresh.user = _copied(row.user)
    return fresh


def _copied(row: Any) -> Any:
    """As `copy.copy` would, without the way by which rows are pickled."""
    fresh = object.__new__(type(row))
    fresh.__dict__.update(row.__dict__)
    fresh._state = state = ModelState()
    state.adding, state.db, state.fields_cache = row._state.adding, row._state.db, {**row._state.fields_cache}
    return fresh
