"""Borrowers and guarantors: light rows, and in full."""

from functools import cache
from typing import Any

from rest_framework import serializers

from borrowers.choices import PartyType
from borrowers.models import Borrower, Guarantor
from borrowers.serializers.duplicates import DuplicateSerializer
from borrowers.serializers.parts import (
    AddressSerializer,
    BankAccountSerializer,
    DirectorsField,
    IdentityDocumentsField,
    MailingAddressSerializer,
    reads_secrets,
)
from crm_backend.common.australia import validate_abn, validate_acn, validate_tfn
from crm_backend.common.reads import reads
from crm_backend.common.serializers import (
    DigitsField,
    ModelSerializer,
    PhoneField,
    SecretField,
    VisiblePrimaryKeyField,
    caller_of,
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
    "mailing_address",
]
# What only people, or only companies, have: of borrowers and of guarantors. A person may have an ABN.
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
    "identity_documents",
    "annual_income",
    "other_income",
    "monthly_expenses",
}
COMPANY_FIELDS = {
    "company_name",
    "acn",
    "business_type",
    "industry",
    "years_in_business",
    "directors",
    "annual_revenue",
    "net_profit",
    "total_assets",
    "total_liabilities",
    "financials_as_at",
}
NOT_OF = {
    PartyType.COMPANY: (PERSON_FIELDS, "Only a person has this."),
    PartyType.INDIVIDUAL: (COMPANY_FIELDS, "Only a company has this."),
}
EMPTY: tuple[Any, ...] = ("", None, [])
BANK_ACCOUNT = {"name": "bank_account_name", "bsb": "bank_bsb", "number": "bank_account_number"}
# What a client may change of their own profile, by column.
CONTACT_COLUMNS = {"email", "phone"} | {
    f"{prefix}{part}" for prefix in ("", "mailing_") for part in AddressSerializer().fields
}

# What brokers and the lender note about a borrower, and what clients read instead.
NOTED: dict[str, Any] = {"referral_source": "", "tags": []}


@cache
def _columns(model: Any) -> frozenset[str]:
    return frozenset(field.name for field in model._meta.concrete_fields)


