"""Bearer tokens and API keys on HTTP requests."""

from typing import Any

import structlog
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

from crm_backend.common.credentials import Credential
from users.models import ApiKey, Session, User
from users.services.api_keys import api_key_of, api_key_used
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


class ApiKeyCredential(Credential):
    """A live API key, as `request.auth`."""

    def __init__(self, key: ApiKey) -> None:
        super().__init__(key=key.prefix, scopes=key.scopes, requests_per_minute=key.requests_per_minute)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key crm_<prefix>_<secret>`: a program that acts as the key's owner.

    A header that proxies and log collectors know to be secret, where one of our own would be printed.
    """

    keyword = b"api-key"

    def authenticate(self, request: Request) -> tuple[User, ApiKeyCredential] | None:
        """Return the key's owner and what the key may do; None for other headers."""
        scheme, *rest = get_authorization_header(request).split() or [b""]
        if scheme.lower() != self.keyword:
            return None
        key = api_key_of(rest[0].decode("latin-1")) if len(rest) == 1 else None
        if key is None:
            raise AuthenticationFailed("The API key is invalid, expired or revoked.")
        api_key_used(key)
        structlog.contextvars.bind_contextvars(user_id=key.user_id, api_key=key.prefix)
        return key.user, ApiKeyCredential(key)


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names this authentication."""

    target_class = "users.authentication.ApiKeyAuthentication"
    name = "apiKeyAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Say what the header looks like."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Api-Key ` and the key, for programs. Keys are made at `/api/users/api-keys/`; "
            "their scopes narrow what their owner may do.",
        }


class SessionJWTScheme(SimpleJWTScheme):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names this authentication."""

    target_class = "users.authentication.SessionJWTAuthentication"
    name = "bearerAuth"
