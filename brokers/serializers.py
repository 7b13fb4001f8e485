"""Shapes of branches, BDMs and brokers."""

from typing import Any

from rest_framework import serializers
from rest_framework.validators import UniqueValidator

from brokers.models import Bdm, Branch, Broker
from crm_backend.common.australia import validate_abn
from crm_backend.common.serializers import DigitsField, ModelSerializer, PhoneField, Serializer
from users.choices import Role
from users.models import User


class ReferenceSerializer(Serializer):
    """A row named inside another one: id and name."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(source="__str__", read_only=True)


class BranchSerializer(ModelSerializer):
    """A branch."""

    phone = PhoneField(required=False, allow_blank=True)

    class Meta:
        model = Branch
        fields = [
            "id",
            "name",
            "code",
            "state",
            "street",
            "city",
            "postcode",
            "phone",
            "email",
            "is_active",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]


class UserOfRoleField(serializers.PrimaryKeyRelatedField[User]):
    """A login with the right role."""

    def __init__(self, role: Role | None = None, **kwargs: Any) -> None:
        # Only administrators write here, and they see every user.
        if role is not None:
            kwargs["queryset"] = User.objects.filter(role=role)
        super().__init__(**kwargs)


class BdmSerializer(ModelSerializer):
    """A BDM."""

    user = UserOfRoleField(
        Role.BD, validators=[UniqueValidator(Bdm.objects.all(), "This login has a BDM profile already.")]
    )
    name = serializers.CharField(source="user.full_name", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    phone = serializers.CharField(source="user.phone", read_only=True)
    branch_name = serializers.CharField(source="branch.name", read_only=True)

    class Meta:
        model = Bdm
        fields = [
            "id",
            "user",
            "name",
            "email",
            "phone",
            "branch",
            "branch_name",
            "job_title",
            "is_active",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]


class BrokerSummarySerializer(ModelSerializer):
    """A broker in a list."""

    name = serializers.CharField(source="full_name", read_only=True)
    branch_name = serializers.CharField(source="branch.name", read_only=True)

    class Meta:
        model = Broker
        fields = [
            "id",
            "name",
            "company_name",
            "email",
            "phone",
            "branch",
            "branch_name",
            "is_active",
            "created_at",
        ]
        read_only_fields = fields


class BrokerSerializer(ModelSerializer):
    """A broker in full."""

    user = UserOfRoleField(
        Role.BROKER,
        required=False,
        allow_null=True,
        validators=[UniqueValidator(Broker.objects.all(), "This login has a broker profile already.")],
    )
    name = serializers.CharField(source="full_name", read_only=True)
    phone = PhoneField(required=False, allow_blank=True)
    abn = DigitsField(required=False, allow_blank=True, validators=[validate_abn])
    branch_name = serializers.CharField(source="branch.name", read_only=True)

    class Meta:
        model = Broker
        fields = [
            "id",
            "user",
            "first_name",
            "last_name",
            "name",
            "email",
            "phone",
            "company_name",
            "abn",
            "credit_representative_number",
            "branch",
            "branch_name",
            "is_active",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]