class PartySerializer(ModelSerializer):
    """Rules that people and companies share; `kind_field` says which of the two it is."""

    kind_field = ""

    display_name = serializers.CharField(read_only=True)
    phone = PhoneField(required=False, allow_blank=True)
    abn = DigitsField(required=False, allow_blank=True, validators=[validate_abn])
    acn = DigitsField(required=False, allow_blank=True, validators=[validate_acn])
    address = AddressSerializer(source="*", required=False)
    mailing_address = MailingAddressSerializer(source="*", required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A person has names; a company has its name and an ABN or ACN; neither has what is the other's."""

        def value(name: str) -> Any:
            return attrs.get(name, getattr(self.instance, name, ""))

        errors: dict[str, list[str]] = {}
        present = getattr(self.instance, self.kind_field, None)
        kind = attrs.get(self.kind_field) or present or PartyType.INDIVIDUAL
        if kind == PartyType.COMPANY:
            if not value("company_name"):
                errors["company_name"] = ["A company needs its name."]
            if not value("abn") and not value("acn"):
                errors["abn"] = ["A company needs an ABN or an ACN."]
        else:
            for name in ("first_name", "last_name"):
                if not value(name):
                    errors[name] = ["A person needs both names."]
        foreign, message = NOT_OF[kind]
        # What is stored is looked at when the kind changes: it would stay, and be nobody's to see.
        looked_at = foreign if present not in (None, kind) else foreign & attrs.keys()
        model: Any = self.Meta.model
        columns = _columns(model)
        errors |= {name: [message] for name in sorted(looked_at & columns) if value(name) not in EMPTY}
        if errors:
            raise serializers.ValidationError(errors)
        return attrs


class OthersContactMixin:
    """Keeps from a client how to reach the others on their loans, and when those were born."""

    @reads()
    def conceal(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """Empty what is not the client's to know; names and relationship stay."""
        if getattr(caller_of(self), "role", "") != Role.CLIENT:
            return shown
        for name in ("email", "phone"):
            shown[name] = ""
        for name in {"address", "mailing_address"} & shown.keys():
            shown[name] = {**dict.fromkeys(shown[name], ""), "country": shown[name]["country"]}
        if "date_of_birth" in shown:
            shown["date_of_birth"] = None
        return shown


class BorrowerSummarySerializer(OthersContactMixin, ModelSerializer):
    """A borrower in a list."""

    display_name = serializers.CharField(read_only=True)

    class Meta:
        model = Borrower
        fields = ["id", "borrower_type", "display_name", "email", "phone", "state", "created_at"]
        read_only_fields = fields

    @reads("user_id")
    def conceal(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """One's own contact data is one's own to read."""
        caller = caller_of(self)
        if caller is not None and instance.user_id == caller.pk:
            return shown
        return super().conceal(shown, instance)


class BorrowerSerializer(PartySerializer):
    """A borrower in full."""

    kind_field = "borrower_type"

    tax_id = SecretField(
        readers=reads_secrets,
        whole=True,
        required=False,
        allow_blank=True,
        validators=[validate_tfn],
        help_text="Tax file number, 8 or 9 digits; dots only except to administrators and the owner.",
    )
    bank_account = BankAccountSerializer(source="*", required=False)
    identity_documents = IdentityDocumentsField(required=False)
    directors = DirectorsField(required=False)
    user = VisiblePrimaryKeyField(
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
            "tax_id",
            "bank_account",
            "identity_documents",
            "annual_income",
            "other_income",
            "monthly_expenses",
            "business_type",
            "industry",
            "years_in_business",
            "directors",
            "annual_revenue",
            "net_profit",
            "total_assets",
            "total_liabilities",
            "financials_as_at",
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
        self._complete(attrs)
        return attrs

    @reads()
    def conceal(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """Empty for clients what others note about them."""
        if getattr(caller_of(self), "role", "") == Role.CLIENT:
            shown.update(NOTED)
        return shown

    def _only_contact_data(self, attrs: dict[str, Any]) -> None:
        for name, shown in NOTED.items():
            if attrs.get(name) == shown:  # as it was read
                del attrs[name]
        foreign = [
            "bank_account" if name in BANK_ACCOUNT.values() else name
            for name, value in attrs.items()
            if name not in CONTACT_COLUMNS and (name in NOTED or getattr(self.instance, name) != value)
        ]
        if foreign:
            raise serializers.ValidationError(
                {name: ["Ask your broker or the lender to change this."] for name in foreign}
            )

    def _complete(self, attrs: dict[str, Any]) -> None:
        """Half a bank account pays nobody."""

        def value(name: str) -> Any:
            return attrs.get(name, getattr(self.instance, name, ""))

        errors: dict[str, Any] = {}
        lacking = [part for part, column in BANK_ACCOUNT.items() if not value(column)]
        if 0 < len(lacking) < len(BANK_ACCOUNT):
            message = "A bank account has a name, a BSB and a number."
            errors["bank_account"] = {part: [message] for part in lacking}
        if errors:
            raise serializers.ValidationError(errors)


class BorrowerCreatedSerializer(BorrowerSerializer):
    """A borrower that was just made, with those it may be a duplicate of: a warning, made all the same."""

    duplicates = DuplicateSerializer(many=True, read_only=True)

    class Meta(BorrowerSerializer.Meta):
        fields = [*BorrowerSerializer.Meta.fields, "duplicates"]


class CompanyBorrowerSerializer(BorrowerSerializer):
    """A new company."""

    borrower_type = serializers.HiddenField(default=PartyType.COMPANY)

    class Meta(BorrowerSerializer.Meta):
        fields = [name for name in BorrowerSerializer.Meta.fields if name not in PERSON_FIELDS]


class GuarantorSummarySerializer(OthersContactMixin, ModelSerializer):
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


class GuarantorSerializer(OthersContactMixin, PartySerializer):
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
