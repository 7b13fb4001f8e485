"""Shapes of leads."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from applications.choices import MAX_TERM_MONTHS, ApplicationType, RepaymentFrequency
from applications.models import Product
from applications.serializers.applications import REFERRAL_READERS, ReferralPartnerField
from borrowers.models import Borrower, validate_birth_date
from brokers.models import Branch, Partnership
from brokers.serializers import ReferenceSerializer
from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer, PhoneField, Serializer, VisiblePrimaryKeyField
from engagement.choices import AssignMethod, LeadSource, LeadStatus
from engagement.models import Lead
from engagement.scoring import PARTS
from engagement.stages import legal_moves
from events.serializers import ActorSerializer
from users.models import User

CONTACT = ["first_name", "last_name", "email", "phone", "company_name", "state"]
WANTED = ["loan_amount", "application_type", "purpose", "message"]
QUALIFYING = ["annual_income", "deposit", "is_decision_maker", "timeframe"]
CAMPAIGN = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "landing_page"]
TERMS = [
    *CONTACT,
    *WANTED,
    *QUALIFYING,
    "source",
    "urgency",
    "follow_up_on",
    "consent_to_contact",
    *CAMPAIGN,
]
STANDING = ["status", "status_changed_at", "score", "temperature"]
# What a lead has become; nothing of it is told to those who do not see the application.
BECAME = ["borrower", "application", "application_reference"]


def _without(shown: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """With null for some of what is shown."""
    return {**shown, **{name: None for name in names if name in shown}}


class LeadListSerializer(ModelSerializer):
    """A light, flat row."""

    assignee_name = serializers.CharField(
        source="assignee.full_name", read_only=True, allow_null=True, default=None
    )
    branch_name = serializers.CharField(source="branch.name", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Lead
        fields = [
            "id",
            *CONTACT,
            "loan_amount",
            "application_type",
            *STANDING,
            "source",
            "urgency",
            "assignee",
            "assignee_name",
            "branch",
            "branch_name",
            "follow_up_on",
            "submission_count",
            "application",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    @reads("application_known")
    def conceal(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """What became of it, from those who do not see that."""
        return shown if instance.application_known else _without(shown, BECAME)


class ScoreRuleSerializer(Serializer):
    """What one rule gave, and why."""

    rule = serializers.CharField()
    points = serializers.IntegerField(min_value=0)
    max = serializers.IntegerField(min_value=0)
    reason = serializers.CharField()


class ScorePartSerializer(Serializer):
    """The points of one part of the score: those of its rules, added up."""

    points = serializers.IntegerField(min_value=0)
    max = serializers.IntegerField(min_value=0)
    rules = ScoreRuleSerializer(many=True)


class ScoreBreakdownSerializer(Serializer):
    """The score by its parts, whose points add up to it."""

    def get_fields(self) -> dict[str, Any]:
        """One for each part."""
        return {part: ScorePartSerializer() for part in PARTS}


class LeadSerializer(ModelSerializer):
    """The full lead."""

    score_breakdown = serializers.SerializerMethodField()
    allowed_statuses = serializers.SerializerMethodField()
    assignee = ActorSerializer(read_only=True, allow_null=True)
    branch = ReferenceSerializer(read_only=True, allow_null=True)
    partnership = ReferenceSerializer(
        read_only=True, allow_null=True, help_text="Who referred them; null for brokers."
    )
    created_by = ActorSerializer(read_only=True, allow_null=True)
    application_reference = serializers.CharField(
        source="application.reference_number", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = Lead
        fields = [
            "id",
            *TERMS,
            *STANDING,
            "score_breakdown",
            "allowed_statuses",
            "lost_reason",
            "assignee",
            "branch",
            "partnership",
            "consented_at",
            "submission_count",
            "last_submitted_at",
            "conversation_count",
            "borrower",
            "application",
            "application_reference",
            "converted_at",
            "created_by",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    @extend_schema_field(ScoreBreakdownSerializer)
    @reads("score_breakdown")
    def get_score_breakdown(self, lead: Lead) -> Any:
        """How the score comes about."""
        return lead.score_breakdown

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(LeadStatus.choices)))
    @reads("status", "converted_at")
    def get_allowed_statuses(self, lead: Lead) -> list[str]:
        """Where people may move it now."""
        moves = legal_moves(lead.status, is_converted=lead.converted_at is not None)
        return [status.value for status in moves]

    @reads("application_known")
    def conceal(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """Who referred them is the lender's own matter; what became of it is of those who see that."""
        if self.context["request"].user.role not in REFERRAL_READERS:
            shown = _without(shown, ["partnership"])
        return shown if instance.application_known else _without(shown, BECAME)


