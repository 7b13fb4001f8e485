"""Bearer tokens and API keys on HTTP requests."""

from typing import Any

import structlog
from django.conf import settings
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

from crm_backend.common.credentials import Credential, Recalled
from crm_backend.common.roundtrip import trip_of
from crm_backend.common.throttling import Caller, count_ahead
from users.models import ApiKey, Session, User
from users.services.api_keys import api_key_is_good, api_key_of, api_key_used
from users.services.logins import Login, fingerprint, fresh_key, generation_of, keys, logins
from users.services.sessions import TokenNotValid, session_of


class SessionJWTAuthentication(JWTAuthentication):
    """SimpleJWT, with the token's session and account checked on every request.

    What was checked a moment ago is good as long as nothing happened to the user: see `services.logins`.
    """

    def authenticate(self, request: Request) -> Any:
        """Return the user and the verified token, which carries its `session`."""
        header = self.get_header(request)
        raw = None if header is None else self.get_raw_token(header)
        if raw is None:
            return None
        key = fingerprint(raw)
        session, token = self._known(request, key) or self._checked(request, key, raw)
        structlog.contextvars.bind_contextvars(user_id=session.user_id)
        return session.user, token

    @staticmethod
    def recall(header: str) -> Recalled | None:
        """The login of an `Authorization` header, if it was checked a moment ago."""
        scheme, _, raw = header.partition(" ")
        kept = logins.find(fingerprint(raw.encode("latin-1"))) if scheme == "Bearer" else None
        if kept is None or kept.value.is_over:
            return None
        login = kept.value
        return Recalled(*login.known, kept.generation, login.user, login.caller)

    def _known(self, request: Request, key: bytes) -> tuple[Session, Token] | None:
        kept = logins.find(key)
        if kept is None or kept.value.is_over:
            return None
        generation = generation_of(kept.value.session.user_id)
        count_ahead(request, Caller(kept.value.session.user_id), generations=[generation])
        if trip_of(request).generation(generation) != kept.generation:
            logins.forget(key)
            return None
        return kept.value.fresh()

    def _checked(self, request: Request, key: bytes, raw: bytes) -> tuple[Session, Token]:
        token = self.get_validated_token(raw)
        # Before the rows: what changes after they were read is announced by another generation.
        name = generation_of(token["user_id"])
        generation = trip_of(request).generation(name) if settings.LOGIN_CACHE_SECONDS else ""
        try:
            login = Login(token, session_of(token))
        except TokenNotValid as error:
            raise InvalidToken(error.detail) from None
        if generation_of(login.session.user_id) == name:
            logins.keep(key, login, generation)
        return login.fresh()


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
        key = self._known(request, rest[0]) or self._checked(request, rest[0]) if len(rest) == 1 else None
        if key is None:
            raise AuthenticationFailed("The API key is invalid, expired or revoked.")
        structlog.contextvars.bind_contextvars(user_id=key.user_id, api_key=key.prefix)
        return key.user, ApiKeyCredential(key)

    def _known(self, request: Request, raw: bytes) -> ApiKey | None:
        known_as = fingerprint(raw)
        kept = keys.find(known_as)
        if kept is None:
            return None
        generation = generation_of(kept.value.user_id)
        caller = Caller(kept.value.user_id, ApiKeyCredential(kept.value))
        count_ahead(request, caller, generations=[generation])
        if trip_of(request).generation(generation) != kept.generation:
            return None
        if not api_key_is_good(kept.value, raw.decode("latin-1")):
            return None
        api_key_used(kept.value)
        return fresh_key(kept.value)

    def _checked(self, request: Request, raw: bytes) -> ApiKey | None:
        known_as = fingerprint(raw)
        kept = keys.find(known_as)
        keys.forget(known_as)
        # Whose a key is never changes: its first request learns it, the next asks before it reads.
        generation = trip_of(request).generation(generation_of(kept.value.user_id)) if kept else ""
        key = api_key_of(raw.decode("latin-1"))
        if key is None:
            return None
        api_key_used(key)
        keys.keep(known_as, key, generation)
        return fresh_key(key)


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
