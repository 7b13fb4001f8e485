"""Shapes of applications: light rows, the full detail, and input."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from applications.choices import Stage
from applications.models import Application, Product, loan_to_value
from applications.permissions import APPLICATIONS
from applications.serializers.funding import FundingInputSerializer
from applications.serializers.securities import SecurityInputSerializer, SecuritySerializer
from applications.services.stage import allowed_stages
from borrowers.models import Borrower, Guarantor
from borrowers.permissions import BORROWERS, GUARANTORS
from borrowers.serializers import (
    BorrowerSerializer,
    BorrowerSummarySerializer,
    CompanyBorrowerSerializer,
    GuarantorSerializer,
    GuarantorSummarySerializer,
)
from brokers.models import Bdm, Branch, Broker, Partnership
from brokers.serializers import ReferenceSerializer
from crm_backend.common.reads import reads
from crm_backend.common.serializers import (
    LinkedListSerializer,
    ModelSerializer,
    PhoneField,
    Serializer,
    VisiblePrimaryKeyField,
    VisiblePrimaryKeysField,
)
from users.choices import Role

TERMS = [
    "application_type",
    "product",
    "purpose",
    "loan_amount",
    "approved_amount",
    "loan_term",
    "interest_rate",
    "repayment_frequency",
    "estimated_settlement_date",
    "valuer",
    "quantity_surveyor",
]
# People, or securities, of each kind in one cascade.
MAX_NESTED = 50
# Who may set what is beyond one's own terms.
STAFF_ONLY = {"approved_amount": {Role.ADMIN, Role.BD}, "broker": {Role.ADMIN}, "branch": {Role.ADMIN},
              "bd": {Role.ADMIN, Role.BROKER}}  # fmt: skip


# Whom a referral is shown to.
REFERRAL_READERS = (Role.ADMIN, Role.BD)


class ContactSerializer(Serializer):
    """A firm that works on an application; the columns are the application's own, by a prefix."""

    company = serializers.CharField(max_length=200, required=False, allow_blank=True)
    contact = serializers.CharField(max_length=200, required=False, allow_blank=True)
    phone = PhoneField(required=False, allow_blank=True)
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(source="*", required=False, **kwargs)
        self.prefix = prefix

    def get_fields(self) -> dict[str, Any]:
        """Each in its column."""
        fields = super().get_fields()
        for name, field in fields.items():
            field.source = f"{self.prefix}_{name}"
        return fields


class ApplicationListSerializer(ModelSerializer):
    """A light, flat row."""

    product_name = serializers.CharField(read_only=True, allow_null=True)
    broker_name = serializers.CharField(
        source="broker.full_name", read_only=True, allow_null=True, default=None
    )
    bd_name = serializers.CharField(source="bd.user.full_name", read_only=True, allow_null=True, default=None)
    branch_name = serializers.CharField(source="branch.name", read_only=True, allow_null=True, default=None)
    borrower_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Application
        fields = [
            "id",
            "reference_number",
            "application_type",
            "product",
            "product_name",
            "loan_amount",
            "loan_term",
            "interest_rate",
            "repayment_frequency",
            "stage",
            "stage_entered_at",
            "estimated_settlement_date",
            "broker",
            "broker_name",
            "bd",
            "bd_name",
            "branch",
            "branch_name",
            "borrower_count",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class ApplicationSerializer(ModelSerializer):
    """The full application, nested."""

    product = ReferenceSerializer(read_only=True, allow_null=True)
    valuer = ContactSerializer("valuer", read_only=True)
    quantity_surveyor = ContactSerializer("quantity_surveyor", read_only=True)
    broker = ReferenceSerializer(read_only=True, allow_null=True)
    bd = ReferenceSerializer(read_only=True, allow_null=True)
    branch = ReferenceSerializer(read_only=True, allow_null=True)
    referral_partner = ReferenceSerializer(
        read_only=True, allow_null=True, help_text="Who referred it; null for brokers and clients."
    )
    borrowers = LinkedListSerializer(
        child=BorrowerSummarySerializer(), link="borrower", source="borrower_links", read_only=True
    )
    guarantors = LinkedListSerializer(
        child=GuarantorSummarySerializer(), link="guarantor", source="guarantor_links", read_only=True
    )
    securities = SecuritySerializer(many=True, read_only=True)
    loan_to_value_ratio = serializers.SerializerMethodField()
    allowed_stages = serializers.SerializerMethodField()

    class Meta:
        model = Application
        fields = [
            "id",
            "reference_number",
            "client_reference",
            *TERMS,
            "stage",
            "stage_entered_at",
            "came_from",
            "allowed_stages",
            "broker",
            "bd",
            "branch",
            "referral_partner",
            "borrowers",
            "guarantors",
            "securities",
            "loan_to_value_ratio",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    @extend_schema_field({"type": ["string", "null"], "format": "decimal", "description": "Percent."})
    @reads("amount_to_lend", "securities.lending_value")
    def get_loan_to_value_ratio(self, application: Application) -> str | None:
        """The amount to lend (approved, else asked for) over what all securities are worth, in percent."""
        values = [security.lending_value for security in application.securities.all()]
        ratio = loan_to_value(application.amount_to_lend, values)
        return None if ratio is None else str(ratio)

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(Stage.choices)))
    @reads("stage", "came_from")
    def get_allowed_stages(self, application: Application) -> list[str]:
        """Where the caller may move it now, guards aside."""
        return allowed_stages(application, self.context["request"].user.role)

    @reads()
    def conceal(self, shown: dict[str, Any], instance: Application) -> dict[str, Any]:
        """Who referred it is the lender's own matter."""
        if self.context["request"].user.role not in REFERRAL_READERS and "referral_partner" in shown:
            shown["referral_partner"] = None
        return shown


