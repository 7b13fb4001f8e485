"""Shapes of a broker's figures, with what became of the loans."""

from rest_framework import serializers

from applications.serializers.portfolios import BrokerFiguresSerializer
from crm_backend.common.serializers import Serializer
from servicing.choices import ArrearsBucket
from servicing.serializers.fields import shown_amount


class LateLoansSerializer(Serializer):
    """Loans of one bucket."""

    bucket = serializers.ChoiceField(choices=ArrearsBucket.choices, read_only=True)
    bucket_display = serializers.CharField(read_only=True)
    loans = serializers.IntegerField(read_only=True)
    amount = shown_amount(help_text="AUD past due and unpaid.")


class BrokerArrearsSerializer(Serializer):
    """How late the loans are."""

    loans = serializers.IntegerField(read_only=True)
    amount = shown_amount(help_text="AUD past due and unpaid.")
    buckets = LateLoansSerializer(many=True, read_only=True)


class BrokerStatsSerializer(BrokerFiguresSerializer):
    """What a broker's applications came to, and how late their loans are."""

    open_loans = serializers.IntegerField(read_only=True)
    arrears = BrokerArrearsSerializer(read_only=True)
