"""Shapes of borrowers and guarantors."""

from typing import Any

from rest_framework import serializers

from borrowers.choices import PartyType
from borrowers.models import Borrower, Guarantor
from crm_backend.common.australia import State, validate_abn, validate_acn, validate_postcode
from crm_backend.common.serializers import (
    DigitsField,
    ModelSerializer,
    PhoneField,
    Serializer,
    VisiblePrimaryKeyField,
)
from users.choices import Role
from users.models import User

PARTY_FIELDS = [
    "first_name",
    "last_name",
    "date_of_birth",
    "company_name",
    "abn",
    "acn",
    "email",
    "phone",
    "address",
]
PERSON_FIELDS = {
    "first_name",
    "last_name",
    "date_of_birth",
    "marital_status",
    "residency_status",
    "employment_type",
    "employer",
    "job_title",
    "months_employed",
}
# What a client may change of their own profile.
CONTACT_FIELDS = {"email", "phone", "address"}


class AddressSerializer(Serializer):
    """An address; the columns are the party's own."""

    street = serializers.CharField(max_length=200, required=False, allow_blank=True)
    city = serializers.CharField(max_length=100, required=False, allow_blank=True)
    state = serializers.ChoiceField(choices=State.choices, required=False, allow_blank=True)
    postcode = serializers.CharField(required=False, allow_blank=True, validators=[validate_postcode])
    country = serializers.RegexField(r"\A[A-Z]{2}\Z", required=False, help_text="ISO 3166-1 alpha-2.")


class PartySerializer(ModelSerializer):
    """Rules that people and companies share; `kind_field` says which of the two it is."""

    kind_field = ""

    display_name = serializers.CharField(read_only=True)
    phone = PhoneField(required=False, allow_blank=True)
    abn = DigitsField(required=False, allow_blank=True, validators=[validate_abn])
    acn = DigitsField(required=False, allow_blank=True, validators=[validate_acn])
    address = AddressSerializer(source="*", required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A person has names; a company has its name and an ABN or ACN."""

        def value(name: str) -> Any:
            return attrs.get(name, getattr(self.instance, name, ""))

        errors: dict[str, list[str]] = {}
        kind = attrs.get(self.kind_field) or getattr(self.instance, self.kind_field, PartyType.INDIVIDUAL)
        if kind == PartyType.COMPANY:
            if not value("company_name"):
                errors["company_name"] = ["A company needs its name."]
            if not value("abn") and not value("acn"):
                errors["abn"] = ["A company needs an ABN or an ACN."]
        else:
            for name in ("first_name", "last_name"):
                if not value(name):
                    errors[name] = ["A person needs both names."]
        if errors:
            raise serializers.ValidationError(errors)
        return attrs


class BorrowerSummarySerializer(ModelSerializer):
    """A borrower in a list."""

    display_name = serializers.CharField(read_only=True)

    class Meta:
        model = Borrower
        fields = ["id", "borrower_type", "display_name", "email", "phone", "state", "created_at"]
        read_only_fields = fields


class LoginField(VisiblePrimaryKeyField):
    """A borrower's login; the one it has may be sent back also by those who cannot see it."""

    def to_internal_value(self, data: Any) -> Any:
        """Take the present login as it is."""
        current = getattr(getattr(self.parent, "instance", None), "user", None)
        if current is not None and str(data) == str(current.pk):
            return current
        return super().to_internal_value(data)


class BorrowerSerializer(PartySerializer):
    """A borrower in full."""

    kind_field = "borrower_type"

    user = LoginField(
        queryset=User.objects.filter(role=Role.CLIENT),
        required=False,
        allow_null=True,
        help_text="The borrower's own login; only administrators link one.",
    )

    class Meta:
        model = Borrower
        fields = [
            "id",
            "borrower_type",
            "display_name",
            *PARTY_FIELDS,
            "marital_status",
            "residency_status",
            "employment_type",
            "employer",
            "job_title",
            "months_employed",
            "annual_income",
            "other_income",
            "monthly_expenses",
            "business_type",
            "industry",
            "years_in_business",
            "annual_revenue",
            "referral_source",
            "tags",
            "user",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Apply the party's rules, and keep people to the fields that are theirs to set."""
        attrs = super().validate(attrs)
        request = self.context.get("request")
        role = getattr(getattr(request, "user", None), "role", None)
        present = getattr(self.instance, "user", None)
        if role != Role.ADMIN and attrs.get("user", present) != present:
            raise serializers.ValidationError({"user": ["Only administrators link a login."]})
        if role == Role.CLIENT and self.instance is not None:
            self._only_contact_data(attrs)
        return attrs

    def _only_contact_data(self, attrs: dict[str, Any]) -> None:
        contact = {*CONTACT_FIELDS, *AddressSerializer().fields}
        foreign = [
            name
            for name, value in attrs.items()
            if name not in contact and getattr(self.instance, name) != value
        ]
        if foreign:
            raise serializers.ValidationError(
                {name: ["Ask your broker or the lender to change this."] for name in foreign}
            )


class CompanyBorrowerSerializer(BorrowerSerializer):
    """A new company."""

    borrower_type = serializers.HiddenField(default=PartyType.COMPANY)

    class Meta(BorrowerSerializer.Meta):
        fields = [name for name in BorrowerSerializer.Meta.fields if name not in PERSON_FIELDS]


class GuarantorSummarySerializer(ModelSerializer):
    """A guarantor in a list."""

    display_name = serializers.CharField(read_only=True)

    class Meta:
        model = Guarantor
        fields = [
            "id",
            "guarantor_type",
            "relationship",
            "display_name",
            "email",
            "phone",
            "borrower",
            "created_at",
        ]
        read_only_fields = fields


class GuarantorSerializer(PartySerializer):
    """A guarantor in full."""

    kind_field = "guarantor_type"

    borrower = VisiblePrimaryKeyField(queryset=Borrower.objects.all(), required=False, allow_null=True)

    class Meta:
        model = Guarantor
        fields = [
            "id",
            "guarantor_type",
            "relationship",
            "display_name",
            *PARTY_FIELDS,
            "borrower",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]
