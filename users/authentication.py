"""Bearer tokens on HTTP requests."""

from typing import Any

import structlog
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

from users.models import Session
from users.services.sessions import TokenNotValid, session_of


class SessionJWTAuthentication(JWTAuthentication):
    """SimpleJWT, with the token's session and account checked on every request."""

    def authenticate(self, request: Request) -> Any:
        """Return the user and the verified token, which carries its `session`."""
        result: Any = super().authenticate(request)
        if result is None:
            return None
        user, token = result
        structlog.contextvars.bind_contextvars(user_id=user.pk)
        return user, token

    def get_user(self, validated_token: Token) -> Any:
        """The active user of the token's live session."""
        try:
            session: Session = session_of(validated_token)
        except TokenNotValid as error:
            raise InvalidToken(error.detail) from None
        validated_token.session = session  # type: ignore[attr-defined]
        return session.user


class SessionJWTScheme(SimpleJWTScheme):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names this authentication."""

    target_class = "users.authentication.SessionJWTAuthentication"
    name = "bearerAuth"
