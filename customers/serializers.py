"""Shapes of customers."""

from typing import Any

from rest_framework import serializers

from applications.models import Application
from borrowers.models import Borrower
from crm_backend.common.reads import reads
from crm_backend.common.serializers import ModelSerializer, Serializer, caller_of
from customers.permissions import VALUE_READERS
from customers.selectors import DEFINITIONS, LATEST, MOST_LOANS
from engagement.serializers.appointments import AppointmentListSerializer
from engagement.serializers.interactions import InteractionSerializer
from engagement.serializers.reviews import ReviewSerializer
from messaging.serializers import ConversationSerializer
from servicing.choices import LoanStatus
from servicing.dates import business_date

RELATIONS = [
    ("broker", "Broker"),
    ("bdm", "BDM"),
    ("co_borrower", "Co-borrower"),
    ("guarantor", "Guarantor"),
]


def _count(name: str) -> serializers.IntegerField:
    return serializers.IntegerField(read_only=True, min_value=0, help_text=DEFINITIONS[name])


def _money(name: str, **kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=20, decimal_places=2, read_only=True, help_text=DEFINITIONS[name], **kwargs
    )


def _moment(name: str) -> serializers.DateTimeField:
    return serializers.DateTimeField(read_only=True, allow_null=True, help_text=DEFINITIONS[name])


class CustomerListSerializer(ModelSerializer):
    """A customer in a list; `lifetime_value` is null for brokers."""

    display_name = serializers.CharField(read_only=True)
    open_applications = _count("open_applications")
    open_loans = _count("open_loans")
    closed_loans = _count("closed_loans")
    total_lent = _money("total_lent")
    balance = _money("balance")
    lifetime_value = _money("lifetime_value", allow_null=True)
    days_past_due = serializers.SerializerMethodField(help_text=DEFINITIONS["days_past_due"])
    last_interaction_at = _moment("last_interaction_at")
    next_appointment_at = _moment("next_appointment_at")

    class Meta:
        model = Borrower
        fields = [
            "id",
            "borrower_type",
            "display_name",
            "email",
            "phone",
            "city",
            "state",
            "tags",
            "open_applications",
            "open_loans",
            "closed_loans",
            "total_lent",
            "balance",
            "lifetime_value",
            "days_past_due",
            "last_interaction_at",
            "next_appointment_at",
            "created_at",
        ]
        read_only_fields = fields

    @reads("oldest_due")
    def get_days_past_due(self, borrower: Any) -> int:
        """Of the latest one."""
        return _days_since(borrower.oldest_due)

    @reads()
    def conceal(self, shown: dict[str, Any], instance: Any) -> dict[str, Any]:
        """What the lender earned, from those who are not the lender's."""
        if getattr(caller_of(self), "role", "") in VALUE_READERS:
            return shown
        return {**shown, "lifetime_value": None}


class CustomerLoanSerializer(ModelSerializer):
    """A loan of a customer, on its way, open or closed."""

    amount = serializers.DecimalField(
        source="amount_to_lend",
        max_digits=14,
        decimal_places=2,
        read_only=True,
        help_text="AUD; approved, or before that, asked for.",
    )
    balance = serializers.DecimalField(
        max_digits=20, decimal_places=2, read_only=True, help_text="AUD; what is owed now."
    )
    days_past_due = serializers.SerializerMethodField()
    settled_on = serializers.DateField(
        source="loan.settled_on", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = Application
        fields = [
            "id",
            "reference_number",
            "application_type",
            "stage",
            "amount",
            "balance",
            "days_past_due",
            "settled_on",
            "created_at",
        ]
        read_only_fields = fields

    def get_days_past_due(self, application: Any) -> int:
        """Since the oldest repayment that is overdue; 0: none is."""
        loan = getattr(application, "loan", None)
        return _days_since(loan.oldest_due) if loan and loan.status == LoanStatus.ACTIVE else 0


class CustomerContactSerializer(Serializer):
    """Somebody around a customer; `id` is that of the broker, BDM, borrower or guarantor.

    `email` and `phone` are empty where the caller does not see the profile.
    """

    relation = serializers.ChoiceField(RELATIONS)
    id = serializers.IntegerField()
    name = serializers.CharField()
    email = serializers.CharField(allow_blank=True)
    phone = serializers.CharField(allow_blank=True)


class CustomerSerializer(CustomerListSerializer):
    """A customer, and what the caller sees around them."""

    loans = CustomerLoanSerializer(
        source="around.loans", many=True, read_only=True, help_text=f"The {MOST_LOANS} newest."
    )
    contacts = CustomerContactSerializer(source="around.contacts", many=True, read_only=True)
    recent_interactions = InteractionSerializer(
        source="around.recent_interactions", many=True, read_only=True, help_text=f"The {LATEST} latest."
    )
    upcoming_appointments = AppointmentListSerializer(
        source="around.upcoming_appointments", many=True, read_only=True, help_text=f"The next {LATEST}."
    )
    conversations = ConversationSerializer(
        source="around.conversations",
        many=True,
        read_only=True,
        help_text=f"The caller's own, about a loan or with the customer; the {LATEST} last written in.",
    )
    reviews = ReviewSerializer(
        source="around.reviews", many=True, read_only=True, help_text=f"The {LATEST} latest."
    )

    class Meta(CustomerListSerializer.Meta):
        fields = [
            *CustomerListSerializer.Meta.fields,
            "loans",
            "contacts",
            "recent_interactions",
            "upcoming_appointments",
            "conversations",
            "reviews",
        ]
        read_only_fields = fields


def _days_since(oldest_due: Any) -> int:
    return max(0, (business_date() - oldest_due).days) if oldest_due else 0
