"""Shapes of the ledger and of statements."""

from rest_framework import serializers

from crm_backend.common.serializers import ModelSerializer, Serializer
from events.serializers import ActorSerializer
from servicing.choices import EntryType
from servicing.models import JournalEntry, JournalLine
from servicing.serializers.fields import OPTIONAL, shown_amount


class LineSerializer(ModelSerializer):
    """One account of an entry; `amount` is a debit, or a credit when negative."""

    class Meta:
        model = JournalLine
        fields = ["account", "amount"]
        read_only_fields = fields


class JournalEntrySerializer(ModelSerializer):
    """One balanced entry. `running_balance` is what was owed after it, less money held."""

    date = serializers.DateField(source="entry_date", read_only=True)
    running_balance = shown_amount(source="balance")
    lines = LineSerializer(many=True, read_only=True)
    created_by = ActorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = JournalEntry
        fields = [
            "id",
            "entry_type",
            "amount",
            "date",
            "description",
            "running_balance",
            "fee",
            "repayment",
            "payment",
            "reverses",
            "lines",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields


class PeriodSerializer(Serializer):
    """A period, both days included."""

    start = serializers.DateField(**OPTIONAL, help_text="The first entry when left out.")
    end = serializers.DateField(**OPTIONAL, help_text="Today when left out.")


class StatementLineSerializer(Serializer):
    """One line: what it changed of what is owed, AUD."""

    date = serializers.DateField(read_only=True)
    entry = serializers.IntegerField(read_only=True)
    entry_type = serializers.ChoiceField(EntryType.choices, read_only=True)
    description = serializers.CharField(read_only=True)
    debit = shown_amount(help_text="AUD more owed.")
    credit = shown_amount(help_text="AUD less owed.")
    balance = shown_amount()


class StatementSerializer(Serializer):
    """What was owed at the beginning, all that changed it, and what is owed at the end, AUD."""

    reference_number = serializers.CharField(read_only=True)
    start = serializers.DateField(read_only=True)
    end = serializers.DateField(read_only=True)
    opening_balance = shown_amount()
    total_debits = shown_amount()
    total_credits = shown_amount()
    closing_balance = shown_amount()
    lines = StatementLineSerializer(many=True, read_only=True)