class ReferralPartnerField(VisiblePrimaryKeyField):
    """Who referred an application, for the lender's staff: to others there is none."""

    def to_internal_value(self, data: Any) -> Any:
        """Find it among those that the caller sees."""
        if self.context["request"].user.role in REFERRAL_READERS:
            return super().to_internal_value(data)
        return serializers.PrimaryKeyRelatedField.to_internal_value(self, data)


class ApplicationInputSerializer(ModelSerializer):
    """What a caller may write."""

    product = VisiblePrimaryKeyField(queryset=Product.objects.all(), required=False, allow_null=True)
    valuer = ContactSerializer("valuer")
    quantity_surveyor = ContactSerializer("quantity_surveyor")
    broker = VisiblePrimaryKeyField(queryset=Broker.objects.all(), required=False, allow_null=True)
    bd = VisiblePrimaryKeyField(queryset=Bdm.objects.all(), required=False, allow_null=True)
    branch = VisiblePrimaryKeyField(queryset=Branch.objects.all(), required=False, allow_null=True)
    referral_partner = ReferralPartnerField(
        queryset=Partnership.objects.all(), required=False, allow_null=True
    )

    class Meta:
        model = Application
        fields = [*TERMS, "broker", "bd", "branch", "referral_partner"]

    def fields_of_class(self) -> dict[str, Any]:
        """No display names: this shape is only ever sent."""
        found = super().fields_of_class()
        return {name: field for name, field in found.items() if name in self.Meta.fields}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse fields that are not the caller's to set."""
        role = self.context["request"].user.role
        present = {name: getattr(self.instance, name, None) for name in STAFF_ONLY}
        errors = {
            name: ["This is not yours to set."]
            for name, roles in STAFF_ONLY.items()
            if role not in roles and attrs.get(name, present[name]) != present[name]
        }
        if errors:
            raise serializers.ValidationError(errors)
        if role not in REFERRAL_READERS:
            # They see none, so all that can be here is null; a refusal would tell whether there is one.
            attrs.pop("referral_partner", None)
        return attrs


class ApplicationCreateSerializer(ApplicationInputSerializer):
    """A new application with borrowers and guarantors that exist already."""

    borrowers = VisiblePrimaryKeysField(queryset=Borrower.objects, required=False)
    guarantors = VisiblePrimaryKeysField(queryset=Guarantor.objects, required=False)

    class Meta(ApplicationInputSerializer.Meta):
        fields = [*ApplicationInputSerializer.Meta.fields, "borrowers", "guarantors"]


def _several(child: ModelSerializer) -> Any:
    """A list of nested input, not longer than a cascade may be."""
    return serializers.ListSerializer(child=child, required=False, max_length=MAX_NESTED)


# The parts of a cascade, and the right to make each by itself.
PARTS = {
    "borrowers": (BORROWERS, "create"),
    "company_borrowers": (BORROWERS, "company"),
    "guarantors": (GUARANTORS, "create"),
    "funding_calculation_input": (APPLICATIONS, "funding_calculation"),
}


class CascadeSerializer(ApplicationInputSerializer):
    """A new application with new people, companies, guarantors and securities."""

    borrowers = _several(BorrowerSerializer())
    company_borrowers = _several(CompanyBorrowerSerializer())
    guarantors = _several(GuarantorSerializer())
    securities = _several(SecurityInputSerializer())
    funding_calculation_input = FundingInputSerializer(required=False)

    class Meta(ApplicationInputSerializer.Meta):
        fields = [
            *ApplicationInputSerializer.Meta.fields,
            "borrowers",
            "company_borrowers",
            "guarantors",
            "securities",
            "funding_calculation_input",
        ]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Each part needs the right to make such a thing by itself; securities come with any application."""
        attrs = super().validate(attrs)
        errors = {
            part: ["This is not yours to add."]
            for part in self.parts_of_others(self.context["request"].user)
            if attrs.get(part) not in (None, [])
        }
        if errors:
            raise serializers.ValidationError(errors)
        return attrs

    @staticmethod
    def parts_of_others(user: Any) -> list[str]:
        """The parts that a user may not add."""
        return [part for part, (policy, action) in PARTS.items() if policy.grant(action, user) is None]


class AssignSerializer(Serializer):
    """Who is to be responsible; what is left out stays, null means nobody."""

    broker = VisiblePrimaryKeyField(queryset=Broker.objects.all(), required=False, allow_null=True)
    bd = VisiblePrimaryKeyField(queryset=Bdm.objects.all(), required=False, allow_null=True)
    branch = VisiblePrimaryKeyField(queryset=Branch.objects.all(), required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Something has to be said."""
        if not attrs:
            raise serializers.ValidationError("Name a broker, a BDM or a branch.")
        return attrs


class ValidSerializer(Serializer):
    """The body could be created as it is."""

    valid = serializers.BooleanField()


class SetBorrowersSerializer(Serializer):
    """The borrowers to be on an application, each once, the primary one first."""

    borrowers = VisiblePrimaryKeysField(queryset=Borrower.objects, allow_empty=False)


class SetGuarantorsSerializer(Serializer):
    """The guarantors to be on an application, each once."""

    guarantors = VisiblePrimaryKeysField(queryset=Guarantor.objects)