class LeadInputSerializer(ModelSerializer):
    """What people write of a lead; it can be reached by an e-mail address or a phone number."""

    phone = PhoneField(required=False, allow_blank=True)
    partnership = ReferralPartnerField(
        queryset=Partnership.objects.all(),
        required=False,
        allow_null=True,
        help_text="Who referred them; the source is then `partner_referral`. Of the lender's staff.",
    )

    class Meta:
        model = Lead
        fields = [*TERMS, "partnership"]

    def validate_email(self, value: str) -> str:
        """In lower case."""
        return value.lower()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Somebody who cannot be reached is no lead."""
        reached = [attrs.get(name, getattr(self.instance, name, "")) for name in ("email", "phone")]
        if not any(reached):
            raise serializers.ValidationError(
                {"email": ["Give an e-mail address or a phone number."]}, code="required"
            )
        if self.context["request"].user.role not in REFERRAL_READERS:
            # They see none, so all that can be here is null.
            attrs.pop("partnership", None)
        return attrs


class LeadCreateSerializer(LeadInputSerializer):
    """A lead that comes in, also through a form on a website.

    A form has a field `website` that people do not see and leave empty, and says how long it took to fill in.
    """

    branch = VisiblePrimaryKeyField(
        queryset=Branch.objects.filter(is_active=True),
        required=False,
        allow_null=True,
        help_text="Administrators only; others bring leads for their own branch.",
    )
    website = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="A trap: people leave it empty.",
    )
    form_seconds = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=1_000_000,
        help_text="How long it took to fill the form in, seconds; less than 3 is taken for a program.",
    )

    class Meta(LeadInputSerializer.Meta):
        fields = [*LeadInputSerializer.Meta.fields, "branch", "website", "form_seconds"]


class LeadCreatedSerializer(LeadSerializer):
    """The lead, and whether it was there already."""

    duplicate = serializers.BooleanField(
        read_only=True, help_text="Whether they were a lead already, who is counted as asking again."
    )

    class Meta(LeadSerializer.Meta):
        fields = [*LeadSerializer.Meta.fields, "duplicate"]
        read_only_fields = fields


class LeadStatusInputSerializer(Serializer):
    """A move to another status."""

    status = serializers.ChoiceField(choices=LeadStatus.choices, source="to")
    reason = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="To lose a lead needs one."
    )

    def validate_status(self, value: str) -> LeadStatus:
        """As a member."""
        return LeadStatus(value)


class LeadAssignSerializer(Serializer):
    """To whom: a person, or whoever comes next in a branch."""

    method = serializers.ChoiceField(choices=AssignMethod.choices, default=AssignMethod.MANUAL)
    assignee = VisiblePrimaryKeyField(
        queryset=User.objects.all(), required=False, allow_null=True, help_text="Of `manual`."
    )
    branch = VisiblePrimaryKeyField(
        queryset=Branch.objects.filter(is_active=True),
        required=False,
        allow_null=True,
        help_text="Of the other methods; the lead's own where it is left out.",
    )

    def validate_method(self, value: str) -> AssignMethod:
        """As a member."""
        return AssignMethod(value)


class LeadConvertSerializer(Serializer):
    """The terms of the application that are not the lead's own, and who borrows."""

    borrower = VisiblePrimaryKeyField(
        queryset=Borrower.objects.all(),
        required=False,
        allow_null=True,
        help_text="Somebody who is there already.",
    )
    force_new = serializers.BooleanField(default=False, help_text="Make a new one, whoever is like them.")
    date_of_birth = serializers.DateField(required=False, allow_null=True, validators=[validate_birth_date])
    loan_amount = serializers.DecimalField(
        max_digits=14,
        decimal_places=2,
        min_value=Decimal("0.01"),
        required=False,
        allow_null=True,
        help_text="AUD.",
    )
    loan_term = serializers.IntegerField(min_value=1, max_value=MAX_TERM_MONTHS, help_text="Months.")
    interest_rate = serializers.DecimalField(
        max_digits=7, decimal_places=4, min_value=0, max_value=100, help_text="Percent per annum."
    )
    application_type = serializers.ChoiceField(choices=ApplicationType.choices, required=False)
    purpose = serializers.CharField(max_length=500, required=False, allow_blank=True)
    repayment_frequency = serializers.ChoiceField(choices=RepaymentFrequency.choices, required=False)
    product = VisiblePrimaryKeyField(queryset=Product.objects.all(), required=False, allow_null=True)


class LeadScoreSerializer(ModelSerializer):
    """A score and how it comes about."""

    score_breakdown = ScoreBreakdownSerializer(read_only=True)

    class Meta:
        model = Lead
        fields = ["id", "score", "temperature", "score_breakdown"]
        read_only_fields = fields


class RateField(serializers.DecimalField):
    """Percent with two decimals, or null where nothing was counted."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=12, decimal_places=2, allow_null=True, **kwargs)


class LeadSourceFiguresSerializer(Serializer):
    """The funnel of one source."""

    source = serializers.ChoiceField(choices=LeadSource.choices)  # type: ignore[assignment]
    total = serializers.IntegerField(min_value=0)
    converted = serializers.IntegerField(min_value=0)
    conversion_rate = RateField()


class LeadAssigneeFiguresSerializer(Serializer):
    """The funnel of one person; null is nobody."""

    assignee = serializers.IntegerField(allow_null=True)
    assignee_name = serializers.CharField(allow_null=True)
    total = serializers.IntegerField(min_value=0)
    converted = serializers.IntegerField(min_value=0)
    conversion_rate = RateField()


class LeadStatsSerializer(Serializer):
    """The figures of the funnel; `definitions` says what each is."""

    total = serializers.IntegerField(min_value=0)
    converted = serializers.IntegerField(min_value=0)
    won = serializers.IntegerField(min_value=0)
    lost = serializers.IntegerField(min_value=0)
    conversion_rate = RateField()
    win_rate = RateField()
    average_days_to_convert = RateField()
    by_status = serializers.DictField(child=serializers.IntegerField(min_value=0))
    by_source = LeadSourceFiguresSerializer(many=True)
    by_assignee = LeadAssigneeFiguresSerializer(many=True)
    definitions = serializers.DictField(child=serializers.CharField())
