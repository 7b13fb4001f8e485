"""Shapes of users, logins, passwords and API keys."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm_backend.common.credentials import CREATE, READ, WRITE
from crm_backend.common.policy import Policy
from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer, PhoneField, Serializer, VisiblePrimaryKeyField
from users.choices import REGISTRATION_ROLES, Role
from users.models import ApiKey, Session, User
from users.services.api_keys import DEFAULT_OVERLAP


class EmailField(serializers.EmailField):
    """An e-mail address, kept in lower case."""

    def to_internal_value(self, data: Any) -> str:
        """Fold the case."""
        return super().to_internal_value(data).lower()


class UniqueEmailField(EmailField):
    """An address that no other account has."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Refuse an address that is taken."""
        value = super().run_validation(data)
        taken = User.objects.filter(email=value)
        instance = getattr(self.parent, "instance", None)
        if isinstance(instance, User):
            taken = taken.exclude(pk=instance.pk)
        if taken.exists():
            raise serializers.ValidationError("An account with this e-mail exists already.", code="unique")
        return value


class UserSummarySerializer(ModelSerializer):
    """A user in a list."""

    name = serializers.CharField(source="full_name", read_only=True)
    is_active = serializers.BooleanField(read_only=True)

    class Meta:
        model = User
        fields = ["id", "email", "name", "role", "status", "is_active", "last_login", "created_at"]
        read_only_fields = fields


