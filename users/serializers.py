"""Shapes of users, logins and passwords."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm_backend.common.serializers import ModelSerializer, PhoneField, Serializer
from users.choices import REGISTRATION_ROLES, Role
from users.models import User


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
