"""Logging in and out, tokens, passwords."""

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from crm_backend.common.clients import address_of
from crm_backend.common.errors import Conflict, TooManyAttempts, Unavailable
from crm_backend.common.permissions import IsSelfService
from crm_backend.common.schema_replies import refuses
from crm_backend.common.throttling import AuthThrottle
from crm_backend.common.viewsets import ApiView
from users import serializers as shapes
from users.services import accounts, passwords, sessions
from users.services.sessions import Client, TokenPair


class OpenView(ApiView):
    """A view for callers without a login; an expired token in the header does no harm."""

    public = "this is how a login is got"
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (AuthThrottle,)


class OwnAccountView(ApiView):
    """A view on the caller's own login."""

    permission_classes = (IsSelfService,)


def client_of(request: Request) -> Client:
    """Where a request comes from."""
    return Client(ip_address=address_of(request), user_agent=request.headers.get("User-Agent", ""))


def validated(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    """The clean data of a request body."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def login_reply(pair: TokenPair, message: str) -> dict[str, Any]:
    """Tokens and user in both nestings."""
    tokens = {"access": pair.access, "refresh": pair.refresh}
    return {
        **tokens,
        "tokens": tokens,
        "user": shapes.UserSerializer(pair.user).data,
        "user_id": pair.user.pk,
        "email": pair.user.email,
        "role": pair.user.role,
        "name": pair.user.full_name,
        "message": message,
    }


class LoginView(OpenView):
    """Logging in."""

    @extend_schema(request=shapes.LoginSerializer, responses=shapes.LoginReplySerializer)
    @refuses(sessions.InvalidCredentials, sessions.AccountPending, sessions.AccountSuspended, TooManyAttempts)
    def post(self, request: Request) -> Response:
        """Log in with e-mail and password.

        After repeated failures the account is locked for a while (429 with `Retry-After`), in the
        same way whether or not it exists.
        """
        data = validated(shapes.LoginSerializer(data=request.data))
        pair = sessions.session_login(**data, request=request._request, client=client_of(request))
        return Response(login_reply(pair, "Logged in."))


class RegisterView(OpenView):
    """Making an account."""

    @extend_schema(request=shapes.RegisterSerializer, responses={201: shapes.RegisteredSerializer})
    @refuses(Conflict)
    def post(self, request: Request) -> Response:
        """Register as a client, broker or BDM.

        Clients may log in at once; brokers and BDMs wait until an administrator approves them.
        """
        user = accounts.user_register(**validated(shapes.RegisterSerializer(data=request.data)))
        message = (
            "You can log in now." if user.is_active else "An administrator will look at your registration."
        )
        body = {"message": message, "user": shapes.UserSerializer(user).data}
        return Response(body, status=status.HTTP_201_CREATED)


class RefreshView(OpenView):
    """Renewing tokens."""

    @extend_schema(request=shapes.RefreshSerializer, responses=shapes.TokensSerializer)
    @refuses(sessions.TokenNotValid)
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for a new pair.

        The old refresh token is used up; sent again after a short grace it ends its session.
        """
        pair = sessions.session_refresh(**validated(shapes.RefreshSerializer(data=request.data)))
        return Response({"access": pair.access, "refresh": pair.refresh})


class VerifyView(OpenView):
    """Checking a token."""

    @extend_schema(request=shapes.VerifySerializer, responses=shapes.VerifiedSerializer)
    @refuses(sessions.TokenNotValid)
    def post(self, request: Request) -> Response:
        """Say whether a token is good, and whose it is."""
        claims = sessions.session_check(**validated(shapes.VerifySerializer(data=request.data)))
        body = {
            "user_id": int(claims["user_id"]),
            "role": claims[sessions.ROLE_CLAIM],
            "token_type": claims["token_type"],
            "expires_at": datetime.fromtimestamp(claims["exp"], UTC),
        }
        return Response(shapes.VerifiedSerializer(body).data)


class LogoutView(OwnAccountView):
    """Ending a session."""

    @extend_schema(request=shapes.LogoutSerializer, responses=shapes.MessageSerializer)
    def post(self, request: Request) -> Response:
        """End this login; its access and refresh tokens stop working at once."""
        validated(shapes.LogoutSerializer(data=request.data))
        session = request.auth.session  # type: ignore[union-attr]
        sessions.session_end(session=session, actor=self.caller)
        return Response({"message": "Logged out."})


class LogoutAllView(OwnAccountView):
    """Ending every session."""

    @extend_schema(request=None, responses=shapes.MessageSerializer)
    def post(self, request: Request) -> Response:
        """End every login of this account, this one included."""
        sessions.sessions_end(user=self.caller, actor=self.caller, reason="by the owner")
        return Response({"message": "Logged out everywhere."})


class PasswordChangeView(OwnAccountView):
    """Changing the password."""

    throttle_classes = (AuthThrottle,)

    @extend_schema(request=shapes.PasswordChangeSerializer, responses=shapes.LoginReplySerializer)
    def post(self, request: Request) -> Response:
        """Change the password: every login ends, and the reply opens a fresh one for the caller."""
        data = validated(shapes.PasswordChangeSerializer(data=request.data))
        pair = passwords.password_change(
            user=self.caller,
            current=data["current_password"],
            new=data["new_password"],
            client=client_of(request),
        )
        return Response(login_reply(pair, "Password changed."))


class PasswordResetView(OpenView):
    """Asking for a reset link."""

    @extend_schema(request=shapes.PasswordResetSerializer, responses=shapes.MessageSerializer)
    @refuses(Unavailable)
    def post(self, request: Request) -> Response:
        """Have a reset link mailed; the reply is the same whether or not the account exists."""
        passwords.password_reset_enqueue(**validated(shapes.PasswordResetSerializer(data=request.data)))
        return Response({"message": "If this account exists, a reset link is on its way."})


class PasswordResetConfirmView(OpenView):
    """Using a reset link."""

    @extend_schema(request=shapes.PasswordResetConfirmSerializer, responses=shapes.MessageSerializer)
    def post(self, request: Request) -> Response:
        """Set a new password by a mailed link; every login ends."""
        data = validated(shapes.PasswordResetConfirmSerializer(data=request.data))
        passwords.password_reset_confirm(uid=data["uid"], token=data["token"], new=data["new_password"])
        return Response({"message": "Password set. Log in with it."})