class UserSerializer(ModelSerializer):
    """A user in full."""

    email = UniqueEmailField(max_length=254)
    name = serializers.CharField(source="full_name", read_only=True)
    phone = PhoneField(required=False, allow_blank=True)
    is_active = serializers.BooleanField(read_only=True)
    email_verified = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = [
            "id",
            "email",
            "email_verified",
            "first_name",
            "last_name",
            "name",
            "phone",
            "role",
            "status",
            "is_active",
            "timezone",
            "last_login",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["status", "last_login", "created_at", "updated_at"]

    @extend_schema_field(bool)
    @reads("email_verified_at")
    def get_email_verified(self, user: User) -> bool:
        """Whether the address was proven."""
        return user.email_verified_at is not None


class UserCreateSerializer(UserSerializer):
    """A new account by an administrator."""

    password = serializers.CharField(write_only=True, max_length=128, trim_whitespace=False)

    class Meta(UserSerializer.Meta):
        fields = [*UserSerializer.Meta.fields, "password"]


class ProfileSerializer(UserSerializer):
    """One's own account: role, status, e-mail and its verification are not for oneself to change."""

    email = serializers.EmailField(read_only=True)  # type: ignore[assignment]

    class Meta(UserSerializer.Meta):
        read_only_fields = ["role", *UserSerializer.Meta.read_only_fields]


class RegisterSerializer(ModelSerializer):
    """A new account for oneself."""

    email = UniqueEmailField(max_length=254)
    phone = PhoneField(required=False, allow_blank=True)
    role = serializers.ChoiceField(choices=REGISTRATION_ROLES, default=Role.CLIENT)
    password = serializers.CharField(write_only=True, max_length=128, trim_whitespace=False)

    class Meta:
        model = User
        fields = ["email", "password", "first_name", "last_name", "phone", "role", "timezone"]

    def get_fields(self) -> dict[str, Any]:
        """No display names: this shape is only ever sent, not received."""
        return {name: field for name, field in super().get_fields().items() if name in self.Meta.fields}


class RegisteredSerializer(Serializer):
    """The reply to a registration."""

    message = serializers.CharField()
    user = UserSerializer()


class LoginSerializer(Serializer):
    """E-mail and password."""

    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class TokensSerializer(Serializer):
    """An access and a refresh token."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class LoginReplySerializer(TokensSerializer):
    """Tokens and user, in both nestings that clients know."""

    tokens = TokensSerializer()
    user = UserSerializer()
    user_id = serializers.IntegerField()
    email = serializers.EmailField()
    role = serializers.CharField()
    name = serializers.CharField()
    message = serializers.CharField()


class RefreshSerializer(Serializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=4096)


class LogoutSerializer(Serializer):
    """The refresh token that many clients send along; what ends is the login of the access token."""

    refresh = serializers.CharField(max_length=4096, required=False, allow_blank=True)


class VerifySerializer(Serializer):
    """An access or refresh token."""

    token = serializers.CharField(max_length=4096)


class VerifiedSerializer(Serializer):
    """What a good token says."""

    user_id = serializers.IntegerField()
    role = serializers.CharField()
    token_type = serializers.CharField()
    expires_at = serializers.DateTimeField()


class MessageSerializer(Serializer):
    """A sentence."""

    message = serializers.CharField()


class PasswordChangeSerializer(Serializer):
    """The current password and a new one."""

    current_password = serializers.CharField(max_length=128, trim_whitespace=False)
    new_password = serializers.CharField(max_length=128, trim_whitespace=False)


class PasswordResetSerializer(Serializer):
    """The address of the account."""

    email = serializers.EmailField(max_length=254)


class PasswordResetConfirmSerializer(Serializer):
    """What the mailed link carries, and the new password."""

    uid = serializers.CharField(max_length=64)
    token = serializers.CharField(max_length=128)
    new_password = serializers.CharField(max_length=128, trim_whitespace=False)


class SessionSerializer(ModelSerializer):
    """A login. `last_used_at` is when its tokens were last renewed."""

    is_active = serializers.SerializerMethodField()
    is_current = serializers.SerializerMethodField()

    class Meta:
        model = Session
        fields = [
            "id",
            "user_agent",
            "ip_address",
            "created_at",
            "last_used_at",
            "expires_at",
            "revoked_at",
            "is_active",
            "is_current",
        ]
        read_only_fields = fields

    @extend_schema_field(bool)
    @reads("revoked_at", "expires_at")
    def get_is_active(self, session: Session) -> bool:
        """Whether its tokens are still good."""
        return session.revoked_at is None and session.expires_at > timezone.now()

    @extend_schema_field(bool)
    @reads("pk")
    def get_is_current(self, session: Session) -> bool:
        """Whether it is the login that asks."""
        return bool(session.pk == self.context["request"].auth.session.pk)


class ScopeField(serializers.CharField):
    """`read` or `write`, or `<resource>:read`, `<resource>:write` with a resource of the roles page.

    `leads:create` hands leads in, and reads none.
    """

    default_error_messages = {
        "unknown": "There is no such scope. Choose read, write, or one of them for a resource: {example}."
    }

    def to_internal_value(self, data: Any) -> str:
        """Know the resource and the verb."""
        scope = super().to_internal_value(data)
        resource, _, verb = scope.rpartition(":")
        policy = Policy.registry.get(resource)
        known = policy is not None and not policy.for_people(writing=verb == WRITE) if ":" in scope else True
        submits = policy is not None and policy.takes_submissions and verb == CREATE
        if not submits and (verb not in (READ, WRITE) or not known):
            self.fail("unknown", example="applications:read")
        return scope


class ApiKeySummarySerializer(ModelSerializer):
    """An API key in a list."""

    user_name = serializers.CharField(source="user.full_name", read_only=True)
    is_expired = serializers.SerializerMethodField()

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "prefix",
            "user",
            "user_name",
            "scopes",
            "expires_at",
            "is_expired",
            "last_used_at",
            "created_at",
        ]
        read_only_fields = fields

    @extend_schema_field(bool)
    @reads("expires_at")
    def get_is_expired(self, key: ApiKey) -> bool:
        """Whether its end has passed."""
        return key.expires_at is not None and key.expires_at <= timezone.now()


class ApiKeySerializer(ApiKeySummarySerializer):
    """An API key in full, without its secret. `prefix` is the part of the key that may be shown."""

    scopes = serializers.ListField(child=ScopeField(max_length=48), min_length=1, max_length=100)
    requests_per_minute = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=100_000,
        help_text="The installation's own limit where null.",
    )
    previous_valid_until = serializers.DateTimeField(
        source="previous_expires_at",
        read_only=True,
        allow_null=True,
        help_text="When the secret before the last rotation ends, or ended.",
    )

    class Meta(ApiKeySummarySerializer.Meta):
        fields = [
            *ApiKeySummarySerializer.Meta.fields,
            "requests_per_minute",
            "rotated_at",
            "previous_valid_until",
            "created_by",
            "updated_at",
        ]
        read_only_fields = [
            "prefix",
            "user",
            "last_used_at",
            "rotated_at",
            "created_by",
            "created_at",
            "updated_at",
        ]

    def validate_scopes(self, scopes: list[str]) -> list[str]:
        """Each once, in order."""
        return sorted(set(scopes))

    def validate_expires_at(self, moment: datetime | None) -> datetime | None:
        """An end that has passed would make a key that never works; one that passed may stay."""
        unchanged = self.instance is not None and self.instance.expires_at == moment
        if moment is not None and moment <= timezone.now() and not unchanged:
            raise serializers.ValidationError("Must be in the future.")
        return moment


class ApiKeyCreateSerializer(ApiKeySerializer):
    """A new API key; its owner is the caller where no other is named."""

    user = VisiblePrimaryKeyField(queryset=User.objects.all(), required=False)

    class Meta(ApiKeySerializer.Meta):
        read_only_fields = [name for name in ApiKeySerializer.Meta.read_only_fields if name != "user"]


class ApiKeyIssuedSerializer(ApiKeySerializer):
    """An API key with the key itself, which is shown only now."""

    key = serializers.CharField(read_only=True)

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "key"]


class ApiKeyRotateSerializer(Serializer):
    """How long the old secret goes on: a day where nothing is said, not at all where null."""

    previous_valid_until = serializers.DateTimeField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Fill the default in."""
        return {"previous_valid_until": timezone.now() + DEFAULT_OVERLAP, **attrs}
