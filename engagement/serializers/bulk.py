"""Shape of the bulk import's upload."""

from rest_framework import serializers

from engagement.choices import AssignMethod, Duplicates
from jobs.serializers import BulkImportSerializer
from users.choices import Role

BY_RULE = [choice for choice in AssignMethod.choices if choice[0] != AssignMethod.MANUAL]


class LeadImportSerializer(BulkImportSerializer):
    """A file of leads, and what to do with it."""

    duplicates = serializers.ChoiceField(
        choices=Duplicates.choices,
        default=Duplicates.SKIP,
        help_text="What to do with those who are an open lead already.",
    )
    assign = serializers.ChoiceField(
        choices=BY_RULE,
        default="",
        allow_blank=True,
        help_text="Who gets those that name no assignee: a BDM of their branch. Of the lender's staff.",
    )

    def validate_assign(self, value: str) -> str:
        """The leads of brokers are their own."""
        if value and self.context["request"].user.role == Role.BROKER:
            raise serializers.ValidationError("What you import is yours.")
        return value
